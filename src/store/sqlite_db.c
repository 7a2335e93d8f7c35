#include "config.h"

#include "store/sqlite_db.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pure/position.h"
#include "store/files.h"

/* "fsse": where SQLite has a place for whose a file is. */
#define APPLICATION_ID 0x66737365
#define FORMAT_VERSION 1

/* Of the header of a database, and where the application's id is in it. */
#define HEADER_BYTES 100
#define HEADER_ID_AT 68

/* Only for tools that lock the database, and while it recovers. */
#define BUSY_TIMEOUT_MS 2000

/*
 * A tool that reads for long lets the WAL grow. It is cut to this afterwards;
 * otherwise it would keep the room for ever.
 */
#define WAL_BYTES_MAX 16777216

#define TEXT(x) TEXT_OF(x)
#define TEXT_OF(x) #x

/*
 * Small pages, since each commit writes whole ones. A topic is found by its
 * hash, which keeps the index small, and the row says whether it is the one.
 */
/* clang-format off */
static const char schema[] =
    "PRAGMA page_size = 1024;"
    "PRAGMA journal_mode = MEMORY;"
    "BEGIN IMMEDIATE;"
    "PRAGMA application_id = " TEXT(APPLICATION_ID) ";"
    "PRAGMA user_version = " TEXT(FORMAT_VERSION) ";"
    "CREATE TABLE log (position INTEGER PRIMARY KEY, id BLOB,"
    " private INTEGER NOT NULL, topics BLOB NOT NULL,"
    " sum INTEGER NOT NULL, bytes BLOB NOT NULL);"
    "CREATE INDEX log_id ON log (id) WHERE id IS NOT NULL;"
    "CREATE TABLE topic (hash INTEGER, position INTEGER,"
    " PRIMARY KEY (hash, position)) WITHOUT ROWID;"
    "CREATE TABLE once (key BLOB PRIMARY KEY,"
    " position INTEGER NOT NULL, id BLOB) WITHOUT ROWID;"
    "CREATE INDEX once_position ON once (position);"
    "CREATE TABLE meta (tag INTEGER, newest INTEGER, trimmed INTEGER,"
    " update_count INTEGER, byte_count INTEGER, bytes_max INTEGER,"
    " age_ms INTEGER, writer INTEGER, clock_ms INTEGER,"
    " other_clock_ms INTEGER, boot INTEGER, once_count INTEGER);";
/* clang-format on */

static const struct {
	const char *text;
	unsigned    retry_s;
} faults[] = {
	[SQLITE_FAULT_NONE] = { NULL, 0 },
	[SQLITE_FAULT_LOCK] = { "another process holds the store", 1 },
	[SQLITE_FAULT_BUSY] = { "another program holds the store", 1 },
	[SQLITE_FAULT_FULL] = { "disk full", 60 },
	[SQLITE_FAULT_READ_ONLY] = { "the store cannot be written", 60 },
	[SQLITE_FAULT_IO] = { "I/O error of the store", 60 },
	[SQLITE_FAULT_MEMORY] = { "no memory for the store", 5 },
	[SQLITE_FAULT_CORRUPT] = { "the store is damaged", 5 },
	[SQLITE_FAULT_FOREIGN] = { "the file is not a store of fcgi-sse", 60 },
	[SQLITE_FAULT_NEWER] = { "the store is of a later version", 60 },
	[SQLITE_FAULT_MOVED] = { "the store was moved", 1 },
};

const char *
sqlite_fault_text(enum sqlite_fault fault)
{
	return faults[fault].text;
}

unsigned
sqlite_fault_retry_s(enum sqlite_fault fault)
{
	return faults[fault].retry_s;
}

void
sqlite_db_explain(const struct sqlite_db *db, char *text, size_t text_bytes)
{
	if (db->code == SQLITE_OK)
		snprintf(text, text_bytes, "what it holds is damaged");
	else
		snprintf(text, text_bytes, "%s (%d)", sqlite3_errstr(db->code),
		    db->code);
}

