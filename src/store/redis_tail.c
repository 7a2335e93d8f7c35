/*
 * Reads the stream in Redis behind the last position, at a pace that bounds how
 * often the broker has to wake this process, and notices what is missing.
 */
#include "store/redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "pure/position.h"

#define PACE_MS 5
#define BLOCK_MS "1000"

/* A read that came later than this may have a gap before it. */
#define LATE_MS 2000

static void step(struct redis_store *);

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
is_for_us(const struct redis_tail *tail, const struct update *update)
{
	if (tail->topics == NULL)
		return true;
	for (size_t i = 0; i < update->topic_count; i++)
		if (bsearch(&update->topics[i], tail->topics, tail->topic_count,
			sizeof(*tail->topics), compare_names) != NULL)
			return true;
	return false;
}

void
redis_tail_lost(struct redis_store *store, uint64_t up_to)
{
	store->health.lost_count++;
	log_error("store-lost", LOG_STR("store", store->url.name),
	    LOG_INT("up_to_ms", position_ms(up_to)));
	if (store->tail.is_wanted) {
		store->tail.is_level = false;
		store->tail.is_behind = true;
		store->reader.on_lost(store->reader.arg, up_to);
	}
}

/* What the transaction told of the log, before its page is handed over. */
static void
compare_info(struct redis_store *store, const struct redis_info *info)
{
	struct redis_tail *tail = &store->tail;
	struct redis_id    first = info->first;
	uint64_t           trimmed;
	bool               is_gap;

	if (redis_id_compare(&info->last, &tail->cursor) < 0) {
		/*
		 * A position that the log has not reached: if the caller
		 * brought it, what comes next is news to him. Otherwise the
		 * log was lost, and the check puts its marker there.
		 */
		if (tail->is_given) {
			tail->cursor = info->last;
			tail->ordinal = info->added;
		} else {
			redis_check_begin(store, false);
		}
		return;
	}
	tail->is_given = false;
	redis_saw(store, redis_id_position(&info->last));
	store->health.update_count = info->length;
	if (info->length == 0) {
		first = info->last;
		first.n++;
	}
	trimmed = info->added > info->length ? info->added - info->length : 0;
	if (tail->ordinal > 0 && info->added >= tail->ordinal)
		is_gap = trimmed > tail->ordinal;
	else
		is_gap = (tail->cursor.ms > 0 || tail->cursor.n > 0) &&
		    redis_id_compare(&tail->cursor, &first) < 0 &&
		    (info->added == 0 || trimmed > 0);
	if (is_gap) {
		first.n--;
		if (first.n == UINT64_MAX) {
			first.ms--;
			first.n = REDIS_ID_N_MAX - 1;
		}
		tail->ordinal = trimmed;
		redis_tail_lost(store, redis_id_position(&first));
	}
}

/* Adds one entry to the batch; false: it is none. */
static bool
take_entry(struct redis_store *store, const redisReply *entry,
    uint64_t *size_bytes)
{
	struct redis_tail *tail = &store->tail;
	struct redis_id    id;
	uint64_t           position;
	size_t             i;

	if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
	    entry->element[0]->type != REDIS_REPLY_STRING ||
	    !redis_id_parse(&id, entry->element[0]->str,
		entry->element[0]->len) ||
	    redis_id_compare(&id, &tail->cursor) <= 0)
		return false;
	tail->cursor = id;
	if (tail->ordinal > 0)
		tail->ordinal++;
	position = redis_id_position(&id);
	redis_saw(store, position);
	redis_mark_full(store, &id);
	for (i = 0; i < entry->element[1]->elements; i++)
		*size_bytes += entry->element[1]->element[i]->len;
	switch (redis_batch_add(&tail->batch, entry->element[1], position)) {
	case REDIS_ENTRY_UPDATE:
		if (!is_for_us(tail, redis_batch_last(&tail->batch)))
			redis_batch_drop(&tail->batch);
		break;
	case REDIS_ENTRY_FOREIGN:
		log_warn("store-entry-skipped",
		    LOG_STR("store", store->url.name),
		    LOG_STR("entry", entry->element[0]->str));
		break;
	case REDIS_ENTRY_MARKER:
		break;
	}
	return true;
}

/* The entries in an answer to XREAD; false: it is none. */
static bool
entries_of(const redisReply *reply, const redisReply **entries)
{
	*entries = NULL;
	if (reply->type == REDIS_REPLY_NIL)
		return true;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 1)
		return false;
	reply = reply->element[0];
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
		return false;
	*entries = reply->element[1];
	return (*entries)->type == REDIS_REPLY_ARRAY;
}

