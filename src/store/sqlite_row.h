#ifndef STORE_SQLITE_ROW_H
#define STORE_SQLITE_ROW_H

#include "hub/update.h"

/* An update as a row of the log, with all its memory in one piece. */
struct sqlite_row {
	struct update update; /* whose strings lie behind */
	const char   *names;  /* the topics, each with its NUL */
	size_t        names_bytes;
};

/* A copy; free(3) frees it. */
struct sqlite_row *sqlite_row_new(const struct update *);

/*
 * The update that these columns are; NULL if they make none. Of position, id,
 * bytes and is_private those of the update are copied.
 */
struct sqlite_row *sqlite_row_decode(const struct update *, const char *names,
    size_t names_bytes);

/* What tells a row that was damaged. */
int64_t sqlite_row_sum(const struct sqlite_row *);

/* Of its strings; counts against the limit of a store. */
size_t sqlite_row_bytes(const struct sqlite_row *);

/* By which the rows of a topic are found; different topics may share it. */
int64_t sqlite_topic_hash(const char *topic);

#endif