static enum sqlite_fault
fault_of(int code, int system_error)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return SQLITE_FAULT_NONE;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return SQLITE_FAULT_BUSY;
	case SQLITE_FULL:
		return SQLITE_FAULT_FULL;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return code == SQLITE_READONLY_DBMOVED ? SQLITE_FAULT_MOVED :
							 SQLITE_FAULT_READ_ONLY;
	case SQLITE_NOMEM:
		return SQLITE_FAULT_MEMORY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_MISMATCH:
	case SQLITE_CONSTRAINT: /* positions that are behind the newest */
		return SQLITE_FAULT_CORRUPT;
	case SQLITE_CANTOPEN:
		if (system_error == ENOENT)
			return SQLITE_FAULT_MOVED;
		if (system_error == EACCES || system_error == EROFS)
			return SQLITE_FAULT_READ_ONLY;
		break;
	}
	if (system_error == ENOSPC || system_error == EDQUOT)
		return SQLITE_FAULT_FULL;
	if (code == SQLITE_IOERR_NOMEM)
		return SQLITE_FAULT_MEMORY;
	return SQLITE_FAULT_IO;
}

enum sqlite_fault
sqlite_db_fault(struct sqlite_db *db, int code)
{
	enum sqlite_fault fault;

	fault = fault_of(code, sqlite3_system_errno(db->handle));
	if (fault != SQLITE_FAULT_NONE)
		db->code = code;
	return fault;
}

enum sqlite_fault
sqlite_db_prepare(struct sqlite_db *db, const char *sql, sqlite3_stmt **made)
{
	int code;

	code = sqlite3_prepare_v3(db->handle, sql, -1,
	    SQLITE_PREPARE_PERSISTENT, made, NULL);
	/* Our SQL is right: a table is not there. */
	if (code == SQLITE_ERROR)
		code = SQLITE_CORRUPT;
	return sqlite_db_fault(db, code);
}

