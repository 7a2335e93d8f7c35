/*
 * The redis engine's table, its opening and its end. How the parts work
 * together stands in store/redis.h.
 */
#include "config.h"

#include "store/redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "pure/position.h"

/* How long a close waits for publishes in flight. */
#define CLOSE_MS 1000

char *
redis_key(const struct redis_store *store, const char *suffix, const char *name)
{
	struct buf key = { 0 };
	char      *text;

	buf_printf(&key, "%s{log}%s%s", store->url.key, suffix, name);
	text = mem_strndup(key.data, key.len_bytes);
	buf_deinit(&key);
	return text;
}

void
redis_saw(struct redis_store *store, uint64_t position)
{
	if (position <= store->seen)
		return;
	store->seen = position;
	store->health.update_count++; /* until the log is asked again */
}

/* The server's clock, in ms since the epoch; 0: not known yet. */
static int64_t
redis_wall_ms(const struct store *base)
{
	const struct redis_store *store = (const struct redis_store *)base;

	return store->clock_ms == 0 ?
	    0 :
	    store->clock_ms + (int64_t)uv_now(store->loop);
}

bool
redis_min_id(const struct redis_store *store, struct redis_id *id)
{
	int64_t oldest_ms = redis_wall_ms(&store->store) - store->age_ms;

	if (store->age_ms == 0 || oldest_ms <= 0)
		return false;
	id->ms = (uint64_t)oldest_ms;
	id->n = 0;
	return true;
}

static void
tell_state(struct redis_store *store)
{
	if (store->phase == REDIS_UP) {
		store->down_since_ms = 0;
		log_info("store-up", LOG_STR("store", store->url.name));
		store->reader.on_state(store->reader.arg, STORE_UP, NULL);
		return;
	}
	log_error("store-down", LOG_STR("store", store->url.name),
	    LOG_STR("reason", store->why));
	if (store->down_since_ms == 0)
		store->down_since_ms = uv_now(store->loop);
	store->reader.on_state(store->reader.arg, STORE_DOWN, store->why);
}

/* The only place where the phase changes. */
void
redis_set_phase(struct redis_store *store, enum redis_phase phase,
    const char *why)
{
	bool is_news = phase != store->phase;

	if (why != NULL) {
		is_news = is_news || strcmp(store->why, why) != 0;
		snprintf(store->why, sizeof(store->why), "%s", why);
	}
	store->phase = phase;
	if (phase == REDIS_UP) {
		redis_publish_waiting(store);
		redis_find_waiting(store);
	} else if (phase == REDIS_DOWN || phase == REDIS_REFUSING) {
		redis_publish_refuse(store, store->why);
	}
	if (is_news && phase != REDIS_STARTING && !store->is_closing)
		tell_state(store);
}

void
redis_open_command(struct redis_store *store)
{
	if (store->phase != REDIS_IDLE || store->is_closing)
		return;
	redis_set_phase(store, REDIS_STARTING, NULL);
	redis_link_open(&store->command);
}

static void
on_ready(void *arg)
{
	redis_check_begin(arg, true);
}

static void
on_down(void *arg, const char *why)
{
	struct redis_store *store = arg;

	redis_check_stop(store);
	redis_set_phase(store, REDIS_DOWN, why);
}

static void
free_store(struct redis_store *store)
{
	redis_tail_deinit(store);
	redis_url_deinit(&store->url);
	free(store->log_key);
	free(store);
}

/* One of the handles or links is closed. */
static void
count_closed(void *arg)
{
	struct redis_store *store = arg;
	void (*done)(void *) = store->done;
	void *done_arg = store->done_arg;

	if (--store->open_count > 0)
		return;
	free_store(store);
	done(done_arg);
}

static void
on_handle_closed(uv_handle_t *handle)
{
	count_closed(handle->data);
}

static void
close_all(struct redis_store *store)
{
	store->open_count = 5;
	redis_link_close(&store->command, count_closed);
	redis_link_close(&store->tail.link, count_closed);
	redis_publish_refuse(store, "shutting down");
	redis_publish_answer(store);
	redis_find_end(store);
	uv_close((uv_handle_t *)&store->tail.pace, on_handle_closed);
	uv_close((uv_handle_t *)&store->check.timer, on_handle_closed);
	uv_close((uv_handle_t *)&store->defer, on_handle_closed);
}

/* Calls what was not to be called from within; ends a store that is closed. */
static void
on_defer(uv_timer_t *timer)
{
	struct redis_store *store = timer->data;

	redis_publish_answer(store);
	redis_find_answer(store);
	if (!store->is_closing)
		return;
	if ((store->flight_count == 0 && list_is_empty(&store->answered)) ||
	    uv_now(store->loop) >= store->close_ms)
		close_all(store);
	else if (!uv_is_active((uv_handle_t *)timer))
		uv_timer_start(timer, on_defer,
		    store->close_ms - uv_now(store->loop), 0);
}

