#include "config.h"

#include "store/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

/* No time of a change that is so old can be that of another change too. */
#define SETTLED_S 2

/* A look holds for so long: nothing but names is noticed by it. */
#define LOOK_AGAIN_S 1

static const char *const suffixes[FILES_COUNT] = {
	[FILES_DATABASE] = "",
	[FILES_WAL] = "-wal",
	[FILES_SHM] = "-shm",
	[FILES_LOCK] = "-lock",
	[FILES_BELL] = "-bell",
	[FILES_JOURNAL] = "-journal",
	[FILES_NEW] = "-new",
	[FILES_NEW_WAL] = "-new-wal",
	[FILES_NEW_SHM] = "-new-shm",
};

/*
 * Where locks or mapped files are not those of one machine, or where that
 * cannot be told. FUSE may be anything, sshfs among others.
 */
static const struct {
	uint32_t    magic;
	const char *name;
} networks[] = {
	{ 0x6969, "NFS" },
	{ 0x517b, "SMB" },
	{ 0xff534d42, "CIFS" },
	{ 0xfe534d42, "SMB" },
	{ 0x00c36400, "Ceph" },
	{ 0x5346414f, "AFS" },
	{ 0x6b414653, "AFS" },
	{ 0x01021997, "9P" },
	{ 0x65735546, "FUSE" },
	{ 0x47504653, "GPFS" },
	{ 0x0bd00bd0, "Lustre" },
	{ 0x73757245, "Coda" },
	{ 0x7461636f, "OCFS2" },
	{ 0x01161970, "GFS2" },
	{ 0x786f4256, "a shared folder of VirtualBox" },
};

const char *
files_network(const char *folder)
{
	struct statfs status;

	if (statfs(folder, &status) == -1)
		return NULL;
	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
		if ((uint32_t)status.f_type == networks[i].magic)
			return networks[i].name;
	}
	return NULL;
}

static int
check_network(const struct files *files, char *error, size_t error_bytes)
{
	const char *network = files_network(files->folder);

	if (network == NULL)
		return 0;
	snprintf(error, error_bytes,
	    "store %s: %s is on %s, where several machines could "
	    "damage it; give a folder on a local disk, or redis://HOST",
	    files->paths[FILES_DATABASE], files->folder, network);
	return -1;
}

static int
check_file(const char *path, char *error, size_t error_bytes)
{
	struct stat status;
	const char *wrong = NULL;

	if (lstat(path, &status) == -1) {
		if (errno == ENOENT)
			return 0;
		snprintf(error, error_bytes, "store %s: %s", path,
		    strerror(errno));
		return -1;
	}
	if (S_ISLNK(status.st_mode))
		wrong = "is a symbolic link; name the file itself";
	else if (!S_ISREG(status.st_mode))
		wrong = "is not a file; give the path of one";
	if (wrong != NULL) {
		snprintf(error, error_bytes, "store %s: %s", path, wrong);
		return -1;
	}
	if (status.st_uid != geteuid()) {
		snprintf(error, error_bytes,
		    "store %s: belongs to user %u, and this is user %u; run "
		    "all programs that share it as one user",
		    path, (unsigned)status.st_uid, (unsigned)geteuid());
		return -1;
	}
	if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		snprintf(error, error_bytes,
		    "store %s: other users may write it (mode %04o); "
		    "chmod 600 it",
		    path, (unsigned)status.st_mode & 07777);
		return -1;
	}
	return 0;
}

int
files_check(const struct files *files, char *error, size_t error_bytes)
{
	for (int i = 0; i < FILES_COUNT; i++) {
		if (check_file(files->paths[i], error, error_bytes) == -1)
			return -1;
	}
	return 0;
}

/* SQLite makes files there, also in order to read. */
static int
check_folder(const struct files *files, char *error, size_t error_bytes)
{
	struct stat status;
	int         cause;

	/* Where the sticky bit is set, as in /tmp, our files are left to us. */
	if (stat(files->folder, &status) == 0 &&
	    (status.st_mode & (S_IWOTH | S_ISVTX)) == S_IWOTH) {
		snprintf(error, error_bytes,
		    "store %s: all users may take files out of %s (mode %04o); "
		    "chmod o-w it",
		    files->paths[FILES_DATABASE], files->folder,
		    (unsigned)status.st_mode & 07777);
		return -1;
	}
	if (faccessat(AT_FDCWD, files->folder, R_OK | W_OK | X_OK,
		AT_EACCESS) == 0)
		return 0;
	cause = errno;
	if (stat(files->folder, &status) == -1)
		memset(&status, 0, sizeof(status));
	snprintf(error, error_bytes,
	    "store %s: user %u may not write in %s (owner %u, mode %04o): %s; "
	    "give a folder of its own",
	    files->paths[FILES_DATABASE], (unsigned)geteuid(), files->folder,
	    (unsigned)status.st_uid, (unsigned)status.st_mode & 07777,
	    strerror(cause));
	return -1;
}

static char *
join(const char *folder, const char *name, const char *suffix)
{
	size_t len = strlen(folder) + strlen(name) + strlen(suffix) + 2;
	char  *path = mem_alloc(len);

	snprintf(path, len, "%s/%s%s", strcmp(folder, "/") == 0 ? "" : folder,
	    name, suffix);
	return path;
}

