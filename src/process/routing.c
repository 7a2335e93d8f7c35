#include "config.h"

#include "process/routing.h"

#include <string.h>

#include "auth/access.h"
#include "process/engine.h"
#include "routes/page.h"

/*
 * The row whose path is not always the same. It is the first: some web servers
 * take the beginning of that path for the mount point of the hub.
 */
static struct route *
metadata_row(struct routing *routing)
{
	return &routing->table[0];
}

void
routing_set_audience(struct routing *routing, const char *audience)
{
	metadata_route_set(&routing->metadata, audience);
	metadata_row(routing)->path = routing->metadata.path;
	routing->bearer.metadata_url =
	    access_has_dialect(routing->bearer.access, TOKEN_DIALECT_08) ?
	    routing->metadata.url :
	    NULL;
}

void
routing_deinit(struct routing *routing)
{
	metadata_route_deinit(&routing->metadata);
}

static void
fill_table(struct routing *routing)
{
	void *clock = &routing->clock, *counter = &routing->counter;
	void *subscribe = &routing->subscribe, *publish = &routing->publish;
	void *status = &routing->status, *metrics = &routing->metrics;
	void *page = &routing->page, *metadata = &routing->metadata;
	void *subscriptions = &routing->subscriptions;
	const struct route table[ROUTING_ROUTE_COUNT] = {
		{ routing->metadata.path, metadata_route_get, metadata, NULL,
		    NULL, NULL },
		{ "/clock", clock_route_get, clock, NULL, NULL, NULL },
		{ "/server-sent-events", clock_route_get, clock, NULL, NULL,
		    NULL },
		{ "/stream", clock_route_stream, clock, NULL, NULL, NULL },
		{ "/counter", counter_route_get, counter, NULL, NULL, NULL },
		{ "/.well-known/mercure", subscribe_route_get, subscribe,
		    publish_route_post, publish, publish_route_check },
		{ "/status/events", status_route_events, status, NULL, NULL,
		    NULL },
		{ "/events", subscribe_route_get, subscribe, publish_route_post,
		    publish, publish_route_check },
		{ "/events/t/*", subscribe_route_get, subscribe,
		    publish_route_post, publish, publish_route_check },
		{ "/.well-known/mercure/subscriptions", subscriptions_route_get,
		    subscriptions, NULL, NULL, NULL },
		{ "/.well-known/mercure/subscriptions/*",
		    subscriptions_route_get, subscriptions, NULL, NULL, NULL },
		{ "/events/count", count_route_get, &routing->count, NULL, NULL,
		    NULL },
		{ "/events/subscriptions", subscriptions_route_get,
		    subscriptions, NULL, NULL, NULL },
		{ "/events/subscriptions/*", subscriptions_route_get,
		    subscriptions, NULL, NULL, NULL },
		{ "/healthz", status_route_health, status, NULL, NULL, NULL },
		{ "/metrics", metrics_route_get, metrics, NULL, NULL, NULL },
		{ "/status", status_route_page, status, NULL, NULL, NULL },
		{ "/status.css", status_route_page, status, NULL, NULL, NULL },
		{ "/status.js", status_route_page, status, NULL, NULL, NULL },
		{ "/page.css", page_route_get, NULL, NULL, NULL, NULL },
		{ "/page.js", page_route_get, NULL, NULL, NULL, NULL },
		{ "/page.json", page_route_settings, page, NULL, NULL, NULL },
		{ "/chat.js", page_route_get, NULL, NULL, NULL, NULL },
		{ "/token.js", page_route_get, NULL, NULL, NULL, NULL },
		{ "/subscribers.js", page_route_get, NULL, NULL, NULL, NULL },
		{ "/client.js", page_route_get, NULL, NULL, NULL, NULL },
		{ "/icon.svg", page_route_get, NULL, NULL, NULL, NULL },
		{ "/web-servers", page_route_get, NULL, NULL, NULL, NULL },
		{ "/", page_route_get, NULL, NULL, NULL, NULL },
	};

	memcpy(routing->table, table, sizeof(table));
}