void
redis_defer(struct redis_store *store)
{
	if (!uv_is_closing((uv_handle_t *)&store->defer))
		uv_timer_start(&store->defer, on_defer, 0, 0);
}

static void
redis_close(struct store *base, void (*done)(void *arg), void *arg)
{
	struct redis_store *store = (struct redis_store *)base;

	store->is_closing = true;
	store->close_ms = uv_now(store->loop) + CLOSE_MS;
	store->done = done;
	store->done_arg = arg;
	redis_defer(store);
}

static void
redis_set_limits(struct store *base, size_t bytes_max, int64_t age_ms)
{
	struct redis_store *store = (struct redis_store *)base;

	store->bytes_max = bytes_max;
	store->age_ms = age_ms;
}

static uint64_t
redis_tag(const struct store *base)
{
	return ((const struct redis_store *)base)->tag;
}

static void
redis_get_health(const struct store *base, struct store_health *health)
{
	const struct redis_store *store = (const struct redis_store *)base;
	bool                      is_down = store->down_since_ms > 0;

	*health = store->health;
	health->engine = store->store.engine->scheme;
	health->name = store->url.name;
	health->is_known = store->phase != REDIS_IDLE &&
	    store->phase != REDIS_STARTING;
	health->state = store->phase == REDIS_UP ? STORE_UP : STORE_DOWN;
	health->why = store->phase == REDIS_UP ? NULL : store->why;
	health->down_ms = is_down ?
	    (int64_t)(uv_now(store->loop) - store->down_since_ms) :
	    0;
	health->newest = store->seen;
}

static uint64_t
random_tag(void)
{
	uint64_t tag = 0;

	uv_random(NULL, NULL, &tag, sizeof(tag), 0, NULL);
	tag &= POSITION_TAG_MASK;
	return tag != 0 ? tag : 1;
}

static void
init_links(struct redis_store *store)
{
	redis_link_init(&store->command, store->loop, &store->url);
	store->command.on_ready = on_ready;
	store->command.on_down = on_down;
	store->command.arg = store;
	redis_tail_init(store);
	redis_check_init(store);
	uv_timer_init(store->loop, &store->defer);
	store->defer.data = store;
}

static struct store *
redis_open(uv_loop_t *loop, const struct store_options *options,
    const struct store_reader *reader, char *error, size_t error_bytes)
{
	struct redis_store *store = mem_zalloc(sizeof(*store));

	if (!redis_url_init(&store->url, options->url, error, error_bytes)) {
		free(store);
		return NULL;
	}
	if (store->url.is_tls) {
		snprintf(error, error_bytes,
		    "%s: this build speaks no TLS with Redis; have stunnel "
		    "carry the connection, and use redis:// to its port here",
		    store->url.name);
		redis_url_deinit(&store->url);
		free(store);
		return NULL;
	}
	store->store.engine = store->url.is_unix ? &redis_unix_engine :
						   &redis_engine;
	store->loop = loop;
	store->reader = *reader;
	store->bytes_max = options->bytes_max;
	store->age_ms = options->age_ms;
	store->is_lean = options->is_lean;
	store->tag_wanted = options->tag != 0 ?
	    options->tag & POSITION_TAG_MASK :
	    random_tag();
	store->log_key = redis_key(store, "", "");
	snprintf(store->why, sizeof(store->why), "not connected yet");
	list_init(&store->waiting);
	list_init(&store->sent);
	list_init(&store->answered);
	list_init(&store->finds);
	init_links(store);
	if (!options->is_lean)
		redis_open_command(store);
	return &store->store;
}

static void
redis_look(struct store *base)
{
	redis_open_command((struct redis_store *)base);
}

/* The URL says which of the three it is; they differ in nothing else. */
#define CALLS                                                                  \
	.open = redis_open, .close = redis_close,                              \
	.set_limits = redis_set_limits, .tail = redis_tail_set,                \
	.hold = redis_tail_hold, .publish = redis_publish, .find = redis_find, \
	.find_cancel = redis_find_cancel, .tag = redis_tag,                    \
	.wall_ms = redis_wall_ms, .get_health = redis_get_health,              \
	.look = redis_look

const struct store_engine redis_engine = { .scheme = "redis", CALLS };
const struct store_engine redis_unix_engine = { .scheme = "redis+unix", CALLS };
const struct store_engine rediss_engine = { .scheme = "rediss", CALLS };
