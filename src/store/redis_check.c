/*
 * Whether the broker still has the log that was read: asked at each connect and
 * every few seconds, since a flush, an eviction or a failover tells nobody.
 */
#include "store/redis.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clocks.h"
#include "base/log.h"
#include "pure/position.h"

/* The newest are still to be read by all, however long they are. */
#define KEEP_COUNT_MIN 16

#define CHECK_MS 5000
#define CHECK_SOON_MS 1000

/* How long one process has the turn to trim; less than two checks. */
#define TURN_MS "4000"

/* A millisecond with more entries than this has its last count soon. */
#define MARK_N (UINT64_C(1) << 19)

#define TAG_TEXT_BYTES 24

static void on_timer(uv_timer_t *);

/* Sends a command for the check; the answer has fn and the store. */
static void
call(struct redis_store *store, redis_answer_fn *fn, const char *first,
    const char *second, const char *third)
{
	struct redis_args args = { 0 };

	redis_args_add_strs(&args, first, second, third, NULL);
	redis_link_call(&store->command, &args, fn, store);
	redis_args_deinit(&args);
}

static void
blame(struct redis_store *store, const char *why)
{
	if (store->check.why == NULL)
		store->check.why = why;
}

static void
on_marked(void *arg, const redisReply *reply)
{
	struct redis_store *store = arg;

	if (reply != NULL && reply->type == REDIS_REPLY_ERROR &&
	    !redis_reply_is_behind(reply))
		log_warn("store-mark-failed", LOG_STR("store", store->url.name),
		    LOG_STR("reason", redis_reply_reason(reply)));
}

void
redis_mark(struct redis_store *store, const struct redis_id *id)
{
	struct redis_args args = { 0 };
	char              text[REDIS_ID_BYTES];

	redis_id_print(id, text);
	redis_args_add_strs(&args, "XADD", store->log_key, text, "m", "1",
	    NULL);
	redis_link_call(&store->command, &args, on_marked, store);
	redis_args_deinit(&args);
}

void
redis_mark_full(struct redis_store *store, const struct redis_id *id)
{
	struct redis_id next = { id->ms + 1, 0 };

	if (id->n < MARK_N || id->ms <= store->marked_ms)
		return;
	store->marked_ms = id->ms;
	redis_mark(store, &next);
}

static void
on_time(void *arg, const redisReply *reply)
{
	struct redis_store *store = arg;
	int64_t             wall_ms;

	if (reply == NULL)
		return;
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
	    reply->element[0]->type == REDIS_REPLY_STRING &&
	    reply->element[1]->type == REDIS_REPLY_STRING) {
		wall_ms = strtoll(reply->element[0]->str, NULL, 10) * 1000 +
		    strtoll(reply->element[1]->str, NULL, 10) / 1000;
	} else if (reply->type == REDIS_REPLY_ERROR) {
		/* It may be forbidden; then this machine's clock has to do. */
		wall_ms = clocks_wall_ms();
	} else {
		blame(store, REDIS_REPLY_ODD);
		return;
	}
	store->clock_ms = wall_ms - (int64_t)uv_now(store->loop);
}

static void
on_info(void *arg, const redisReply *reply)
{
	struct redis_store *store = arg;
	const char         *why;

	if (reply == NULL)
		return;
	why = redis_info_read(&store->check.info, reply);
	if (why != NULL)
		blame(store, why);
}

/* MEMORY USAGE may be forbidden; then nothing is trimmed by size. */
static void
on_memory(void *arg, const redisReply *reply)
{
	struct redis_store *store = arg;

	store->check.memory_bytes = 0;
	if (reply != NULL && reply->type == REDIS_REPLY_INTEGER &&
	    reply->integer > 0)
		store->check.memory_bytes = (uint64_t)reply->integer;
}

static void
on_ignored(void *arg, const redisReply *reply)
{
	struct redis_store *store = arg;

	if (reply != NULL && reply->type == REDIS_REPLY_ERROR)
		blame(store, redis_reply_reason(reply));
}