static void
init_router(struct routing *routing)
{
	fill_table(routing);
	routing->router.routes = routing->table;
	routing->router.route_count = ROUTING_ROUTE_COUNT;
	routing->subscribe.cors = &routing->router.cors;
	routing->subscriptions.cors = &routing->router.cors;
	routing->publish.cors = &routing->router.cors;
	routing->publish.refusals = &routing->publish_refusals;
	routing->metrics.bearer = &routing->bearer;
	routing->metrics.status = &routing->status;
	routing->metrics.publish_refusals = &routing->publish_refusals;
	routing->page.publish = &routing->publish;
	routing->page.presence = routing->subscriptions.presence;
	routing_set_audience(routing, NULL);
}

/* What each route works with. */

/* The routes for the operator. */
static void
init_watching(struct routing *routing, struct engine *engine,
    size_t descriptors_max)
{
	routing->status = (struct status_route){
		.streams = &engine->streams,
		.sampler = engine->sampler,
		.store = engine->tail.store,
		.gate = &routing->gate,
		.is_single_use = seating_is_single_use(&engine->seating),
		.turns = &engine->turns,
	};
	status_route_init(&routing->status);
	routing->metrics = (struct metrics_route){
		.hub = &engine->hub,
		.clock = engine->clock,
		.presence = &engine->presence,
		.roster = &engine->lease.roster,
		.started_ms = engine->wall_ms(),
		.descriptors_max = descriptors_max,
		.connection_count = &engine->conns.open_count,
		.buffered_bytes = &engine->conns.pool.bytes,
	};
}

static void
init_hub_routes(struct routing *routing, struct engine *engine)
{
	routing->metadata.access = engine->access;
	routing->subscribe = (struct subscribe_route){
		.topic_by = &routing->topic_by,
		.gate = &routing->gate,
		.bearer = &routing->bearer,
		.public_url = access_public_url(engine->access),
		.hub = &engine->hub,
		.streams = &engine->streams,
		.presence = &engine->presence,
		.wall_ms = engine->wall_ms,
		.lean = engine->tail.is_lean ? &routing->lean : NULL,
		.store = engine->tail.is_memory ? NULL : engine->tail.store,
	};
	routing->lean = (struct lean){
		.hub = &engine->hub,
		.streams = &engine->streams,
		.store = engine->tail.store,
		.turns = &engine->turns,
	};
	subscribe_route_init(&routing->subscribe);
	routing->count = (struct count_route){
		.hub = &engine->hub,
		.roster = &engine->lease.roster,
		.subscribe = &routing->subscribe,
		.is_single_use = seating_is_single_use(&engine->seating),
	};
	routing->subscriptions = (struct subscriptions_route){
		.presence = &engine->presence,
		.roster = &engine->lease.roster,
		.bearer = &routing->bearer,
		.hub = &engine->hub,
		.wall_ms = engine->wall_ms,
		.is_single_use = seating_is_single_use(&engine->seating),
	};
	list_pace_init(&routing->subscriptions.pace, &engine->turns);
	routing->publish = (struct publish_route){
		.topic_by = &routing->topic_by,
		.gate = &routing->gate,
		.bearer = &routing->bearer,
		.hub = &engine->hub,
		.store = engine->tail.store,
		.turns = &engine->turns,
		.wall_ms = engine->wall_ms,
	};
}

void
routing_init(struct routing *routing, struct engine *engine,
    size_t descriptors_max)
{
	routing->clock = (struct clock_route){
		.clock = engine->clock,
		.streams = &engine->streams,
		.wall_ms = engine->wall_ms,
	};
	routing->counter = (struct counter_route){
		.loop = &engine->loop,
		.turns = &engine->turns,
		.streams = &engine->streams,
	};
	routing->bearer = (struct bearer){
		.access = engine->access,
		.turns = &engine->turns,
		.wall_ms = engine->wall_ms,
	};
	bearer_init(&routing->bearer);
	init_hub_routes(routing, engine);
	init_watching(routing, engine, descriptors_max);
	init_router(routing);
}
