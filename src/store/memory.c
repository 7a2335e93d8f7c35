/*
 * The log of this process alone: a list of updates, which ends with the
 * process. A reader that keeps the updates itself should give it few bytes:
 * what was handed over is discarded first.
 */

#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/clocks.h"
#include "base/list.h"
#include "base/mem.h"
#include "hub/update.h"
#include "pure/position.h"
#include "store/engine.h"
#include "store/once_keys.h"

/* An update of the log, in one piece. */
struct entry {
	struct list   node;      /* in the log, in the order of positions */
	struct update update;    /* points behind this struct */
	size_t        len_bytes; /* of what stands there */
};

/* What a publisher is to be told. */
struct answer {
	struct list           node; /* in memory->answers */
	struct store_publish *publish;
	struct store_receipt  receipt;
	char                  id[]; /* receipt.id, unless that is NULL */
};

/* A search, and what it is to be told. */
struct search {
	struct list        node;
	struct store_find *find;
	struct update      found; /* an update of the log; position 0: none */
};

struct memory {
	struct store        store;
	struct store_reader reader;
	int64_t (*wall_ms)(void);
	uv_idle_t        turn; /* active while anything is to be called */
	uint64_t         tag;
	size_t           bytes_max;
	int64_t          age_ms;
	uint64_t         newest;
	uint64_t         discarded; /* all up to this position are */
	uint64_t         after; /* what the reader has had, or has asked for */
	char           **topics;
	size_t           topic_count;
	bool             is_tailed;
	bool             is_level; /* the reader was told so */
	bool             is_held;
	struct list      log;
	struct list      answers;
	struct list      searches;
	struct once_keys onces;
	size_t           update_count;
	size_t           byte_count;
	uint64_t         published_count;
	uint64_t         failed_count;
	uint64_t         lost_count;
	void (*closed)(void *arg); /* NULL: it is open */
	void *closed_arg;
};

static struct memory *
memory_of(struct store *store)
{
	return (struct memory *)(void *)store;
}

static struct entry *
entry_of(struct list *node)
{
	return list_entry(node, struct entry, node);
}

/* Where what the reader has not had begins in the log, or the log's head. */
static struct list *
first_unread(struct memory *memory)
{
	struct list *node = &memory->log;

	/* Nearly all have been handed over: the end is near. */
	while (node->prev != &memory->log &&
	    entry_of(node->prev)->update.position > memory->after)
		node = node->prev;
	return node;
}

/* Hands over all up to this position. Calls may begin anew elsewhere. */
static void
hand_over_up_to(struct memory *memory, uint64_t last)
{
	struct store_reader *reader = &memory->reader;
	struct list         *node = first_unread(memory);
	const struct update *update;

	while (!memory->is_held && node != &memory->log) {
		update = &entry_of(node)->update;
		if (update->position > last)
			break;
		memory->after = update->position;
		if (update_went_to(update, (const char *const *)memory->topics,
			memory->topic_count))
			reader->on_updates(reader->arg, update, 1);
		node = memory->after == update->position ? node->next :
							   first_unread(memory);
	}
}

static void
hand_over(struct memory *memory)
{
	struct store_reader *reader = &memory->reader;
	uint64_t             last = memory->newest, lost = memory->discarded;

	if (!memory->is_tailed || memory->is_held)
		return;
	if (memory->after != 0 && memory->after < lost) {
		memory->after = lost;
		memory->lost_count++;
		reader->on_lost(reader->arg, lost);
	}
	hand_over_up_to(memory, last);
	if (memory->is_level || memory->is_held || memory->after < last)
		return;
	memory->is_level = true;
	reader->on_level(reader->arg, last);
}

static struct entry *
entry_new(const struct update *update)
{
	size_t        len_bytes = update_copy_bytes(update);
	struct entry *entry = mem_zalloc(sizeof(*entry) + len_bytes);

	list_init(&entry->node);
	update_copy(&entry->update, update, entry + 1);
	entry->len_bytes = len_bytes;
	return entry;
}

static void
entry_free(struct memory *memory, struct entry *entry)
{
	list_remove(&entry->node);
	memory->update_count--;
	memory->byte_count -= entry->len_bytes;
	free(entry);
}

/* Discards what the limits do not let the log keep, but what is not read. */
static void
discard(struct memory *memory)
{
	int64_t       now_ms = memory->wall_ms();
	struct entry *oldest;

	while (!list_is_empty(&memory->log)) {
		oldest = entry_of(memory->log.next);
		if (memory->is_tailed &&
		    oldest->update.position > memory->after)
			return;
		if ((memory->bytes_max == 0 ||
			memory->byte_count <= memory->bytes_max) &&
		    (memory->age_ms == 0 ||
			now_ms - position_ms(oldest->update.position) <=
			    memory->age_ms))
			return;
		memory->discarded = oldest->update.position;
		entry_free(memory, oldest);
	}
}

