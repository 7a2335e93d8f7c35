#include "config.h"

#include "process/tail.h"

#include <string.h>

#include "hub/turns.h"
#include "hub/update.h"
#include "presence/lease.h"
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

bool
tail_open(struct tail *tail, uv_loop_t *loop, const struct tail_spec *spec,
    char *error, size_t error_bytes)
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
	tail->spec.url = NULL;
	tail->is_memory = strncmp(spec->url, "memory", 6) == 0;
	tail->is_lean = spec->is_lean && !tail->is_memory;
	tail->store = store_open(loop,
	    &(struct store_options){
		.url = spec->url,
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