/* Hands a page over; false: it is malformed. */
static bool
take_page(struct redis_store *store, const redisReply *entries)
{
	struct redis_tail *tail = &store->tail;
	uint64_t           size_bytes = 0;
	size_t             i;
	bool               is_sound = true;

	if (entries == NULL || entries->elements == 0)
		return true;
	redis_batch_clear(&tail->batch);
	for (i = 0; i < entries->elements && is_sound; i++)
		is_sound = take_entry(store, entries->element[i], &size_bytes);
	tail->page_count = redis_batch_count(store->is_lean,
	    size_bytes / entries->elements + 1);
	store->health.read_us = (int64_t)((uv_hrtime() - tail->sent_ns) / 1000);
	if (tail->batch.count > 0)
		store->reader.on_updates(store->reader.arg,
		    redis_batch_updates(&tail->batch), tail->batch.count);
	return is_sound;
}

static void
become_level(struct redis_store *store)
{
	struct redis_tail *tail = &store->tail;

	tail->is_behind = false;
	if (tail->is_level)
		return;
	tail->is_level = true;
	store->reader.on_level(store->reader.arg,
	    redis_id_position(&tail->cursor));
}

/* A read is over: of the answer, or of none. Returns whether it counts. */
static bool
end_read(struct redis_store *store, const redisReply *reply, unsigned turn)
{
	struct redis_tail *tail = &store->tail;

	if (reply == NULL || turn != tail->turn)
		return false;
	tail->is_reading = false;
	tail->is_blocking = false;
	if (reply->type == REDIS_REPLY_ERROR) {
		redis_link_fail(&tail->link, redis_reply_reason(reply));
		return false;
	}
	redis_link_settle(&tail->link);
	return true;
}

/* Which read an answer belongs to. */
struct read {
	struct redis_store *store;
	unsigned            turn;
	size_t              count; /* of entries, at most */
};

static struct read
read_of(void *arg)
{
	struct read read = *(struct read *)arg;

	free(arg);
	return read;
}

static void
on_blocking(void *arg, const redisReply *reply)
{
	struct read        read = read_of(arg);
	struct redis_tail *tail = &read.store->tail;
	const redisReply  *entries;

	if (!end_read(read.store, reply, read.turn))
		return;
	if (!entries_of(reply, &entries)) {
		redis_link_fail(&tail->link, REDIS_REPLY_ODD);
		return;
	}
	/* A full page may be one that begins behind what was trimmed. */
	if (entries != NULL && entries->elements >= read.count)
		tail->is_behind = true;
	else if (!take_page(read.store, entries))
		redis_link_fail(&tail->link, REDIS_REPLY_ODD);
	step(read.store);
}

static void
on_transaction(void *arg, const redisReply *reply)
{
	struct read        read = read_of(arg);
	struct redis_tail *tail = &read.store->tail;
	struct redis_info  info;
	const redisReply  *entries;
	const char        *why;

	if (!end_read(read.store, reply, read.turn))
		return;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	    !entries_of(reply->element[1], &entries)) {
		redis_link_fail(&tail->link, REDIS_REPLY_ODD);
		return;
	}
	why = redis_info_read(&info, reply->element[0]);
	if (why != NULL) {
		redis_link_fail(&tail->link, why);
		return;
	}
	compare_info(read.store, &info);
	if (read.turn != tail->turn)
		return;
	if (!take_page(read.store, entries)) {
		redis_link_fail(&tail->link, REDIS_REPLY_ODD);
		return;
	}
	/* What a page does not fill ends at the log's end. */
	if (read.turn == tail->turn &&
	    (entries == NULL || entries->elements < read.count)) {
		if (redis_id_compare(&tail->cursor, &info.last) <= 0) {
			tail->cursor = info.last;
			tail->ordinal = info.added;
		}
		become_level(read.store);
	}
	step(read.store);
}

static void
on_ignored(void *arg, const redisReply *reply)
{
	(void)arg;
	(void)reply;
}

static void
add_read_words(const struct redis_store *store, struct redis_args *args,
    bool is_blocking)
{
	char id[REDIS_ID_BYTES];

	redis_args_add_strs(args, "XREAD", "COUNT", NULL);
	redis_args_add_number(args, (int64_t)store->tail.page_count);
	if (is_blocking)
		redis_args_add_strs(args, "BLOCK", BLOCK_MS, NULL);
	redis_id_print(&store->tail.cursor, id);
	redis_args_add_strs(args, "STREAMS", store->log_key, id, NULL);
}

static bool
send_word(struct redis_link *link, const char *first, const char *second,
    const char *third)
{
	struct redis_args args = { 0 };
	bool              is_sent;

	redis_args_add_strs(&args, first, second, third, NULL);
	is_sent = redis_link_call(link, &args, on_ignored, NULL);
	redis_args_deinit(&args);
	return is_sent;
}

