#ifndef ROUTES_TOPICS_H
#define ROUTES_TOPICS_H

#include <stdbool.h>
#include <stddef.h>

#include "hub/topic.h"

struct answer;
struct call;
struct query;

/* The topics that a request names, each once; the names are the query's. */
struct topic_names {
	const char *names[CURSOR_TOPICS_MAX];
	size_t      count;
};

/*
 * Whether this process can serve topics: it cannot where it answers one
 * request only, or shares its socket with others. If not, the answer says so.
 */
bool topics_are_served(const struct call *, struct answer *);

/* Takes all `topic` parameters, and those of a list. False, and a 400, if they
 * are not usable. */
bool topics_from_query(const struct query *, struct topic_names *,
    struct answer *);

/* Answers that there are too many topics. */
void topics_refuse(struct answer *);

/* Answers 400 Bad Request with a line that says why; returns false. */
bool refuse_bad(struct answer *, const char *why);

#endif