static void
answer_publishers(struct memory *memory)
{
	struct list    answers;
	struct answer *answer;

	list_init(&answers);
	list_join(&answers, &memory->answers);
	while (!list_is_empty(&answers)) {
		answer = list_entry(answers.next, struct answer, node);
		list_remove(&answer->node);
		answer->publish->done(answer->publish, &answer->receipt);
		free(answer);
	}
}

/* Those that are left stand where done can cancel them. */
static void
answer_searches(struct memory *memory)
{
	struct search     *search;
	struct store_find *find;
	struct update      found;

	while (!list_is_empty(&memory->searches)) {
		search = list_entry(memory->searches.next, struct search, node);
		find = search->find;
		found = search->found;
		list_remove(&search->node);
		free(search);
		find->done(find, found.position == 0 ? NULL : &found);
	}
}

static void
on_closed(uv_handle_t *handle)
{
	struct memory *memory = handle->data;
	void (*closed)(void *) = memory->closed;
	void *arg = memory->closed_arg;

	while (!list_is_empty(&memory->log))
		entry_free(memory, entry_of(memory->log.next));
	once_keys_deinit(&memory->onces);
	for (size_t i = 0; i < memory->topic_count; i++)
		free(memory->topics[i]);
	free(memory->topics);
	free(memory);
	if (closed != NULL)
		closed(arg);
}

/* The reader has an update before its publisher is told. */
static void
on_turn(uv_idle_t *turn)
{
	struct memory *memory = turn->data;

	/* What is asked for within these calls waits for the next turn. */
	uv_idle_stop(turn);
	hand_over(memory);
	answer_publishers(memory);
	answer_searches(memory);
	discard(memory);
	if (memory->closed != NULL && list_is_empty(&memory->answers) &&
	    list_is_empty(&memory->searches))
		uv_close((uv_handle_t *)turn, on_closed);
}

static void
call_later(struct memory *memory)
{
	uv_idle_start(&memory->turn, on_turn);
}

static uint64_t
random_tag(void)
{
	uint64_t tag = 0;

	/* Only a kernel from before 2014 could not give them. */
	if (uv_random(NULL, NULL, &tag, sizeof(tag), 0, NULL) != 0)
		tag = uv_hrtime();
	return (tag & POSITION_TAG_MASK) | 1;
}

static struct store *
memory_open(uv_loop_t *loop, const struct store_options *options,
    const struct store_reader *reader, char *error, size_t error_bytes)
{
	struct memory *memory = mem_zalloc(sizeof(*memory));

	if (error_bytes > 0)
		*error = '\0';
	memory->store.engine = &memory_engine;
	memory->reader = *reader;
	memory->wall_ms = options->wall_ms == NULL ? clocks_wall_ms :
						     options->wall_ms;
	memory->tag = options->tag == 0 ? random_tag() : options->tag;
	list_init(&memory->log);
	list_init(&memory->answers);
	list_init(&memory->searches);
	once_keys_init(&memory->onces);
	memory->bytes_max = options->bytes_max;
	memory->age_ms = options->age_ms;
	uv_idle_init(loop, &memory->turn);
	memory->turn.data = memory;
	return &memory->store;
}

static void
memory_close(struct store *store, void (*done)(void *arg), void *arg)
{
	struct memory *memory = memory_of(store);

	memory->closed = done;
	memory->closed_arg = arg;
	call_later(memory);
}

static void
memory_set_limits(struct store *store, size_t bytes_max, int64_t age_ms)
{
	struct memory *memory = memory_of(store);

	memory->bytes_max = bytes_max;
	memory->age_ms = age_ms;
	call_later(memory);
}

static void
memory_tail(struct store *store, uint64_t after, const char *const *topics,
    size_t topic_count)
{
	struct memory *memory = memory_of(store);
	char         **copies = NULL;
	size_t         i;

	if (topic_count > 0)
		copies = mem_alloc(topic_count * sizeof(*copies));
	for (i = 0; i < topic_count; i++)
		copies[i] = mem_strdup(topics[i]);
	for (i = 0; i < memory->topic_count; i++)
		free(memory->topics[i]);
	free(memory->topics);
	memory->topics = copies;
	memory->topic_count = topic_count;
	memory->after = after == STORE_FROM_NOW ? memory->newest : after;
	memory->is_tailed = true;
	memory->is_level = false;
	call_later(memory);
}

