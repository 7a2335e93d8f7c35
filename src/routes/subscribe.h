#ifndef ROUTES_SUBSCRIBE_H
#define ROUTES_SUBSCRIBE_H

#include <stdbool.h>

#include "http/router.h"

struct bearer;
struct hub;
struct streams;

/* What the handler works with: its context. */
struct subscribe_route {
	struct hub        *hub;
	struct streams    *streams;
	const struct cors *cors;
	struct bearer     *bearer;
	const char        *public_url; /* the hub's, for the field Link */
	bool               is_anonymous_allowed; /* without a token */
	const char        *topics_problem; /* why there are none; or NULL */
};

/* A stream of the topics that the query names. */
handler_fn subscribe_route_get;

#endif
