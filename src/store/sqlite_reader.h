#ifndef STORE_SQLITE_READER_H
#define STORE_SQLITE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "store/files.h"
#include "store/sqlite_db.h"

struct sqlite_row;
struct store_find;

/* A page of the log ends at the first of these. */
#define SQLITE_PAGE_ROWS_MAX 256
#define SQLITE_PAGE_BYTES_MAX (1 << 20)

/* The reading side of a log: one connection, used by one thread at a time. */
struct sqlite_reader {
	const struct files   *files;
	bool                  is_full;
	struct sqlite_db      db;
	sqlite3_stmt         *begin, *end, *meta, *log, *row, *topic, *find;
	sqlite3_stmt         *oldest;
	struct files_identity identity;
	struct files_look     look; /* when the names led there */
};

/* A search for an id. */
struct sqlite_find {
	struct list        node;
	struct store_find *find; /* NULL: not wanted any more */
	char              *id;
	char             **topics;
	size_t             topic_count;
	struct sqlite_row *row; /* what was found, or NULL */
};

struct sqlite_find *sqlite_find_new(struct store_find *, const char *id,
    const char *const *topics, size_t topic_count);
void                sqlite_find_free(struct sqlite_find *);

/* Copies of these names, and their end. */
char **sqlite_topics_copy(const char *const *topics, size_t topic_count);
void   sqlite_topics_free(char **topics, size_t topic_count);

/* What one turn of the reader is to do, and what came of it. */
struct sqlite_page {
	struct list finds;
	bool        is_wanted; /* rows, too */
	uint64_t    after;
	char      **topics; /* count 0: all */
	size_t      topic_count;
	size_t      bytes_max; /* SQLITE_PAGE_BYTES_MAX, or less */

	enum sqlite_fault     fault;
	char                  why[512];
	struct files_identity identity; /* of what was read */
	struct sqlite_row    *rows[SQLITE_PAGE_ROWS_MAX];
	size_t                row_count;
	size_t                skipped_count; /* rows that are no updates */
	uint64_t              skipped; /* the position of the last of these */
	uint64_t              upto;    /* read so far; no row was left out */
	bool                  is_more; /* rows are behind that */
	uint64_t              oldest;
	struct sqlite_meta    meta;
};

/* An empty page. sqlite_page_deinit frees its rows; finds are the caller's. */
void sqlite_page_init(struct sqlite_page *);
void sqlite_page_deinit(struct sqlite_page *);

void sqlite_reader_init(struct sqlite_reader *, const struct files *);
void sqlite_reader_deinit(struct sqlite_reader *);

/*
 * Reads a page, and what is searched for. Opens the log by its name if that
 * is another one now; SQLITE_FAULT_MOVED: the writer has to do that first.
 */
void sqlite_reader_run(struct sqlite_reader *, struct sqlite_page *);

#endif
