#include "config.h"

#include "process/tail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "http/store_gate.h"
#include "hub/turns.h"
#include "hub/update.h"
#include "presence/lease.h"
#include "process/store_choice.h"
#include "process/store_place.h"
#include "store/store.h"

/* The hub keeps the updates: a log in the same memory need not. */
#define MEMORY_BYTES_MAX 1

/* The hub takes them, less those that are for the processes alone. */
static void
ingest(const struct tail_spec *spec, const struct update *updates, size_t count,
    int64_t wall_ms)
{
	const int64_t now_ms = turns_now_ms(spec->turns);
	size_t        begin = 0;

	for (size_t i = 0; i < count; i++) {
		if (!lease_hear(spec->lease, &updates[i]))
			continue;
		hub_ingest(spec->hub, updates + begin, i - begin, now_ms,
		    wall_ms);
		begin = i + 1;
	}
	hub_ingest(spec->hub, updates + begin, count - begin, now_ms, wall_ms);
}

static void
on_updates(void *arg, const struct update *updates, size_t count)
{
	struct tail      *tail = arg;
	struct tail_spec *spec = &tail->spec;
	int64_t wall_ms = store_wall_ms(tail->store, spec->wall_ms()), lag_ms;

	spec->hub->tag = store_tag(tail->store);
	if (tail->is_level) {
		lag_ms = wall_ms - position_ms(updates[count - 1].position);
		spec->hub->lag_ms = lag_ms > 0 ? lag_ms : 0;
		/*
		 * They are new, whatever the clock says that their positions
		 * come from.
		 */
		wall_ms = 0;
	}
	ingest(spec, updates, count, wall_ms);
}

static void
on_level(void *arg, uint64_t position)
{
	struct tail      *tail = arg;
	struct tail_spec *spec = &tail->spec;

	spec->hub->tag = store_tag(tail->store);
	/* Of what went to other topics nothing was handed over. */
	if (tail->is_lean)
		hub_pass(spec->hub, position);
	spec->hub->is_level = true;
	if (tail->is_level)
		return;
	tail->is_level = true;
	if (spec->on_level != NULL)
		spec->on_level(spec->arg);
}

static void
on_lost(void *arg, uint64_t up_to)
{
	struct tail *tail = arg;

	hub_lose(tail->spec.hub, up_to == 0 ? tail->spec.hub->position : up_to);
}

/* The store has put it into the log. */
static void
on_state(void *arg, enum store_state state, const char *why)
{
	(void)arg;
	(void)state;
	(void)why;
}

static size_t
store_bytes_max(const struct tail *tail, size_t bytes_max)
{
	return tail->is_memory ? MEMORY_BYTES_MAX : bytes_max;
}

/* Opens the store of that URL. False, with a line in error: it cannot. */
static bool
open_url(struct tail *tail, uv_loop_t *loop, const struct tail_spec *spec,
    const char *url, char *error, size_t error_bytes)
{
	struct store_reader reader = {
		.on_updates = on_updates,
		.on_level = on_level,
		.on_lost = on_lost,
		.on_state = on_state,
		.arg = tail,
	};

	memset(tail, 0, sizeof(*tail));
	tail->spec = *spec;
	tail->is_memory = strncmp(url, "memory", 6) == 0;
	tail->is_lean = spec->is_lean && !tail->is_memory;
	tail->store = store_open(loop,
	    &(struct store_options){
		.url = url,
		.bytes_max = store_bytes_max(tail, spec->bytes_max),
		.age_ms = spec->age_ms,
		.is_lean = tail->is_lean,
		.wall_ms = spec->wall_ms,
	    },
	    &reader, error, error_bytes);
	if (tail->store == NULL)
		return false;
	spec->hub->tag = store_tag(tail->store);
	if (!tail->is_lean)
		store_tail(tail->store, 0, NULL, 0);
	return true;
}

/* A store that the options name is required: the process ends with an error. */
static void
fail(const char *error)
{
	if (!log_is_stderr())
		log_error("start", LOG_STR("error", error));
	fprintf(stderr, "fcgi-sse: %s\n", error);
	log_flush();
	exit(EXIT_FAILURE);
}

void
tail_open(struct tail *tail, uv_loop_t *loop, const struct tail_spec *spec,
    struct store_choice *choice, struct store_gate *gate)
{
	struct store_health health;
	char                error[sizeof(choice->problem)] = "";

	gate->is_below = store_place_is_below;
	if (open_url(tail, loop, spec, choice->url, error, sizeof(error))) {
		gate->file = store_choice_file(choice);
	} else {
		memcpy(choice->problem, error, sizeof(error));
		if (!choice->is_auto ||
		    !open_url(tail, loop, spec, "memory", error, sizeof(error)))
			fail(error);
	}
	if (choice->problem[0] != '\0') {
		gate->problem = choice->problem;
		log_error("store-unusable", LOG_STR("reason", gate->problem));
		return;
	}
	store_get_health(tail->store, &health);
	log_info("store", LOG_STR("store", health.name),
	    LOG_STR("reason", choice->why));
}

void
tail_set_limits(struct tail *tail, size_t bytes_max, int64_t age_ms)
{
	store_set_limits(tail->store, store_bytes_max(tail, bytes_max), age_ms);
}

static void
on_closed(void *arg)
{
	struct tail *tail = arg;

	tail->is_closed = true;
}

void
tail_close(struct tail *tail, uv_loop_t *loop)
{
	store_close(tail->store, on_closed, tail);
	while (!tail->is_closed)
		uv_run(loop, UV_RUN_ONCE);
}
