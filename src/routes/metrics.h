#ifndef ROUTES_METRICS_H
#define ROUTES_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "http/router.h"

struct bearer;
struct clock;
struct hub;
struct presence;
struct roster;
struct refusal_counts;
struct status_route;

/* What the handler works with, and what it shows: its context. */
struct metrics_route {
	struct status_route *status; /* who may look */
	const struct hub    *hub;
	const struct clock  *clock;
	const struct bearer *bearer;

	/* Who subscribes, if that is announced. */
	const struct presence *presence;
	const struct roster   *roster;

	/* Updates that were not taken. */
	const struct refusal_counts *publish_refusals;

	int64_t       started_ms; /* the process, since the epoch */
	size_t        descriptors_max;
	const size_t *connection_count; /* streams included */
	const size_t *buffered_bytes;   /* of requests */
};

/* All metrics in Prometheus' text format, version 0.0.4. */
handler_fn metrics_route_get;

#endif
