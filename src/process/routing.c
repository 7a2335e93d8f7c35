#include "config.h"

#include "process/routing.h"

#include <string.h>

#include "auth/access.h"
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
init_watching(struct routing *routing, const struct routing_parts *parts)
{
	routing->status = (struct status_route){
		.streams = parts->streams,
		.sampler = parts->sampler,
		.store = parts->store,
		.gate = &routing->gate,
		.is_single_use = parts->is_single_use,
		.turns = parts->turns,
	};
	status_route_init(&routing->status);
	routing->metrics = (struct metrics_route){
		.hub = parts->hub,
		.clock = parts->clock,
		.presence = parts->presence,
		.roster = parts->roster,
		.started_ms = parts->wall_ms(),
		.descriptors_max = parts->descriptors_max,
		.connection_count = parts->connection_count,
		.buffered_bytes = parts->buffered_bytes,
	};
}

static void
init_hub_routes(struct routing *routing, const struct routing_parts *parts)
{
	routing->metadata.access = parts->access;
	routing->subscribe = (struct subscribe_route){
		.topic_by = &routing->topic_by,
		.gate = &routing->gate,
		.bearer = &routing->bearer,
		.public_url = access_public_url(parts->access),
		.hub = parts->hub,
		.streams = parts->streams,
		.presence = parts->presence,
		.wall_ms = parts->wall_ms,
		.lean = parts->is_lean ? &routing->lean : NULL,
		.store = parts->is_memory ? NULL : parts->store,
	};
	routing->lean = (struct lean){
		.hub = parts->hub,
		.streams = parts->streams,
		.store = parts->store,
		.turns = parts->turns,
	};
	subscribe_route_init(&routing->subscribe);
	routing->count = (struct count_route){
		.hub = parts->hub,
		.roster = parts->roster,
		.subscribe = &routing->subscribe,
		.is_single_use = parts->is_single_use,
	};
	routing->subscriptions = (struct subscriptions_route){
		.presence = parts->presence,
		.roster = parts->roster,
		.bearer = &routing->bearer,
		.hub = parts->hub,
		.wall_ms = parts->wall_ms,
		.is_single_use = parts->is_single_use,
	};
	list_pace_init(&routing->subscriptions.pace, parts->turns);
	routing->publish = (struct publish_route){
		.topic_by = &routing->topic_by,
		.gate = &routing->gate,
		.bearer = &routing->bearer,
		.hub = parts->hub,
		.store = parts->store,
		.turns = parts->turns,
		.wall_ms = parts->wall_ms,
	};
}

void
routing_init(struct routing *routing, const struct routing_parts *parts)
{
	routing->clock = (struct clock_route){
		.clock = parts->clock,
		.streams = parts->streams,
		.wall_ms = parts->wall_ms,
	};
	routing->counter = (struct counter_route){
		.loop = parts->loop,
		.turns = parts->turns,
		.streams = parts->streams,
	};
	routing->bearer = (struct bearer){
		.access = parts->access,
		.turns = parts->turns,
		.wall_ms = parts->wall_ms,
	};
	bearer_init(&routing->bearer);
	init_hub_routes(routing, parts);
	init_watching(routing, parts);
	init_router(routing);
}
