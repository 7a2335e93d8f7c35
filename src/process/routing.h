#ifndef PROCESS_ROUTING_H
#define PROCESS_ROUTING_H

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

struct engine;

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

/*
 * Makes the table, of routes that work with the engine; the origins are to be
 * set in router.cors.
 */
void routing_init(struct routing *, struct engine *, size_t descriptors_max);
void routing_deinit(struct routing *);

/* Sets the hub's resource identifier, or NULL, and what is made from it. */
void routing_set_audience(struct routing *, const char *audience);

#endif
