#include "config.h"

#include "hub/hub.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tree.h"
#include "hub/frame.h"
#include "hub/topic.h"
#include "hub/turns.h"

/*
 * What a topic or an update takes beside its own bytes: allocation heads,
 * nodes of the trees, and slots of the rings, which double as they grow.
 */
#define TOPIC_COST_BYTES 512
#define UPDATE_COST_BYTES 256

/* The part of all bytes that topics may take: one in so many. */
#define TOPIC_BYTES_PART 4

struct named {
	struct list   node; /* in hub->idle, or alone */
	struct hub   *hub;
	char         *name;
	struct topic *topic;
	size_t        update_count; /* updates that went to it */
};

struct kept {
	struct list   node;   /* in hub->updates */
	char         *id;     /* without spaces around it */
	struct kept  *newer;  /* the next with this id, or NULL */
	struct kept  *newest; /* the last; only in the first of them */
	struct frame *frame;
	int64_t       published_ms;
	size_t        cost_bytes;
	size_t        topic_count;
	struct named *topics[];
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
	return strcmp(((const struct kept *)a)->id,
	    ((const struct kept *)b)->id);
}

/* The topic is freed in the next run, unless it is used until then. */
static void
on_idle(void *arg)
{
	struct named *named = arg;

	list_move(&named->hub->idle, &named->node);
}

static struct topic *
new_topic(struct hub *hub, const char *name, size_t frame_count_max,
    struct named *named)
{
	return topic_new(hub->turns, name,
	    &(struct topic_limits){
		.frame_count_max = frame_count_max,
		.frame_bytes_max = SIZE_MAX,
		.latency = &hub->latency,
		.is_coalesced = true,
		.patience_ms = INT64_MAX,
		.on_idle = named == NULL ? NULL : on_idle,
		.arg = named,
	    });
}

void
hub_init(struct hub *hub, struct turns *turns, const struct hub_limits *limits)
{
	memset(hub, 0, sizeof(*hub));
	hub->turns = turns;
	hub->limits = *limits;
	list_init(&hub->updates);
	list_init(&hub->idle);
	hub->all = new_topic(hub, HUB_ALL, SIZE_MAX, NULL);
}

void
hub_set_limits(struct hub *hub, const struct hub_limits *limits)
{
	hub->limits = *limits;
}

static struct named *
named_find(const struct hub *hub, const char *name)
{
	const struct named key = { .name = (char *)(void *)name };

	return tree_find(&hub->topics, &key, compare_names);
}

static size_t
named_cost_bytes(const char *name)
{
	return TOPIC_COST_BYTES + 2 * strlen(name);
}

static struct named *
named_new(struct hub *hub, const char *name)
{
	struct named *named = mem_zalloc(sizeof(*named));

	named->hub = hub;
	named->name = mem_strdup(name);
	list_init(&named->node);
	named->topic = new_topic(hub, name, hub->limits.event_count_max, named);
	tree_add(&hub->topics, named, compare_names);
	hub->topic_count++;
	hub->topic_bytes += named_cost_bytes(named->name);
	list_append(&hub->idle, &named->node);
	return named;
}

static void
named_free(struct named *named)
{
	struct hub *hub = named->hub;

	list_remove(&named->node);
	tree_remove(&hub->topics, named, compare_names);
	hub->topic_count--;
	hub->topic_bytes -= named_cost_bytes(named->name);
	topic_free(named->topic);
	free(named->name);
	free(named);
}

static struct named *
named_get(struct hub *hub, const char *name)
{
	struct named *named = named_find(hub, name);

	if (named == NULL && hub->topic_count < hub->limits.topic_count_max &&
	    hub->topic_bytes + named_cost_bytes(name) <=
		hub->limits.bytes_max / TOPIC_BYTES_PART)
		named = named_new(hub, name);
	return named;
}

struct topic *
hub_topic(struct hub *hub, const char *name)
{
	struct named *named;

	if (strcmp(name, HUB_ALL) == 0)
		return hub->all;
	named = named_get(hub, name);
	return named == NULL ? NULL : named->topic;
}

/* The tree has the oldest update with an id, which leads to the others. */
static void
index_add(struct hub *hub, struct kept *update)
{
	struct kept *oldest = tree_add(&hub->ids, update, compare_ids);

	if (oldest != update)
		oldest->newest->newer = update;
	oldest->newest = update;
}

