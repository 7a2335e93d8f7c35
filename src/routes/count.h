#ifndef ROUTES_COUNT_H
#define ROUTES_COUNT_H

#include <stdbool.h>

#include "http/router.h"

struct hub;
struct roster;
struct subscribe_route;

/* What the handler works with: its context. */
struct count_route {
	const struct hub             *hub;
	const struct roster          *roster;    /* of the other processes */
	const struct subscribe_route *subscribe; /* knows who may subscribe */
	bool                          is_on;
	bool is_single_use; /* the process has no stream but that of a call */
};

/*
 * How many open streams, of this process and of others as the roster has them,
 * name the query's one topic, for whoever may subscribe. Those that have it by
 * a pattern, or with all, are not counted. 501 where each stream has a process
 * of its own.
 */
handler_fn count_route_get;

#endif