static void
on_tag(void *arg, const redisReply *reply)
{
	struct redis_store *store = arg;
	char               *end;
	uint64_t            tag;

	if (reply == NULL)
		return;
	if (reply->type == REDIS_REPLY_ERROR) {
		blame(store, redis_reply_reason(reply));
		return;
	}
	if (reply->type != REDIS_REPLY_STRING) {
		blame(store, REDIS_REPLY_ODD);
		return;
	}
	tag = strtoull(reply->str, &end, 16);
	if (*end != '\0' || tag == 0 || (tag & ~POSITION_TAG_MASK) != 0)
		blame(store, "the log's tag is not one of ours");
	else
		store->tag = tag;
	/* The tail reads nothing before the tag is known: have it go on. */
	if (store->tag != 0)
		redis_tail_hold(&store->store, store->tail.is_held);
}

static void
trim_by(struct redis_store *store, const char *how, const char *limit)
{
	struct redis_args args = { 0 };

	redis_args_add_strs(&args, "XTRIM", store->log_key, how, limit, NULL);
	redis_link_call(&store->command, &args, on_marked, store);
	redis_args_deinit(&args);
}

static void
trim(struct redis_store *store)
{
	const struct redis_info *info = &store->check.info;
	struct redis_id          min;
	char                     text[REDIS_ID_BYTES];
	uint64_t mean_bytes, keep_count, bytes_max = store->bytes_max;

	/*
	 * A process whose turn it is not leaves it to others, unless it is
	 * urgent.
	 */
	if (!store->check.has_turn)
		bytes_max += bytes_max / 4;
	if (info->length == 0)
		return;
	if (store->check.has_turn && redis_min_id(store, &min) &&
	    redis_id_compare(&info->first, &min) < 0) {
		redis_id_print(&min, text);
		trim_by(store, "MINID", text);
	}
	if (store->bytes_max > 0 && store->check.memory_bytes > bytes_max) {
		mean_bytes = store->check.memory_bytes / info->length + 1;
		keep_count = store->bytes_max / mean_bytes;
		if (keep_count < KEEP_COUNT_MIN)
			keep_count = KEEP_COUNT_MIN;
		snprintf(text, sizeof(text), "%" PRIu64, keep_count);
		trim_by(store, "MAXLEN", text);
	}
}

/*
 * The log is behind what was seen of it, or was begun anew. A marker has
 * positions go on above ours, whatever the server's clock says.
 */
static void
compare(struct redis_store *store)
{
	struct redis_check *check = &store->check;
	struct redis_id     seen = redis_id_at(check->seen);
	uint64_t            added = store->added;

	store->added = check->info.added;
	if (check->seen > 0 && redis_id_compare(&check->info.last, &seen) < 0) {
		redis_mark(store, &seen);
		redis_check_soon(store);
		store->added = 0;
		redis_tail_lost(store, check->info.is_there ? check->seen : 0);
	} else if (added > 0 && check->info.added > 0 &&
	    check->info.added < added) {
		redis_tail_lost(store, 0);
	}
	redis_saw(store, redis_id_position(&check->info.last));
}

static void
end_check(struct redis_store *store)
{
	struct redis_check *check = &store->check;

	check->is_running = false;
	if (check->why != NULL) {
		redis_link_fail(&store->command, check->why);
		return;
	}
	redis_link_settle(&store->command);
	compare(store);
	store->health.oldest = redis_id_position(&check->info.first);
	store->health.update_count = check->info.length;
	store->health.byte_count = check->memory_bytes;
	redis_set_phase(store, REDIS_UP, NULL);
	trim(store);
	if (check->is_wanted)
		redis_check_begin(store, false);
}

static void
on_turn(void *arg, const redisReply *reply)
{
	struct redis_store *store = arg;

	if (reply == NULL)
		return;
	if (reply->type == REDIS_REPLY_ERROR)
		blame(store, redis_reply_reason(reply));
	else if (reply->type != REDIS_REPLY_STATUS &&
	    reply->type != REDIS_REPLY_NIL)
		blame(store, REDIS_REPLY_ODD);
	store->check.has_turn = reply->type == REDIS_REPLY_STATUS;
	end_check(store);
}

/* The value in an answer to CONFIG GET; NULL: none, or forbidden. */
static const char *
config_value(const redisReply *reply)
{
	if (reply == NULL || reply->type != REDIS_REPLY_ARRAY ||
	    reply->elements != 2 ||
	    reply->element[1]->type != REDIS_REPLY_STRING)
		return NULL;
	return reply->element[1]->str;
}