static void
memory_hold(struct store *store, bool is_held)
{
	struct memory *memory = memory_of(store);

	memory->is_held = is_held;
	if (!is_held)
		call_later(memory);
}

/* Tells the publisher in the next turn. */
static void
answer_later(struct memory *memory, struct store_publish *publish,
    const struct store_receipt *receipt)
{
	size_t         id_bytes;
	struct answer *answer;

	id_bytes = receipt->id == NULL ? 0 : strlen(receipt->id) + 1;
	answer = mem_zalloc(sizeof(*answer) + id_bytes);
	answer->publish = publish;
	answer->receipt = *receipt;
	if (id_bytes > 0)
		answer->receipt.id = memcpy(answer->id, receipt->id, id_bytes);
	list_init(&answer->node);
	list_append(&memory->answers, &answer->node);
	call_later(memory);
}

static void
append(struct memory *memory, const struct update *update, const char *key)
{
	struct entry *entry = entry_new(update);

	if (update->position == 0)
		entry->update.position = position_next(memory->newest,
		    memory->wall_ms());
	memory->newest = entry->update.position;
	memory->published_count++;
	memory->update_count++;
	memory->byte_count += entry->len_bytes;
	list_append(&memory->log, &entry->node);
	if (key != NULL)
		once_keys_add(&memory->onces, key, &entry->update,
		    memory->wall_ms());
}

static void
memory_publish(struct store *store, struct store_publish *publish,
    const struct update *update, const char *key)
{
	struct memory       *memory = memory_of(store);
	const struct once   *once = key == NULL ?
	      NULL :
	      once_keys_find(&memory->onces, key, memory->wall_ms());
	struct store_receipt receipt = { .result = STORE_KEPT };

	if (once != NULL) {
		receipt.is_repeat = true;
		receipt.position = once->position;
		receipt.id = once->id;
	} else if (update->position != 0 &&
	    update->position <= memory->newest) {
		memory->failed_count++;
		receipt.result = STORE_NOT_KEPT;
		receipt.why = "the position is not behind all others";
		receipt.retry_after_s = 1;
	} else {
		append(memory, update, key);
		receipt.position = memory->newest;
		receipt.id = update->id;
	}
	answer_later(memory, publish, &receipt);
}

/* On these topics first, then on all. */
static struct update
find_update(struct memory *memory, const char *id, const char *const *topics,
    size_t topic_count)
{
	const struct update *update;
	struct update        found = { 0 };

	list_for_each (node, &memory->log) {
		update = &entry_of(node)->update;
		if (update->id == NULL || strcmp(update->id, id) != 0)
			continue;
		if (update_went_to(update, topics, topic_count))
			return *update;
		if (found.position == 0)
			found = *update;
	}
	return found;
}

static void
memory_find(struct store *store, struct store_find *find, const char *id,
    const char *const *topics, size_t topic_count)
{
	struct memory *memory = memory_of(store);
	struct search *search = mem_zalloc(sizeof(*search));

	search->find = find;
	search->found = find_update(memory, id, topics, topic_count);
	list_init(&search->node);
	list_append(&memory->searches, &search->node);
	call_later(memory);
}

static void
memory_find_cancel(struct store *store, struct store_find *find)
{
	struct memory *memory = memory_of(store);
	struct search *search;

	list_for_each (node, &memory->searches) {
		search = list_entry(node, struct search, node);
		if (search->find != find)
			continue;
		list_remove(&search->node);
		free(search);
	}
}

static uint64_t
memory_tag(const struct store *store)
{
	const struct memory *memory = (const void *)store;

	return memory->tag;
}

static void
memory_get_health(const struct store *store, struct store_health *health)
{
	const struct memory *memory = (const void *)store;

	memset(health, 0, sizeof(*health));
	health->engine = "memory";
	health->name = "memory";
	health->is_known = true;
	health->state = STORE_UP;
	health->newest = memory->newest;
	if (!list_is_empty(&memory->log))
		health->oldest = entry_of(memory->log.next)->update.position;
	health->update_count = memory->update_count;
	health->byte_count = memory->byte_count;
	health->published_count = memory->published_count;
	health->failed_count = memory->failed_count;
	health->lost_count = memory->lost_count;
	health->process_count = 1;
}

const struct store_engine memory_engine = {
	.scheme = "memory",
	.open = memory_open,
	.close = memory_close,
	.set_limits = memory_set_limits,
	.tail = memory_tail,
	.hold = memory_hold,
	.publish = memory_publish,
	.find = memory_find,
	.find_cancel = memory_find_cancel,
	.tag = memory_tag,
	.get_health = memory_get_health,
};
