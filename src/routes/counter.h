#ifndef ROUTES_COUNTER_H
#define ROUTES_COUNTER_H

#include <uv.h>

#include "http/router.h"

struct streams;
struct turns;

/* What the handler works with: its context. */
struct counter_route {
	uv_loop_t      *loop;
	struct turns   *turns;
	struct streams *streams;
};

/* A stream that counts, as far and as fast as the query asks for. */
handler_fn counter_route_get;

#endif