static void
on_policy(void *arg, const redisReply *reply)
{
	struct redis_store *store = arg;
	const char         *value = config_value(reply);

	if (value == NULL)
		return;
	snprintf(store->health.eviction, sizeof(store->health.eviction), "%s",
	    value);
	if (store->is_policy_told || strncmp(value, "allkeys-", 8) != 0)
		return;
	store->is_policy_told = true;
	log_warn("store-may-be-evicted", LOG_STR("store", store->url.name),
	    LOG_STR("maxmemory-policy", value),
	    LOG_STR("cure", "set a volatile- policy or noeviction"));
}

static void
on_saving(void *arg, const redisReply *reply)
{
	struct redis_store *store = arg;
	const char         *value = config_value(reply);

	if (value == NULL)
		return;
	/* "yes" until it is told how often. */
	snprintf(store->health.saving, sizeof(store->health.saving), "%s",
	    value);
	if (store->is_saving_told || strcmp(value, "no") != 0)
		return;
	store->is_saving_told = true;
	log_warn("store-not-durable", LOG_STR("store", store->url.name),
	    LOG_STR("appendonly", value),
	    LOG_STR("cure", "set appendonly yes"));
}

static void
on_sync(void *arg, const redisReply *reply)
{
	struct redis_store *store = arg;
	const char         *value = config_value(reply);

	if (value != NULL && strcmp(store->health.saving, "yes") == 0)
		snprintf(store->health.saving, sizeof(store->health.saving),
		    "%s", value);
}

static void
send_tag(struct redis_store *store)
{
	struct redis_args args = { 0 };
	char             *key = redis_key(store, ":tag", "");
	char              text[TAG_TEXT_BYTES];

	snprintf(text, sizeof(text), "%" PRIx64,
	    store->tag != 0 ? store->tag : store->tag_wanted);
	redis_args_add_strs(&args, "SET", key, text, "NX", NULL);
	redis_link_call(&store->command, &args, on_ignored, store);
	redis_args_deinit(&args);
	call(store, on_tag, "GET", key, NULL);
	free(key);
}

static void
send_turn(struct redis_store *store)
{
	struct redis_args args = { 0 };
	char             *key = redis_key(store, ":turn", "");

	redis_args_add_strs(&args, "SET", key, "1", "NX", "PX", TURN_MS, NULL);
	redis_link_call(&store->command, &args, on_turn, store);
	redis_args_deinit(&args);
	free(key);
}

void
redis_check_begin(struct redis_store *store, bool is_first)
{
	struct redis_check *check = &store->check;

	if (store->command.state != REDIS_LINK_READY)
		return;
	if (check->is_running) {
		check->is_wanted = true;
		return;
	}
	check->is_running = true;
	check->is_wanted = false;
	check->why = NULL;
	check->seen = store->seen;
	call(store, on_time, "TIME", NULL, NULL);
	call(store, on_info, "XINFO", "STREAM", store->log_key);
	call(store, on_memory, "MEMORY", "USAGE", store->log_key);
	send_tag(store);
	if (is_first) {
		call(store, on_policy, "CONFIG", "GET", "maxmemory-policy");
		call(store, on_saving, "CONFIG", "GET", "appendonly");
		call(store, on_sync, "CONFIG", "GET", "appendfsync");
	}
	send_turn(store);
	uv_timer_again(&check->timer);
}

void
redis_check_soon(struct redis_store *store)
{
	uv_timer_start(&store->check.timer, on_timer, CHECK_SOON_MS, CHECK_MS);
}

void
redis_check_stop(struct redis_store *store)
{
	store->check.is_running = false;
	store->check.is_wanted = false;
	uv_timer_stop(&store->check.timer);
}

static void
on_timer(uv_timer_t *timer)
{
	redis_check_begin(timer->data, false);
}

void
redis_check_init(struct redis_store *store)
{
	uv_timer_init(store->loop, &store->check.timer);
	store->check.timer.data = store;
	uv_timer_start(&store->check.timer, on_timer, CHECK_MS, CHECK_MS);
	uv_timer_stop(&store->check.timer);
}