/* The folder without links: SQLite follows none. */
static int
find_folder(struct files *files, const char *path, const char **name,
    char *error, size_t error_bytes)
{
	const char *slash = strrchr(path, '/');
	char       *folder;

	*name = slash == NULL ? path : slash + 1;
	if (**name == '\0' || strcmp(*name, ".") == 0 ||
	    strcmp(*name, "..") == 0) {
		snprintf(error, error_bytes,
		    "store \"%s\": names no file; give sqlite:FILE", path);
		return -1;
	}
	if (slash == NULL)
		folder = mem_strdup(".");
	else
		folder = slash == path ?
		    mem_strdup("/") :
		    mem_strndup(path, (size_t)(slash - path));
	files->folder = realpath(folder, NULL);
	if (files->folder == NULL)
		snprintf(error, error_bytes,
		    "store %s: folder %s: %s; make it, for this user alone",
		    path, folder, strerror(errno));
	free(folder);
	return files->folder == NULL ? -1 : 0;
}

int
files_init(struct files *files, const char *path, char *error,
    size_t error_bytes)
{
	const char *name;

	memset(files, 0, sizeof(*files));
	if (find_folder(files, path, &name, error, error_bytes) == -1)
		return -1;
	for (int i = 0; i < FILES_COUNT; i++)
		files->paths[i] = join(files->folder, name, suffixes[i]);
	if (strlen(files->paths[0]) > PATH_MAX - 64) {
		snprintf(error, error_bytes, "store: the path is too long");
		return -1;
	}
	if (check_network(files, error, error_bytes) == -1 ||
	    check_folder(files, error, error_bytes) == -1)
		return -1;
	return files_check(files, error, error_bytes);
}

void
files_deinit(struct files *files)
{
	free(files->folder);
	for (int i = 0; i < FILES_COUNT; i++)
		free(files->paths[i]);
	memset(files, 0, sizeof(*files));
}

void
files_identify(const struct files *files, struct files_identity *identity)
{
	struct stat status;

	memset(identity, 0, sizeof(*identity));
	for (int i = 0; i < FILES_LASTING_COUNT; i++) {
		if (lstat(files->paths[i], &status) == -1)
			continue;
		identity->devices[i] = status.st_dev;
		identity->inodes[i] = status.st_ino;
	}
}

bool
files_are_same(const struct files_identity *a, const struct files_identity *b)
{
	for (int i = 0; i < FILES_LASTING_COUNT; i++) {
		if (a->devices[i] != b->devices[i] ||
		    a->inodes[i] != b->inodes[i])
			return false;
	}
	return true;
}

void
files_look(const struct files *files, struct files_look *look)
{
	struct stat status;

	memset(look, 0, sizeof(*look));
	/* First: a change after this has no earlier time. */
	clock_gettime(CLOCK_REALTIME, &look->at);
	if (stat(files->folder, &status) == -1)
		return;
	look->device = status.st_dev;
	look->inode = status.st_ino;
	look->changed = status.st_ctim;
}

bool
files_have_stayed(const struct files_look *before, const struct files_look *now)
{
	return before->inode != 0 && before->inode == now->inode &&
	    before->device == now->device &&
	    before->changed.tv_sec == now->changed.tv_sec &&
	    before->changed.tv_nsec == now->changed.tv_nsec &&
	    before->at.tv_sec > before->changed.tv_sec + SETTLED_S &&
	    now->at.tv_sec >= before->at.tv_sec &&
	    now->at.tv_sec <= before->at.tv_sec + LOOK_AGAIN_S;
}

int
files_open_private(const char *path, bool is_new)
{
	struct stat status;
	int         fd, error;

	fd = open(path,
	    O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
		(is_new ? O_CREAT : 0),
	    S_IRUSR | S_IWUSR);
	if (fd == -1)
		return -1;
	if (fstat(fd, &status) == 0) {
		if (!S_ISREG(status.st_mode))
			errno = EINVAL;
		else if (status.st_uid != geteuid() ||
		    (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
			errno = EPERM;
		else
			return fd;
	}
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/*
 * The WAL first: a database without its WAL is an older one, but a new
 * database beside an old WAL would be filled from it.
 */
int
files_set_aside(const struct files *files, char *name, size_t name_bytes)
{
	static const enum files_name order[] = { FILES_JOURNAL, FILES_WAL,
		FILES_DATABASE };
	long long                    at = (long long)time(NULL);
	struct stat                  status;
	char                         to[PATH_MAX];

	/* Two in a second are kept both. */
	do
		snprintf(name, name_bytes, "%s.corrupt-%lld",
		    files->paths[FILES_DATABASE], at++);
	while (lstat(name, &status) == 0);
	unlink(files->paths[FILES_SHM]);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		snprintf(to, sizeof(to), "%s%s", name, suffixes[order[i]]);
		if (rename(files->paths[order[i]], to) == -1 && errno != ENOENT)
			return -1;
	}
	return 0;
}

void
files_remove_new(const struct files *files)
{
	unlink(files->paths[FILES_NEW_WAL]);
	unlink(files->paths[FILES_NEW_SHM]);
}

void
files_remove_rest(const struct files *files)
{
	unlink(files->paths[FILES_WAL]);
	unlink(files->paths[FILES_SHM]);
	unlink(files->paths[FILES_JOURNAL]);
}
