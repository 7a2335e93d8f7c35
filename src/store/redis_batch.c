#include "store/redis_batch.h"

#include <assert.h>
#include <string.h>

#include "store/redis_reply.h"

/* A read is to be no longer than this, by what its entries had before. */
#define BATCH_BYTES (UINT64_C(1) << 20)
#define BATCH_COUNT_MIN 8
#define BATCH_COUNT_FIRST 64
#define BATCH_COUNT_MAX 1000
#define LEAN_BATCH_BYTES (UINT64_C(64) * 1024)
#define LEAN_BATCH_COUNT_FIRST 4

void
redis_entry_write(struct redis_args *args, const struct update *update)
{
	struct buf topics = { 0 };
	size_t     i;

	assert(update->topic_count >= 1);
	for (i = 0; i < update->topic_count; i++) {
		if (i > 0)
			buf_append(&topics, "", 1);
		buf_append_str(&topics, update->topics[i]);
	}
	redis_args_add_str(args, "t");
	redis_args_add(args, topics.data, topics.len_bytes);
	buf_deinit(&topics);
	redis_args_add_str(args, "d");
	redis_args_add(args, update->bytes, update->len_bytes);
	if (update->id != NULL)
		redis_args_add_strs(args, "i", update->id, NULL);
	if (update->is_private)
		redis_args_add_strs(args, "p", "1", NULL);
}

static struct update *
update_at(struct redis_batch *batch, size_t i)
{
	return (struct update *)(void *)batch->updates.data + i;
}

/* Adds the names to the batch; false: they are too many. */
static bool
add_topics(struct redis_batch *batch, struct update *update,
    const redisReply *names)
{
	const char *at = names->str, *end = names->str + names->len;

	for (; at <= end; at += strlen(at) + 1) {
		if (update->topic_count == UPDATE_TOPICS_MAX)
			return false;
		buf_append(&batch->topics, &at, sizeof(at));
		update->topic_count++;
	}
	return true;
}

/* Whether it is an update with these topics, which it adds to the batch. */
static bool
take_topics(struct redis_batch *batch, struct update *update,
    const redisReply *topics)
{
	const size_t before_bytes = batch->topics.len_bytes;

	if (topics == NULL || update->bytes == NULL || update->position == 0 ||
	    !add_topics(batch, update, topics))
		return false;
	update->topics = (const char *const *)(void *)(batch->topics.data +
	    before_bytes);
	return update_is_sound(update);
}

/* One field of an entry; false: it is not one of ours. */
static bool
read_field(struct update *update, const redisReply **topics,
    const redisReply *name, const redisReply *value)
{
	if (redis_reply_is(name, "t")) {
		*topics = value;
	} else if (redis_reply_is(name, "d")) {
		update->bytes = value->str;
		update->len_bytes = value->len;
	} else if (redis_reply_is(name, "i")) {
		update->id = value->str;
		return strlen(value->str) == value->len;
	} else if (redis_reply_is(name, "p")) {
		update->is_private = true;
	}
	return true; /* a later version may have more fields */
}

enum redis_entry_kind
redis_batch_add(struct redis_batch *batch, const redisReply *fields,
    uint64_t position)
{
	struct update     update = { .position = position };
	const redisReply *topics = NULL;
	size_t            i, topics_before = batch->topics.len_bytes;

	if (fields->type != REDIS_REPLY_ARRAY || fields->elements % 2 != 0)
		return REDIS_ENTRY_FOREIGN;
	for (i = 0; i < fields->elements; i += 2) {
		if (fields->element[i]->type != REDIS_REPLY_STRING ||
		    fields->element[i + 1]->type != REDIS_REPLY_STRING)
			return REDIS_ENTRY_FOREIGN;
		if (redis_reply_is(fields->element[i], "m"))
			return REDIS_ENTRY_MARKER;
		if (!read_field(&update, &topics, fields->element[i],
			fields->element[i + 1]))
			return REDIS_ENTRY_FOREIGN;
	}
	if (!take_topics(batch, &update, topics)) {
		batch->topics.len_bytes = topics_before;
		return REDIS_ENTRY_FOREIGN;
	}
	buf_append(&batch->updates, &update, sizeof(update));
	batch->count++;
	return REDIS_ENTRY_UPDATE;
}

/* Points the updates to their topics, whose memory may have moved. */
const struct update *
redis_batch_updates(struct redis_batch *batch)
{
	const char *const *topics = (const void *)batch->topics.data;
	size_t             i;

	for (i = 0; i < batch->count; i++) {
		update_at(batch, i)->topics = topics;
		topics += update_at(batch, i)->topic_count;
	}
	return update_at(batch, 0);
}

const struct update *
redis_batch_last(struct redis_batch *batch)
{
	struct update *last = update_at(batch, batch->count - 1);

	last->topics = (const char *const *)(void *)(batch->topics.data +
			   batch->topics.len_bytes) -
	    last->topic_count;
	return last;
}

void
redis_batch_drop(struct redis_batch *batch)
{
	batch->count--;
	batch->topics.len_bytes -= update_at(batch, batch->count)->topic_count *
	    sizeof(const char *);
	batch->updates.len_bytes -= sizeof(struct update);
}

void
redis_batch_clear(struct redis_batch *batch)
{
	batch->updates.len_bytes = 0;
	batch->topics.len_bytes = 0;
	batch->count = 0;
}

void
redis_batch_deinit(struct redis_batch *batch)
{
	buf_deinit(&batch->updates);
	buf_deinit(&batch->topics);
	batch->count = 0;
}

size_t
redis_batch_count(bool is_lean, uint64_t mean_bytes)
{
	const uint64_t max_bytes = is_lean ? LEAN_BATCH_BYTES : BATCH_BYTES;
	const uint64_t min_count = is_lean ? 1 : BATCH_COUNT_MIN;
	uint64_t       count;

	if (mean_bytes == 0)
		return is_lean ? LEAN_BATCH_COUNT_FIRST : BATCH_COUNT_FIRST;
	count = max_bytes / mean_bytes;
	if (count < min_count)
		return min_count;
	return count > BATCH_COUNT_MAX ? BATCH_COUNT_MAX : count;
}
