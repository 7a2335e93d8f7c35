#include "process/engine.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/access.h"
#include "auth/publishers.h"
#include "base/clocks.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/options.h"
#include "hub/clock.h"
#include "presence/announcement.h"
#include "process/keys.h"
#include "process/store_choice.h"
#include "store/wills.h"
#include "stream/sampler.h"

/* Cursors that are called in one turn. */
#define CALLS_PER_TURN 256

/* Fewer connections are not worth it to look for their memory. */
#define TRIM_COUNT_MIN 500

/* For telling who leaves, when the process ends. */
#define LEAVING_MS 2000

/* For what is spread at random: processes that start together must differ. */
static void
seed_random(void)
{
	unsigned seed;
	int      error = uv_random(NULL, NULL, &seed, sizeof(seed), 0, NULL);

	/* Only a kernel from before 2014 could not give it. */
	assert(error == 0);
	srandom(seed);
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void
on_timer(uv_timer_t *timer)
{
	struct engine *engine = timer->data;

	/* The turn that follows does the work. */
	engine->armed_ms = INT64_MAX;
}

static void
on_more(uv_idle_t *idle)
{
	(void)idle;
}

static void
engine_arm(struct engine *engine, int64_t due_ms)
{
	int64_t now_ms;

	if (due_ms == engine->armed_ms)
		return;
	engine->armed_ms = due_ms;
	if (due_ms == INT64_MAX) {
		uv_timer_stop(&engine->timer);
		return;
	}
	uv_update_time(&engine->loop);
	now_ms = turns_now_ms(&engine->turns);
	uv_timer_start(&engine->timer, on_timer,
	    due_ms > now_ms ? (uint64_t)(due_ms - now_ms) : 0, 0);
}

static void
engine_run_clock(struct engine *engine)
{
	int64_t now_ms = turns_now_ms(&engine->turns), wait_ms;

	if (now_ms < engine->clock_due_ms && !clock_has_news(engine->clock))
		return;
	wait_ms = clock_run(engine->clock, engine->wall_ms(), now_ms);
	/* A timer that is early by a part of a ms would have to come twice. */
	engine->clock_due_ms = wait_ms == -1 ? INT64_MAX : now_ms + wait_ms + 1;
}

/*
 * When most of many connections were closed, their memory is given back. The
 * allocator does that by itself only for what lies at its end.
 */
static void
engine_trim(struct engine *engine)
{
	size_t open_count = engine->conns.open_count;

	if (open_count > engine->peak_count)
		engine->peak_count = open_count;
	if (engine->peak_count < TRIM_COUNT_MIN ||
	    open_count > engine->peak_count / 4)
		return;
	engine->peak_count = open_count;
	conns_trim(&engine->conns);
	mem_trim();
}

/* When the next turn is due, though nothing happens until then. */
static int64_t
engine_next_ms(const struct engine *engine)
{
	int64_t next_ms = engine->clock_due_ms;

	next_ms = least(next_ms, sampler_next_ms(engine->sampler));
	next_ms = least(next_ms, conns_next_ms(&engine->conns));
	next_ms = least(next_ms, streams_next_ms(&engine->streams));
	next_ms = least(next_ms, turns_next_ms(&engine->turns));
	next_ms = least(next_ms, presence_next_ms(&engine->presence));
	next_ms = least(next_ms, lease_next_ms(&engine->lease));
	next_ms = least(next_ms, lean_next_ms(&engine->routing.lean));
	next_ms = least(next_ms, status_route_next_ms(&engine->routing.status));
	next_ms = least(next_ms,
	    list_pace_next_ms(&engine->routing.subscriptions.pace));
	next_ms = least(next_ms,
	    subscribe_route_next_ms(&engine->routing.subscribe));
	return least(next_ms, hub_next_ms(&engine->hub));
}

static void
on_turn(uv_prepare_t *prepare)
{
	struct engine *engine = prepare->data;
	int64_t        now_ms;

	turns_begin(&engine->turns);
	now_ms = turns_now_ms(&engine->turns);
	conns_run(&engine->conns);
	bearer_run(&engine->routing.bearer);
	streams_run(&engine->streams);
	engine_run_clock(engine);
	sampler_run(engine->sampler, now_ms, engine->wall_ms());
	turns_run(&engine->turns, now_ms, CALLS_PER_TURN);
	lean_run(&engine->routing.lean);
	subscribe_route_run(&engine->routing.subscribe, now_ms);
	status_route_run(&engine->routing.status);
	list_pace_run(&engine->routing.subscriptions.pace);
	streams_reap(&engine->streams);
	presence_run(&engine->presence);
	lease_run(&engine->lease);
	engine_trim(engine);
	hub_run(&engine->hub, now_ms);
	if (engine->on_turn != NULL)
		engine->on_turn(engine->arg);
	if (turns_is_busy(&engine->turns) ||
	    streams_is_busy(&engine->streams) ||
	    bearer_is_busy(&engine->routing.bearer))
		uv_idle_start(&engine->more, on_more);
	else
		uv_idle_stop(&engine->more);
	/* What follows happens later: the loop may sleep. */
	turns_begin(&engine->turns);
	engine_arm(engine, engine_next_ms(engine));
	turns_begin(&engine->turns);
	log_flush();
}

static void
on_level(void *arg)
{
	struct engine *engine = arg;

	lease_set_level(&engine->lease);
	subscribe_route_resume(&engine->routing.subscribe);
}

static void
engine_open_store(struct engine *engine, const struct options *options,
    struct store_choice *choice)
{
	const struct tail_spec spec = {
		.hub = &engine->hub,
		.lease = &engine->lease,
		.turns = &engine->turns,
		.bytes_max = options->history_bytes,
		.age_ms = options->history_age_ms,
		.is_lean = seating_is_single_use(&engine->seating),
		.wall_ms = engine->wall_ms,
		.on_level = on_level,
		.arg = engine,
	};

	tail_open(&engine->tail, &engine->loop, &spec, choice,
	    &engine->routing.gate);
}

/* One that serves many streams hears the others, and needs no own will. */
static void
open_wills(struct engine *engine, const char *folder)
{
	if (folder == NULL || engine->tail.is_memory)
		return;
	engine->wills = wills_new(folder, engine->presence.process);
	engine->lease.heir.wills = engine->wills;
	if (engine->tail.is_lean)
		engine->presence.wills = engine->wills;
}

static void
init_routing(struct engine *engine, size_t descriptors_max)
{
	const struct routing_parts parts = {
		.loop = &engine->loop,
		.turns = &engine->turns,
		.hub = &engine->hub,
		.clock = engine->clock,
		.streams = &engine->streams,
		.sampler = engine->sampler,
		.access = engine->access,
		.presence = &engine->presence,
		.roster = &engine->lease.roster,
		.store = engine->tail.store,
		.is_memory = engine->tail.is_memory,
		.is_lean = engine->tail.is_lean,
		.is_single_use = seating_is_single_use(&engine->seating),
		.wall_ms = engine->wall_ms,
		.descriptors_max = descriptors_max,
		.connection_count = &engine->conns.open_count,
		.buffered_bytes = &engine->conns.pool.bytes,
	};

	routing_init(&engine->routing, &parts);
}

void
engine_init(struct engine *engine, const struct options *options,
    struct store_choice *choice, struct keys *keys, size_t descriptors_max)
{
	int                        error;
	const struct stream_limits no_stream_limits = { 0 };
	const struct hub_limits    no_history_limits = { 0 };
	const struct conn_limits   no_conn_limits = { 0 };

	memset(engine, 0, sizeof(*engine));
	seed_random();
	error = uv_loop_init(&engine->loop);
	if (error != 0) {
		log_error("loop", LOG_STR("error", uv_strerror(error)));
		exit(EXIT_FAILURE);
	}
	uv_prepare_init(&engine->loop, &engine->turn);
	uv_idle_init(&engine->loop, &engine->more);
	uv_timer_init(&engine->loop, &engine->timer);
	engine->turn.data = engine->timer.data = engine;
	engine->armed_ms = INT64_MAX;
	engine->clock_due_ms = INT64_MAX;
	turns_init(&engine->turns, clocks_monotonic_us);
	streams_init(&engine->streams, &engine->turns, &no_stream_limits);
	hub_init(&engine->hub, &engine->turns, &no_history_limits);
	engine->streams.hub = &engine->hub;
	seating_init(&engine->seating, choice);
	engine->streams.seats = engine->seating.seats;
	engine->streams.rota = engine->seating.rota;
	engine->wall_ms = clocks_wall_ms;
	engine->clock = clock_new(&engine->turns);
	engine->sampler = sampler_new(&engine->streams, engine->clock);
	engine_open_store(engine, options, choice);
	sampler_set_store(engine->sampler, engine->tail.store);
	engine->access = access_new(options->public_url);
	engine->hub.base = access_base(engine->access);
	engine->streams.access = engine->access;
	engine->streams.wall_ms = engine->wall_ms;
	presence_init(&engine->presence, engine->tail.store, &engine->turns,
	    engine->access);
	lease_init(&engine->lease, &engine->presence, !engine->tail.is_memory,
	    engine->tail.is_lean);
	open_wills(engine, choice->wills_path);
	init_routing(engine, descriptors_max);
	engine->conns.loop = &engine->loop;
	engine->conns.router = &engine->routing.router;
	engine->conns.streams = &engine->streams;
	engine->conns.turns = &engine->turns;
	conns_init(&engine->conns, &no_conn_limits);
	engine_set_options(engine, options, keys);
	uv_prepare_start(&engine->turn, on_turn);
}

void
engine_run(struct engine *engine)
{
	uv_run(&engine->loop, UV_RUN_DEFAULT);
}

void
engine_stop(struct engine *engine)
{
	uv_stop(&engine->loop);
}

/*
 * All streams have ended: the store is to be told while it is there, but a
 * process that ends cannot wait long for one that does not answer.
 */
static void
engine_say_who_leaves(struct engine *engine)
{
	int64_t end_ms;

	streams_reap(&engine->streams);
	presence_close(&engine->presence);
	turns_begin(&engine->turns);
	end_ms = turns_now_ms(&engine->turns) + LEAVING_MS;
	uv_update_time(&engine->loop);
	uv_timer_start(&engine->timer, on_timer, LEAVING_MS + 1, 0);
	for (;;) {
		presence_run(&engine->presence);
		if ((!presence_is_busy(&engine->presence) &&
			lease_close(&engine->lease)) ||
		    turns_now_ms(&engine->turns) >= end_ms)
			break;
		uv_run(&engine->loop, UV_RUN_ONCE);
		turns_begin(&engine->turns);
	}
	uv_timer_stop(&engine->timer);
	presence_give_up(&engine->presence);
}

void
engine_deinit(struct engine *engine)
{
	int error;

	conns_close_all(&engine->conns);
	streams_end_all(&engine->streams, STREAM_END_SHUTDOWN);
	uv_prepare_stop(&engine->turn);
	uv_idle_stop(&engine->more);
	lean_end(&engine->routing.lean);
	engine_say_who_leaves(engine);
	tail_close(&engine->tail, &engine->loop);
	store_gate_deinit(&engine->routing.gate);
	streams_deinit(&engine->streams);
	seating_deinit(&engine->seating);
	sampler_free(engine->sampler);
	bearer_deinit(&engine->routing.bearer);
	routing_deinit(&engine->routing);
	lease_deinit(&engine->lease);
	presence_deinit(&engine->presence);
	wills_free(engine->wills);
	access_free(engine->access);
	publishers_free(engine->routing.publish.publishers);
	hub_deinit(&engine->hub);
	clock_free(engine->clock);
	turns_deinit(&engine->turns);
	uv_close((uv_handle_t *)&engine->turn, NULL);
	uv_close((uv_handle_t *)&engine->more, NULL);
	uv_close((uv_handle_t *)&engine->timer, NULL);
	uv_run(&engine->loop, UV_RUN_DEFAULT);
	error = uv_loop_close(&engine->loop);
	assert(error == 0);
}
