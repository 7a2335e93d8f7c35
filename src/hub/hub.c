#include "config.h"

#include "hub/hub.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tree.h"
#include "hub/turns.h"
#include "hub/topic.h"

/*
 * What a topic or an update takes beside its own bytes: allocation heads,
 * nodes of the trees, and slots of the rings, which double as they grow.
 */
#define TOPIC_COST_BYTES 512
#define UPDATE_COST_BYTES 256

/* The part of all bytes that topics may take: one in so many. */
#define TOPIC_BYTES_PART 4

struct named {
	struct list     node; /* in history->idle, or alone */
	struct history *history;
	char           *name;
	struct topic   *topic;
	size_t          update_count; /* updates that went to it */
};

struct update {
	struct list    node;   /* in history->updates */
	char          *id;     /* without spaces around it */
	struct update *newer;  /* the next with this id, or NULL */
	struct update *newest; /* the last; only in the first of them */
	struct frame  *frame;
	int64_t        published_ms;
	size_t         cost_bytes;
	size_t         topic_count;
	struct named  *topics[];
};

static int
compare_names(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name,
	    ((const struct named *)b)->name);
}

static int
compare_ids(const void *a, const void *b)
{
	return strcmp(((const struct update *)a)->id,
	    ((const struct update *)b)->id);
}

/* The topic is freed in the next run, unless it is used until then. */
static void
on_idle(void *arg)
{
	struct named *named = arg;

	list_move(&named->history->idle, &named->node);
}

static struct topic *
new_topic(struct history *history, const char *name, size_t frame_count_max,
    struct named *named)
{
	return topic_new(history->hub, name,
	    &(struct topic_limits){
		.frame_count_max = frame_count_max,
		.frame_bytes_max = SIZE_MAX,
		.latency = &history->latency,
		.is_coalesced = true,
		.is_patient = true,
		.on_idle = named == NULL ? NULL : on_idle,
		.arg = named,
	    });
}

void
history_init(struct history *history, struct hub *hub,
    const struct history_limits *limits)
{
	memset(history, 0, sizeof(*history));
	history->hub = hub;
	history->limits = *limits;
	list_init(&history->updates);
	list_init(&history->idle);
	history->all = new_topic(history, HISTORY_ALL, SIZE_MAX, NULL);
}

void
history_set_limits(struct history *history, const struct history_limits *limits)
{
	history->limits = *limits;
}

static struct named *
named_find(const struct history *history, const char *name)
{
	const struct named key = { .name = (char *)(void *)name };

	return tree_find(&history->topics, &key, compare_names);
}

static size_t
named_cost_bytes(const char *name)
{
	return TOPIC_COST_BYTES + 2 * strlen(name);
}

static struct named *
named_new(struct history *history, const char *name)
{
	struct named *named = mem_zalloc(sizeof(*named));

	named->history = history;
	named->name = mem_strdup(name);
	list_init(&named->node);
	named->topic = new_topic(history, name, history->limits.event_count_max,
	    named);
	tree_add(&history->topics, named, compare_names);
	history->topic_count++;
	history->topic_bytes += named_cost_bytes(named->name);
	list_append(&history->idle, &named->node);
	return named;
}

static void
named_free(struct named *named)
{
	struct history *history = named->history;

	list_remove(&named->node);
	tree_remove(&history->topics, named, compare_names);
	history->topic_count--;
	history->topic_bytes -= named_cost_bytes(named->name);
	topic_free(named->topic);
	free(named->name);
	free(named);
}

static struct named *
named_get(struct history *history, const char *name)
{
	struct named *named = named_find(history, name);

	if (named == NULL &&
	    history->topic_count < history->limits.topic_count_max &&
	    history->topic_bytes + named_cost_bytes(name) <=
		history->limits.bytes_max / TOPIC_BYTES_PART)
		named = named_new(history, name);
	return named;
}

struct topic *
history_topic(struct history *history, const char *name)
{
	struct named *named;

	if (strcmp(name, HISTORY_ALL) == 0)
		return history->all;
	named = named_get(history, name);
	return named == NULL ? NULL : named->topic;
}

/* The tree has the oldest update with an id, which leads to the others. */
static void
index_add(struct history *history, struct update *update)
{
	struct update *oldest = tree_add(&history->ids, update, compare_ids);

	if (oldest != update)
		oldest->newest->newer = update;
	oldest->newest = update;
}

/* The update is the oldest of all, so it is the one that the tree has. */
static void
index_remove(struct history *history, const struct update *update)
{
	assert(tree_find(&history->ids, update, compare_ids) == update);
	if (update->newer == NULL) {
		tree_remove(&history->ids, update, compare_ids);
		return;
	}
	update->newer->newest = update->newest;
	tree_replace(&history->ids, update->newer, compare_ids);
}