/* The update is the oldest of all, so it is the one that the tree has. */
static void
index_remove(struct hub *hub, const struct kept *update)
{
	assert(tree_find(&hub->ids, update, compare_ids) == update);
	if (update->newer == NULL) {
		tree_remove(&hub->ids, update, compare_ids);
		return;
	}
	update->newer->newest = update->newest;
	tree_replace(&hub->ids, update->newer, compare_ids);
}

static void
drop_oldest(struct hub *hub)
{
	struct kept  *oldest = list_entry(hub->updates.next, struct kept, node);
	struct named *named;
	size_t        i;

	list_remove(&oldest->node);
	index_remove(hub, oldest);
	for (i = 0; i < oldest->topic_count; i++) {
		named = oldest->topics[i];
		topic_drop(named->topic, oldest->frame->update.position);
		if (--named->update_count == 0)
			on_idle(named);
	}
	topic_drop(hub->all, oldest->frame->update.position);
	hub->update_count--;
	hub->update_bytes -= oldest->cost_bytes;
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
static struct kept *
update_new(struct hub *hub, const struct update_spec *spec)
{
	struct kept *update;
	size_t       i, topics_bytes;

	topics_bytes = spec->topic_count * sizeof(update->topics[0]);
	update = mem_zalloc(sizeof(*update) + topics_bytes);
	update->topic_count = spec->topic_count;
	for (i = 0; i < spec->topic_count; i++) {
		update->topics[i] = named_get(hub, spec->topics[i]);
		if (update->topics[i] == NULL) {
			free(update);
			return NULL;
		}
	}
	list_init(&update->node);
	update->id = trimmed_id(spec->id);
	update->frame = frame_new(spec->bytes, spec->len_bytes);
	update->frame->update.position = ++hub->position;
	update->published_ms = turns_now_ms(hub->turns);
	update->cost_bytes = UPDATE_COST_BYTES + strlen(spec->id) +
	    spec->len_bytes + 3 * topics_bytes;
	return update;
}

int
hub_publish(struct hub *hub, const struct update_spec *spec)
{
	struct kept *update;
	size_t       i;

	update = update_new(hub, spec);
	if (update == NULL)
		return -1;
	while (!list_is_empty(&hub->updates) &&
	    hub_bytes(hub) + update->cost_bytes > hub->limits.bytes_max)
		drop_oldest(hub);
	hub->update_bytes += update->cost_bytes;
	hub->update_count++;
	hub->published_count++;
	list_append(&hub->updates, &update->node);
	index_add(hub, update);
	for (i = 0; i < update->topic_count; i++) {
		update->topics[i]->update_count++;
		topic_publish(update->topics[i]->topic, update->frame,
		    update->published_ms);
	}
	topic_publish(hub->all, update->frame, update->published_ms);
	return 0;
}

static bool
update_went_to(const struct kept *update, const struct topic *topic)
{
	size_t i;

	for (i = 0; i < update->topic_count; i++) {
		if (update->topics[i]->topic == topic)
			return true;
	}
	return false;
}

bool
hub_find(const struct hub *hub, const char *id, struct topic *const *topics,
    size_t topic_count, uint64_t *seq)
{
	struct kept        key = { .id = trimmed_id(id) };
	const struct kept *update;
	size_t             i;

	update = tree_find(&hub->ids, &key, compare_ids);
	free(key.id);
	for (; update != NULL; update = update->newer) {
		for (i = 0; i < topic_count; i++) {
			if (topics[i] != hub->all &&
			    !update_went_to(update, topics[i]))
				continue;
			*seq = update->frame->update.position;
			return true;
		}
	}
	return false;
}

size_t
hub_bytes(const struct hub *hub)
{
	return hub->topic_bytes + hub->update_bytes;
}

int64_t
hub_next_ms(const struct hub *hub)
{
	const struct kept *oldest;

	if (list_is_empty(&hub->updates))
		return INT64_MAX;
	oldest = list_entry(hub->updates.next, struct kept, node);
	return oldest->published_ms + hub->limits.age_ms;
}

void
hub_run(struct hub *hub)
{
	struct named *named;

	while (hub_next_ms(hub) != INT64_MAX &&
	    hub_next_ms(hub) <= turns_now_ms(hub->turns))
		drop_oldest(hub);
	while (!list_is_empty(&hub->idle)) {
		named = list_entry(hub->idle.next, struct named, node);
		list_remove(&named->node);
		if (named->update_count == 0 &&
		    topic_subscriber_count(named->topic) == 0)
			named_free(named);
	}
}

void
hub_deinit(struct hub *hub)
{
	while (!list_is_empty(&hub->updates))
		drop_oldest(hub);
	hub_run(hub);
	assert(hub->topic_count == 0);
	topic_free(hub->all);
}
