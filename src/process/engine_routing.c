/* What each route of an engine works with. */

#include "config.h"

#include "auth/access.h"
#include "process/engine.h"

/* The routes for the operator. */
static void
engine_init_watching(struct engine *engine, size_t descriptors_max)
{
	struct routing *routing = &engine->routing;

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
engine_init_hub_routes(struct engine *engine)
{
	struct routing *routing = &engine->routing;

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
engine_init_routing(struct engine *engine, size_t descriptors_max)
{
	struct routing *routing = &engine->routing;

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
	engine_init_hub_routes(engine);
	engine_init_watching(engine, descriptors_max);
	routing_init(routing);
}
