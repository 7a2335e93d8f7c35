#ifndef HTTP_CORS_H
#define HTTP_CORS_H

#include <stdbool.h>
#include <stddef.h>

struct call;

/*
 * Which pages of other origins may read the answers (Fetch standard, section
 * 3.2).
 */
struct cors {
	char *const *origins; /* "*" is any */
	size_t       origin_count;
};

/* Whether pages of the call's origin may. */
bool cors_allows(const struct cors *, const struct call *);

/* Has every head of the answer carry the fields that allow it. */
void cors_add_fields(const struct cors *, struct call *);

/* The methods of a route, with those that a form comes by or without. */
const char *cors_methods(bool has_post);

/* Answers the preflight request. */
void cors_preflight(const struct cors *, struct call *);

#endif
