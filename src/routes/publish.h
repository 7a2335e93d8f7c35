#ifndef ROUTES_PUBLISH_H
#define ROUTES_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/router.h"

struct bearer;
struct hub;
struct publishers;
struct refusal_counts;
struct store;
struct store_gate;
struct topic_by;
struct turns;

/* What the handler works with: its context. */
struct publish_route {
	struct hub            *hub;
	struct store          *store; /* takes the updates */
	struct turns          *turns;
	struct publishers     *publishers;
	const struct cors     *cors;
	struct bearer         *bearer;
	char *const           *origins; /* whose pages' cookies count */
	size_t                 origin_count;
	struct store_gate     *gate;
	const struct topic_by *topic_by;
	bool tells_topic; /* an event has its update's topic as a comment */
	int64_t (*wall_ms)(void);
	struct refusal_counts *refusals;
};

/* Refuses what cannot become an update, whatever its body is. */
check_fn publish_route_check;

/* Takes an update: a form, as the Mercure protocol has it. */
handler_fn publish_route_post;

#endif
