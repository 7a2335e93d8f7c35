#ifndef ROUTES_CLOCK_H
#define ROUTES_CLOCK_H

#include <stdint.h>

#include "http/router.h"

struct clock;
struct streams;

/* What these handlers work with: their context. */
struct clock_route {
	struct clock   *clock;
	struct streams *streams;
	int64_t (*wall_ms)(void); /* the time of day */
};

/* The date, as often and in the form that the query asks for. */
handler_fn clock_route_get;

/* The date each second, after an event that says when the client came. */
handler_fn clock_route_stream;

#endif
