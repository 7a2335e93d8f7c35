#ifndef STORE_SQLITE_DB_H
#define STORE_SQLITE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct files;

/* What goes wrong with a log in SQLite, by what there is to do about it. */
enum sqlite_fault {
	SQLITE_FAULT_NONE,
	SQLITE_FAULT_LOCK, /* another process holds the lock too long */
	SQLITE_FAULT_BUSY, /* a foreign tool has the database locked */
	SQLITE_FAULT_FULL,
	SQLITE_FAULT_READ_ONLY, /* or another user's */
	SQLITE_FAULT_IO,
	SQLITE_FAULT_MEMORY,
	SQLITE_FAULT_CORRUPT, /* to be set aside */
	SQLITE_FAULT_FOREIGN, /* not a log of ours: not to be touched */
	SQLITE_FAULT_NEWER,   /* a log of a later version */
	SQLITE_FAULT_MOVED    /* to be opened anew, by the writer */
};

/* A short reason for log and clients, and when to try again. */
const char *sqlite_fault_text(enum sqlite_fault);
unsigned    sqlite_fault_retry_s(enum sqlite_fault);

/* A connection, which is used by one thread at a time. */
struct sqlite_db {
	sqlite3 *handle; /* NULL: closed */
	int      code;   /* of SQLite, of the last fault; for the log */
};

/* The last fault in SQLite's words: "database or disk is full (13)". */
void sqlite_db_explain(const struct sqlite_db *, char *text, size_t text_bytes);

/*
 * Makes a new, empty log and gives it its name when it is whole. The caller
 * holds the lock. newest: positions begin behind it.
 */
enum sqlite_fault sqlite_db_create(const struct files *, uint64_t tag,
    uint64_t newest);

/*
 * Opens the log that is there, and makes sure that it is one. is_full: each
 * commit is on the disk when it ends. Closed again if that is not
 * SQLITE_FAULT_NONE.
 */
enum sqlite_fault sqlite_db_open(struct sqlite_db *, const struct files *,
    bool is_full);

/* With all statements that sqlite_db_prepare made of it. No checkpoint. */
void sqlite_db_close(struct sqlite_db *);

/* Which fault this result of SQLite's is; SQLITE_OK, _ROW and _DONE: none. */
enum sqlite_fault sqlite_db_fault(struct sqlite_db *, int code);

enum sqlite_fault sqlite_db_prepare(struct sqlite_db *, const char *sql,
    sqlite3_stmt **);
enum sqlite_fault sqlite_db_exec(struct sqlite_db *, const char *sql);

/* Runs a statement that yields no row, and resets it. */
enum sqlite_fault sqlite_db_step(struct sqlite_db *, sqlite3_stmt *);

/* The one row of the table meta. */
struct sqlite_meta {
	uint64_t tag;
	uint64_t newest;  /* ever; positions begin behind it */
	uint64_t trimmed; /* the newest that was discarded; 0: none */
	uint64_t update_count;
	uint64_t byte_count;
	uint64_t bytes_max; /* the limits that hold, of who set them last */
	int64_t  age_ms;

	/* Whose clock said what, last and before that of another writer. */
	int64_t writer;
	int64_t clock_ms;       /* wall minus time since boot */
	int64_t other_clock_ms; /* INT64_MIN: no other process wrote since boot
	                         */
	int64_t boot;           /* which boot that was */

	uint64_t once_count; /* of keys that tell repeats */
};

/* Positions end here: a file that says more is damaged. */
#define SQLITE_POSITION_MAX ((UINT64_C(1) << 63) - (UINT64_C(1) << 40))

#define SQLITE_META_SELECT                                                   \
	"SELECT tag, newest, trimmed, update_count, byte_count, bytes_max, " \
	"age_ms, writer, clock_ms, other_clock_ms, boot, once_count FROM meta"

/* Runs SQLITE_META_SELECT, prepared, and resets it. */
enum sqlite_fault sqlite_db_read_meta(struct sqlite_db *, sqlite3_stmt *,
    struct sqlite_meta *);

#define SQLITE_META_UPDATE                                               \
	"UPDATE meta SET newest = ?1, trimmed = ?2, update_count = ?3, " \
	"byte_count = ?4, bytes_max = ?5, age_ms = ?6, writer = ?7, "    \
	"clock_ms = ?8, other_clock_ms = ?9, boot = ?10, once_count = ?11"

/* Runs SQLITE_META_UPDATE, prepared. */
enum sqlite_fault sqlite_db_write_meta(struct sqlite_db *, sqlite3_stmt *,
    const struct sqlite_meta *);

#endif
