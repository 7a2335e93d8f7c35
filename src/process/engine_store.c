/* How an engine opens its store, and what it does if it cannot. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "config/options.h"
#include "process/engine.h"
#include "process/store_choice.h"
#include "process/store_place.h"
#include "store/store.h"

static void
on_level(void *arg)
{
	struct engine *engine = arg;

	lease_set_level(&engine->lease);
	subscribe_route_resume(&engine->routing.subscribe);
}

/* Opens the store of that URL. False, with a line in error: it cannot. */
static bool
engine_open_url(struct engine *engine, const struct options *options,
    const char *url, char *error, size_t error_bytes)
{
	return tail_open(&engine->tail, &engine->loop,
	    &(struct tail_spec){
		.url = url,
		.hub = &engine->hub,
		.lease = &engine->lease,
		.turns = &engine->turns,
		.bytes_max = options->history_bytes,
		.age_ms = options->history_age_ms,
		.is_lean = seating_is_single_use(&engine->seating),
		.wall_ms = engine->wall_ms,
		.on_level = on_level,
		.arg = engine,
	    },
	    error, error_bytes);
}

/* A store that the options name is required: the process ends with an error. */
static void
engine_fail(const char *error)
{
	if (!log_is_stderr())
		log_error("start", LOG_STR("error", error));
	fprintf(stderr, "fcgi-sse: %s\n", error);
	log_flush();
	exit(EXIT_FAILURE);
}

void
engine_open_store(struct engine *engine, const struct options *options,
    struct store_choice *choice)
{
	struct store_gate  *gate = &engine->routing.gate;
	struct store_health health;
	char                error[sizeof(choice->problem)] = "";

	gate->is_below = store_place_is_below;
	if (engine_open_url(engine, options, choice->url, error,
		sizeof(error))) {
		gate->file = store_choice_file(choice);
	} else {
		memcpy(choice->problem, error, sizeof(error));
		if (!choice->is_auto ||
		    !engine_open_url(engine, options, "memory", error,
			sizeof(error)))
			engine_fail(error);
	}
	if (choice->problem[0] != '\0') {
		gate->problem = choice->problem;
		log_error("store-unusable", LOG_STR("reason", gate->problem));
		return;
	}
	store_get_health(engine->tail.store, &health);
	log_info("store", LOG_STR("store", health.name),
	    LOG_STR("reason", choice->why));
}