/* Sends the read; its parts before the last have answers of no interest. */
static bool
send_read(struct redis_store *store, struct read *read, bool is_blocking)
{
	struct redis_link *link = &store->tail.link;
	struct redis_args  args = { 0 };
	bool               is_sent;

	add_read_words(store, &args, is_blocking);
	if (is_blocking) {
		is_sent = redis_link_call(link, &args, on_blocking, read);
	} else {
		is_sent = send_word(link, "MULTI", NULL, NULL) &&
		    send_word(link, "XINFO", "STREAM", store->log_key) &&
		    redis_link_call(link, &args, on_ignored, NULL);
		redis_args_deinit(&args);
		redis_args_add_str(&args, "EXEC");
		is_sent = is_sent &&
		    redis_link_call(link, &args, on_transaction, read);
	}
	redis_args_deinit(&args);
	return is_sent;
}

static void
begin_read(struct redis_store *store, bool is_blocking)
{
	struct redis_tail *tail = &store->tail;
	struct read       *read = mem_alloc(sizeof(*read));

	read->store = store;
	read->turn = tail->turn;
	read->count = tail->page_count;
	tail->sent_ms = uv_now(store->loop);
	tail->sent_ns = uv_hrtime();
	tail->is_reading = send_read(store, read, is_blocking);
	tail->is_blocking = is_blocking;
	if (!tail->is_reading)
		free(read);
}

static void
on_pace(uv_timer_t *timer)
{
	step(timer->data);
}

/*
 * Reads on, if there is reason to and nothing under way. The reader makes an
 * update's id by the tag, so nothing is read before the tag is known.
 */
static void
step(struct redis_store *store)
{
	struct redis_tail *tail = &store->tail;
	uint64_t           passed_ms = uv_now(store->loop) - tail->sent_ms;

	if (!tail->is_wanted || tail->is_held || tail->is_reading ||
	    store->is_closing || store->tag == 0 ||
	    tail->link.state != REDIS_LINK_READY)
		return;
	if (passed_ms > LATE_MS)
		tail->is_behind = true;
	if (tail->is_behind)
		begin_read(store, false);
	else if (passed_ms >= PACE_MS)
		begin_read(store, true);
	else
		uv_timer_start(&tail->pace, on_pace, PACE_MS - passed_ms, 0);
}

static void
on_ready(void *arg)
{
	struct redis_store *store = arg;

	store->tail.is_reading = false;
	store->tail.is_behind = true;
	step(store);
}

static void
on_down(void *arg, const char *why)
{
	struct redis_store *store = arg;
	struct redis_tail  *tail = &store->tail;

	if (tail->is_reading || tail->is_level)
		log_warn("store-tail-down", LOG_STR("store", store->url.name),
		    LOG_STR("reason", why));
	tail->turn++;
	tail->is_reading = false;
	tail->is_level = false;
}

static void
free_topics(struct redis_tail *tail)
{
	for (size_t i = 0; i < tail->topic_count; i++)
		free(tail->topics[i]);
	free(tail->topics);
	tail->topics = NULL;
	tail->topic_count = 0;
}

void
redis_tail_init(struct redis_store *store)
{
	struct redis_tail *tail = &store->tail;

	redis_link_init(&tail->link, store->loop, &store->url);
	tail->link.on_ready = on_ready;
	tail->link.on_down = on_down;
	tail->link.arg = store;
	tail->page_count = redis_batch_count(store->is_lean, 0);
	uv_timer_init(store->loop, &tail->pace);
	tail->pace.data = store;
}

void
redis_tail_deinit(struct redis_store *store)
{
	free_topics(&store->tail);
	redis_batch_deinit(&store->tail.batch);
}

void
redis_tail_set(struct store *base, uint64_t after, const char *const *topics,
    size_t topic_count)
{
	struct redis_store *store = (struct redis_store *)base;
	struct redis_tail  *tail = &store->tail;

	free_topics(tail);
	if (topic_count > 0) {
		tail->topics = mem_alloc(topic_count * sizeof(*topics));
		for (size_t i = 0; i < topic_count; i++)
			tail->topics[i] = mem_strdup(topics[i]);
		qsort(tail->topics, topic_count, sizeof(*topics),
		    compare_names);
		tail->topic_count = topic_count;
	}
	tail->turn++;
	tail->is_wanted = true;
	tail->is_level = false;
	tail->is_behind = true;
	tail->is_given = after > store->seen;
	tail->ordinal = 0;
	tail->cursor = redis_id_at(after);
	redis_open_command(store);
	redis_link_open(&tail->link);
	/* A read that waits would hold up the next for up to a second. */
	if (tail->is_reading && tail->is_blocking)
		redis_link_reset(&tail->link);
	tail->is_reading = false;
	uv_timer_start(&tail->pace, on_pace, 0, 0);
}

void
redis_tail_hold(struct store *base, bool is_held)
{
	struct redis_store *store = (struct redis_store *)base;

	store->tail.is_held = is_held;
	if (!is_held)
		uv_timer_start(&store->tail.pace, on_pace, 0, 0);
}