enum sqlite_fault
sqlite_db_exec(struct sqlite_db *db, const char *sql)
{
	return sqlite_db_fault(db,
	    sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

enum sqlite_fault
sqlite_db_step(struct sqlite_db *db, sqlite3_stmt *statement)
{
	enum sqlite_fault fault;

	fault = sqlite_db_fault(db, sqlite3_step(statement));
	sqlite3_reset(statement);
	return fault;
}

void
sqlite_db_close(struct sqlite_db *db)
{
	sqlite3_stmt *statement;

	if (db->handle == NULL)
		return;
	while ((statement = sqlite3_next_stmt(db->handle, NULL)) != NULL)
		sqlite3_finalize(statement);
	sqlite3_close(db->handle);
	db->handle = NULL;
}

/* The file is there: made by us, so that its mode is ours. */
static enum sqlite_fault
open_handle(struct sqlite_db *db, const char *path)
{
	int on = 1;
	int code;

	code = sqlite3_open_v2(path, &db->handle,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
	    NULL);
	if (db->handle == NULL)
		return SQLITE_FAULT_MEMORY;
	sqlite3_extended_result_codes(db->handle, 1);
	if (code != SQLITE_OK)
		return sqlite_db_fault(db,
		    sqlite3_extended_errcode(db->handle));
	/*
	 * A checkpoint of a connection that closes would not be under our
	 * lock, and a WAL that comes and goes could not be compared.
	 */
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
	    NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
	sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
	return SQLITE_FAULT_NONE;
}

/*
 * Whose the file is, read through SQLite's own descriptor: to open and close
 * another one would drop the locks that SQLite holds on it.
 */
static enum sqlite_fault
check_header(struct sqlite_db *db, const struct files *files)
{
	static const unsigned char id[4] = { APPLICATION_ID >> 24,
		APPLICATION_ID >> 16 & 0xff, APPLICATION_ID >> 8 & 0xff,
		APPLICATION_ID & 0xff };
	unsigned char              header[HEADER_BYTES];
	sqlite3_file              *file = NULL;
	sqlite3_int64              size = 0;
	struct stat                status;
	int                        code;

	sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_FILE_POINTER,
	    &file);
	if (file == NULL || file->pMethods == NULL)
		return SQLITE_FAULT_IO;
	code = file->pMethods->xFileSize(file, &size);
	if (code != SQLITE_OK)
		return sqlite_db_fault(db, code);
	/*
	 * It belongs to no program: the writer makes a log of it. SQLite says 0
	 * also for a file of one byte, which does belong to one.
	 */
	if (size == 0 && stat(files->paths[FILES_DATABASE], &status) == 0 &&
	    status.st_size == 0)
		return SQLITE_FAULT_MOVED;
	if (size < HEADER_BYTES)
		return SQLITE_FAULT_FOREIGN;
	code = file->pMethods->xRead(file, header, HEADER_BYTES, 0);
	if (code != SQLITE_OK)
		return sqlite_db_fault(db, code);
	return memcmp(header + HEADER_ID_AT, id, sizeof(id)) == 0 ?
	    SQLITE_FAULT_NONE :
	    SQLITE_FAULT_FOREIGN;
}

/* The single value of a pragma. */
static enum sqlite_fault
read_text(struct sqlite_db *db, const char *sql, char *text, size_t text_bytes)
{
	sqlite3_stmt     *statement = NULL;
	enum sqlite_fault fault;
	const char       *value;

	text[0] = '\0';
	fault = sqlite_db_prepare(db, sql, &statement);
	if (fault == SQLITE_FAULT_NONE)
		fault = sqlite_db_fault(db, sqlite3_step(statement));
	if (fault == SQLITE_FAULT_NONE) {
		value = (const char *)sqlite3_column_text(statement, 0);
		snprintf(text, text_bytes, "%s", value != NULL ? value : "");
	}
	sqlite3_finalize(statement);
	return fault;
}

static enum sqlite_fault
check_contents(struct sqlite_db *db, bool is_full)
{
	enum sqlite_fault fault;
	char              text[16];

	fault = sqlite_db_exec(db,
	    "PRAGMA mmap_size = 0; PRAGMA cache_size = -256;"
	    "PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 0;"
	    "PRAGMA journal_size_limit = " TEXT(WAL_BYTES_MAX));
	if (fault != SQLITE_FAULT_NONE)
		return fault;
	fault = read_text(db, "PRAGMA user_version", text, sizeof(text));
	if (fault != SQLITE_FAULT_NONE)
		return fault;
	if (strcmp(text, TEXT(FORMAT_VERSION)) != 0)
		return SQLITE_FAULT_NEWER;
	fault = read_text(db, "PRAGMA journal_mode", text, sizeof(text));
	/* A tool may have changed it. */
	if (fault == SQLITE_FAULT_NONE && strcmp(text, "wal") != 0)
		fault = read_text(db, "PRAGMA journal_mode = WAL", text,
		    sizeof(text));
	if (fault != SQLITE_FAULT_NONE)
		return fault;
	if (strcmp(text, "wal") != 0)
		return SQLITE_FAULT_READ_ONLY;
	return sqlite_db_exec(db,
	    is_full ? "PRAGMA synchronous = FULL" :
		      "PRAGMA synchronous = NORMAL");
}

enum sqlite_fault
sqlite_db_open(struct sqlite_db *db, const struct files *files, bool is_full)
{
	enum sqlite_fault fault;

	fault = open_handle(db, files->paths[FILES_DATABASE]);
	if (fault == SQLITE_FAULT_NONE)
		fault = check_header(db, files);
	if (fault == SQLITE_FAULT_NONE)
		fault = check_contents(db, is_full);
	if (fault != SQLITE_FAULT_NONE)
		sqlite_db_close(db);
	return fault;
}

static enum sqlite_fault
fill(struct sqlite_db *db, uint64_t tag, uint64_t newest)
{
	char insert[256];

	snprintf(insert, sizeof(insert),
	    "INSERT INTO meta VALUES (%lld, %lld, 0, 0, 0, 0, 0, 0, 0,"
	    " NULL, 0, 0); COMMIT",
	    (long long)tag, (long long)newest);
	return sqlite_db_exec(db, insert);
}

/* What was left of an attempt is removed: no other process uses it. */
enum sqlite_fault
sqlite_db_create(const struct files *files, uint64_t tag, uint64_t newest)
{
	struct sqlite_db  db = { NULL, 0 };
	const char       *path = files->paths[FILES_NEW];
	enum sqlite_fault fault;
	int               fd;

	unlink(path);
	files_remove_new(files);
	fd = files_open_private(path, true);
	if (fd == -1)
		return fault_of(SQLITE_CANTOPEN, errno);
	close(fd);
	fault = open_handle(&db, path);
	if (fault == SQLITE_FAULT_NONE)
		fault = sqlite_db_exec(&db, schema);
	if (fault == SQLITE_FAULT_NONE)
		fault = fill(&db, tag, newest);
	/* Now: once it has its name, another process may be reading it. */
	if (fault == SQLITE_FAULT_NONE)
		fault = sqlite_db_exec(&db, "PRAGMA journal_mode = WAL");
	sqlite_db_close(&db);
	files_remove_new(files);
	if (fault == SQLITE_FAULT_NONE) {
		files_remove_rest(files);
		if (rename(path, files->paths[FILES_DATABASE]) == -1)
			fault = fault_of(SQLITE_CANTOPEN, errno);
	}
	if (fault != SQLITE_FAULT_NONE)
		unlink(path);
	return fault;
}

enum sqlite_fault
sqlite_db_read_meta(struct sqlite_db *db, sqlite3_stmt *statement,
    struct sqlite_meta *meta)
{
	enum sqlite_fault fault;
	int               code;

	code = sqlite3_step(statement);
	fault = code == SQLITE_DONE ? SQLITE_FAULT_CORRUPT :
				      sqlite_db_fault(db, code);
	if (fault != SQLITE_FAULT_NONE) {
		sqlite3_reset(statement);
		return fault;
	}
	meta->tag = (uint64_t)sqlite3_column_int64(statement, 0) &
	    POSITION_TAG_MASK;
	meta->newest = (uint64_t)sqlite3_column_int64(statement, 1);
	meta->trimmed = (uint64_t)sqlite3_column_int64(statement, 2);
	meta->update_count = (uint64_t)sqlite3_column_int64(statement, 3);
	meta->byte_count = (uint64_t)sqlite3_column_int64(statement, 4);
	meta->bytes_max = (uint64_t)sqlite3_column_int64(statement, 5);
	meta->age_ms = sqlite3_column_int64(statement, 6);
	meta->writer = sqlite3_column_int64(statement, 7);
	meta->clock_ms = sqlite3_column_int64(statement, 8);
	meta->other_clock_ms = sqlite3_column_type(statement, 9) ==
		SQLITE_NULL ?
	    INT64_MIN :
	    sqlite3_column_int64(statement, 9);
	meta->boot = sqlite3_column_int64(statement, 10);
	meta->once_count = (uint64_t)sqlite3_column_int64(statement, 11);
	sqlite3_reset(statement);
	if (meta->tag == 0 || meta->newest > SQLITE_POSITION_MAX ||
	    meta->trimmed > meta->newest)
		return SQLITE_FAULT_CORRUPT;
	return SQLITE_FAULT_NONE;
}

enum sqlite_fault
sqlite_db_write_meta(struct sqlite_db *db, sqlite3_stmt *statement,
    const struct sqlite_meta *meta)
{
	const int64_t values[] = { (int64_t)meta->newest,
		(int64_t)meta->trimmed, (int64_t)meta->update_count,
		(int64_t)meta->byte_count, (int64_t)meta->bytes_max,
		meta->age_ms, meta->writer, meta->clock_ms,
		meta->other_clock_ms, meta->boot, (int64_t)meta->once_count };

	for (int i = 0; i < (int)(sizeof(values) / sizeof(values[0])); i++)
		sqlite3_bind_int64(statement, i + 1, values[i]);
	if (meta->other_clock_ms == INT64_MIN)
		sqlite3_bind_null(statement, 9);
	return sqlite_db_step(db, statement);
}
