#ifndef PURE_QUERY_H
#define PURE_QUERY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A query string or form body: application/x-www-form-urlencoded, URL
 * standard section 5.1, but a "%" without two hexadecimal digits is an error.
 */
struct query_pair {
	const char *name; /* decoded, NUL-terminated */
	size_t      name_bytes;
	const char *value; /* the same; both may hold NUL */
	size_t      value_bytes;
};

struct query {
	struct query_pair *pairs;
	size_t             pair_count;
	char              *text; /* what the pairs point into */
};

/* More pairs than this are an error. */
#define QUERY_PAIRS_MAX 4096

/* What is wrong where query_init fails, behind what it was to read. */
#define QUERY_FAULT \
	" is malformed: a % begins no escape, or it has more than 4096 fields"

/*
 * Decodes the text, which is copied; NULL is an empty one. Returns 0, or -1
 * when it is malformed: then the query is empty. query_deinit is due in the
 * first case and allowed in the second.
 */
int  query_init(struct query *, const char *text, size_t len_bytes);
void query_deinit(struct query *);

/*
 * The first pair of that name behind `after`, or from the start when that is
 * NULL; NULL when there is none.
 */
const struct query_pair *query_find(const struct query *, const char *name,
    const struct query_pair *after);

/*
 * Whether the pair is of a list of that name: besides "topic", "topic[]" and
 * "topic[0]" count as topic, with any key between the brackets. PHP, and what
 * imitates its http_build_query(), write lists so.
 */
bool query_pair_is_item(const struct query_pair *, const char *name);

/* As query_find, for a list. */
const struct query_pair *query_find_item(const struct query *, const char *name,
    const struct query_pair *after);

#endif
