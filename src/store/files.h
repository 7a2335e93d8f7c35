#ifndef STORE_FILES_H
#define STORE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <time.h>

/* The files of a log in SQLite. All belong to this user, and are no links. */
enum files_name {
	FILES_DATABASE,
	FILES_WAL, /* these two are SQLite's */
	FILES_SHM,
	FILES_LOCK, /* one of its bytes bars all other writers */
	FILES_BELL,
	FILES_JOURNAL, /* SQLite's, for a moment */
	FILES_NEW,     /* the database until it is whole, */
	FILES_NEW_WAL, /* and SQLite's beside it */
	FILES_NEW_SHM,
	FILES_COUNT
};

/* As many are compared: the others exist for moments only. */
#define FILES_LASTING_COUNT FILES_JOURNAL

struct files {
	char *folder; /* absolute and without links */
	char *paths[FILES_COUNT];
};

/* Which files they are, whatever their names are now. */
struct files_identity {
	dev_t devices[FILES_LASTING_COUNT];
	ino_t inodes[FILES_LASTING_COUNT]; /* 0: there is none */
};

/*
 * Finds the folder and checks it and the files in it: a folder on a network,
 * files of another user or writable by others, and files that are no regular
 * ones are refused. -1: error is a line with the name and the cure.
 * files_deinit is due in both cases.
 */
int  files_init(struct files *, const char *path, char *error,
     size_t error_bytes);
void files_deinit(struct files *);

/* The network that the folder is on, "NFS"; NULL: it is on a local disk. */
const char *files_network(const char *folder);

/* The second part of that: kinds and owners of the files that are there. */
int files_check(const struct files *, char *error, size_t error_bytes);

void files_identify(const struct files *, struct files_identity *);
bool files_are_same(const struct files_identity *,
    const struct files_identity *);

/* What was seen of the folder, and when; all 0: nothing. */
struct files_look {
	dev_t           device;
	ino_t           inode;
	struct timespec changed; /* a name in it, last */
	struct timespec at;
};

void files_look(const struct files *, struct files_look *);

/*
 * Whether the names lead to the same files now as just after the look before;
 * it is asked instead of files_identify, and costs a fifth. False if it cannot
 * tell: soon after a change, whose time is kept to 2 s in some file systems, or
 * when the last look was a while ago.
 */
bool files_have_stayed(const struct files_look *before,
    const struct files_look                    *now);

/*
 * Opens a file of our own for reading and writing, and makes it with mode 0600
 * if is_new is allowed. -1 with errno: ELOOP for a link, EPERM for a file of
 * another user, EINVAL for what is no file.
 */
int files_open_private(const char *path, bool is_new);

/*
 * Renames database and WAL to NAME.corrupt-TIME, and writes the name of the
 * database to name. Returns 0, or -1 with errno.
 */
int files_set_aside(const struct files *, char *name, size_t name_bytes);

/* Removes what SQLite made beside FILES_NEW. */
void files_remove_new(const struct files *);

/* Removes the WAL and shm of a database that is no more. */
void files_remove_rest(const struct files *);

#endif
