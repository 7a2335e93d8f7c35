#ifndef PROCESS_ROUTING_H
#define PROCESS_ROUTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "http/bearer.h"
#include "http/param.h"
#include "http/refusal.h"
#include "http/router.h"
#include "http/store_gate.h"
#include "routes/clock.h"
#include "routes/count.h"
#include "routes/counter.h"
#include "routes/metadata.h"
#include "routes/metrics.h"
#include "routes/page.h"
#include "routes/publish.h"
#include "routes/status.h"
#include "routes/subscribe.h"
#include "routes/subscriptions.h"
#include "stream/lean.h"

struct access;
struct clock;
struct hub;
struct presence;
struct roster;
struct sampler;
struct store;
struct streams;
struct turns;

#define ROUTING_ROUTE_COUNT 29

/*
 * Which handler answers which path: the router's table, and what each handler
 * works with.
 */
struct routing {
	struct clock_route         clock;
	struct counter_route       counter;
	struct count_route         count;
	struct subscribe_route     subscribe;
	struct publish_route       publish;
	struct status_route        status;
	struct metrics_route       metrics;
	struct page_route          page;
	struct metadata_route      metadata;
	struct subscriptions_route subscriptions;
	struct refusal_counts      publish_refusals;
	struct bearer              bearer; /* whose tokens are these? */
	struct store_gate          gate;
	struct topic_by            topic_by;
	struct lean                lean; /* idle unless the tail is lean */
	struct route               table[ROUTING_ROUTE_COUNT];
	struct router              router;
};

/* What the routes work with; all of it stays longer than they do. */
struct routing_parts {
	uv_loop_t       *loop;
	struct turns    *turns;
	struct hub      *hub;
	struct clock    *clock;
	struct streams  *streams;
	struct sampler  *sampler;
	struct access   *access;
	struct presence *presence;
	struct roster   *roster;
	struct store    *store;
	bool             is_memory; /* the store is this process's own */
	bool             is_lean;   /* the store is read for one stream */
	bool             is_single_use;
	int64_t (*wall_ms)(void); /* the time since the epoch */
	size_t        descriptors_max;
	const size_t *connection_count;
	const size_t *buffered_bytes; /* of requests and answers */
};

/* Makes the table; the origins are to be set in router.cors. */
void routing_init(struct routing *, const struct routing_parts *);
void routing_deinit(struct routing *);

/* Sets the hub's resource identifier, or NULL, and what is made from it. */
void routing_set_audience(struct routing *, const char *audience);

#endif