static void
drop_oldest(struct history *history)
{
	struct update *oldest = list_entry(history->updates.next, struct update,
	    node);
	struct named  *named;
	size_t         i;

	list_remove(&oldest->node);
	index_remove(history, oldest);
	for (i = 0; i < oldest->topic_count; i++) {
		named = oldest->topics[i];
		topic_drop(named->topic, oldest->frame->seq);
		if (--named->update_count == 0)
			on_idle(named);
	}
	topic_drop(history->all, oldest->frame->seq);
	history->update_count--;
	history->update_bytes -= oldest->cost_bytes;
	frame_unref(oldest->frame);
	free(oldest->id);
	free(oldest);
}

static char *
trimmed_id(const char *id)
{
	size_t len_bytes;

	id += strspn(id, " ");
	len_bytes = strlen(id);
	while (len_bytes > 0 && id[len_bytes - 1] == ' ')
		len_bytes--;
	return mem_strndup(id, len_bytes);
}

/* NULL when one of the topics cannot be made. */
static struct update *
update_new(struct history *history, const struct update_spec *spec)
{
	struct update *update;
	size_t         i, topics_bytes;

	topics_bytes = spec->topic_count * sizeof(update->topics[0]);
	update = mem_zalloc(sizeof(*update) + topics_bytes);
	update->topic_count = spec->topic_count;
	for (i = 0; i < spec->topic_count; i++) {
		update->topics[i] = named_get(history, spec->topics[i]);
		if (update->topics[i] == NULL) {
			free(update);
			return NULL;
		}
	}
	list_init(&update->node);
	update->id = trimmed_id(spec->id);
	update->frame = frame_new(spec->bytes, spec->len_bytes);
	update->published_ms = hub_now_ms(history->hub);
	update->cost_bytes = UPDATE_COST_BYTES + strlen(spec->id) +
	    spec->len_bytes + 3 * topics_bytes;
	return update;
}

int
history_publish(struct history *history, const struct update_spec *spec)
{
	struct update *update;
	size_t         i;

	update = update_new(history, spec);
	if (update == NULL)
		return -1;
	while (!list_is_empty(&history->updates) &&
	    history_bytes(history) + update->cost_bytes >
		history->limits.bytes_max)
		drop_oldest(history);
	history->update_bytes += update->cost_bytes;
	history->update_count++;
	history->published_count++;
	list_append(&history->updates, &update->node);
	index_add(history, update);
	for (i = 0; i < update->topic_count; i++) {
		update->topics[i]->update_count++;
		topic_publish(update->topics[i]->topic, update->frame);
	}
	topic_publish(history->all, update->frame);
	return 0;
}

static bool
update_went_to(const struct update *update, const struct topic *topic)
{
	size_t i;

	for (i = 0; i < update->topic_count; i++) {
		if (update->topics[i]->topic == topic)
			return true;
	}
	return false;
}

bool
history_find(const struct history *history, const char *id,
    struct topic *const *topics, size_t topic_count, uint64_t *seq)
{
	struct update        key = { .id = trimmed_id(id) };
	const struct update *update;
	size_t               i;

	update = tree_find(&history->ids, &key, compare_ids);
	free(key.id);
	for (; update != NULL; update = update->newer) {
		for (i = 0; i < topic_count; i++) {
			if (topics[i] != history->all &&
			    !update_went_to(update, topics[i]))
				continue;
			*seq = update->frame->seq;
			return true;
		}
	}
	return false;
}

size_t
history_bytes(const struct history *history)
{
	return history->topic_bytes + history->update_bytes;
}

int64_t
history_next_ms(const struct history *history)
{
	const struct update *oldest;

	if (list_is_empty(&history->updates))
		return INT64_MAX;
	oldest = list_entry(history->updates.next, struct update, node);
	return oldest->published_ms + history->limits.age_ms;
}

void
history_run(struct history *history)
{
	struct named *named;

	while (history_next_ms(history) != INT64_MAX &&
	    history_next_ms(history) <= hub_now_ms(history->hub))
		drop_oldest(history);
	while (!list_is_empty(&history->idle)) {
		named = list_entry(history->idle.next, struct named, node);
		list_remove(&named->node);
		if (named->update_count == 0 &&
		    topic_subscriber_count(named->topic) == 0)
			named_free(named);
	}
}

void
history_deinit(struct history *history)
{
	while (!list_is_empty(&history->updates))
		drop_oldest(history);
	history_run(history);
	assert(history->topic_count == 0);
	topic_free(history->all);
}
