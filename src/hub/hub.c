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

/* What a topic takes beside its name: its structs, and nodes of the trees. */
#define TOPIC_COST_BYTES 512

/*
 * For so long a topic keeps events beyond its count for those who have yet to
 * take them: some socket buffers' worth of time, not a slow reader's.
 */
#define PATIENCE_MS 2000

/* For so long "*" counts as followed when its last subscriber has left. */
#define ALL_LINGER_MS 60000

struct named {
	struct list     node;      /* in hub->idle, or alone */
	struct list     size_node; /* in hub->by_size, or alone */
	struct deadline backlog;   /* in hub->backlogs while beyond its count */
	struct hub     *hub;
	struct topic   *topic;
	struct share   *share; /* pays for it until it has an update; or NULL */
	size_t          update_count; /* updates that went to it */
	size_t          kept_bytes;   /* of those that its ring has */
	unsigned        size;         /* its place in hub->by_size */
	struct own_id  *gone_id; /* of the newest that was dropped, or NULL */
	const char     *name_of_gone;
	char            name[];
};

static int
compare_names(const void *a, const void *b)
{
	return strcmp(a, ((const struct named *)b)->name);
}

static int
compare_topics(const void *a, const void *b)
{
	return compare_names(((const struct named *)a)->name, b);
}

/* The topic whose name it is; a frame's names are those of its topics. */
static struct named *
named_of(const char *name)
{
	return (struct named *)(void *)((char *)(void *)name -
	    offsetof(struct named, name));
}

/* The topic is freed in the next run, unless it is used until then. */
static void
on_idle(void *arg)
{
	struct named *named = arg;

	list_move(&named->hub->idle, &named->node);
}

static size_t
named_cost_bytes(const char *name)
{
	return TOPIC_COST_BYTES + 2 * strlen(name);
}

/* The topic's part of the history is so much now. */
static void
named_resize(struct named *named, size_t kept_bytes)
{
	unsigned size = 0;

	while (size < HUB_SIZE_COUNT - 1 && kept_bytes >> size != 0)
		size++;
	named->kept_bytes = kept_bytes;
	if (size == named->size)
		return;
	named->size = size;
	if (size == 0)
		list_remove(&named->size_node);
	else
		list_move(&named->hub->by_size[size], &named->size_node);
}

/* An update fewer has gone to the topic. */
static void
named_forget_update(struct named *named)
{
	if (--named->update_count > 0)
		return;
	named->hub->topic_bytes -= named_cost_bytes(named->name);
	on_idle(named);
}

static void
named_add_update(struct named *named)
{
	struct hub  *hub = named->hub;
	const size_t cost_bytes = named_cost_bytes(named->name);

	if (named->update_count++ > 0)
		return;
	hub->topic_bytes += cost_bytes;
	if (named->share != NULL)
		shares_give_back(&hub->shares, named->share, cost_bytes);
	named->share = NULL;
}

/* Nobody is to have this update any more. */
static void
forget(struct hub *hub, struct frame *frame)
{
	/* Those who follow all topics may have it now, so it is still whole. */
	topic_remove(hub->all, frame);
	list_remove(&frame->node);
	list_remove(&frame->orphan);
	ids_remove(&hub->ids, frame->own_id);
	for (size_t i = 0; i < frame->update.topic_count; i++)
		named_forget_update(named_of(frame->update.topics[i]));
	hub->update_count--;
	hub->update_bytes -= frame_cost_bytes(frame);
	frame_unref(frame);
}

/* Whoever has had the newest update that is gone misses nothing yet. */
static void
keep_gone_id(struct named *named, const struct frame *frame)
{
	struct ids *ids = &named->hub->ids;

	ids_remove(ids, named->gone_id);
	named->gone_id = frame->own_id == NULL ?
	    NULL :
	    ids_add(ids, frame->update.id, frame->update.position,
		&named->name_of_gone, 1, frame->update.is_private);
}

/* A topic's ring does not have the frame any more. */
static void
on_drop(void *arg, struct frame *frame)
{
	struct named *named = arg;
	struct hub   *hub = named->hub;

	named_resize(named, named->kept_bytes - frame_cost_bytes(frame));
	keep_gone_id(named, frame);
	if (--frame->ring_count > 0)
		return;
	if (hub->keeps_all)
		list_append(&hub->orphans, &frame->orphan);
	else
		forget(hub, frame);
}

void
hub_init(struct hub *hub, struct turns *turns, const struct hub_limits *limits)
{
	memset(hub, 0, sizeof(*hub));
	hub->turns = turns;
	list_init(&hub->updates);
	list_init(&hub->orphans);
	list_init(&hub->idle);
	for (int i = 0; i < HUB_SIZE_COUNT; i++)
		list_init(&hub->by_size[i]);
	deadline_list_init(&hub->backlogs, PATIENCE_MS);
	hub->all = topic_new(turns, HUB_ALL,
	    &(struct topic_limits){
		.frame_count_max = SIZE_MAX,
		.frame_bytes_max = SIZE_MAX,
		.latency = &hub->latency,
		.is_coalesced = true,
	    });
	hub_set_limits(hub, limits);
}

void
hub_set_limits(struct hub *hub, const struct hub_limits *limits)
{
	hub->limits = *limits;
	hub->shares.bytes_max = limits->empty_bytes_max;
}

static struct named *
named_find(const struct hub *hub, const char *name)
{
	return tree_find(&hub->topics, name, compare_names);
}

static struct named *
named_new(struct hub *hub, const char *name)
{
	size_t        name_bytes = strlen(name) + 1;
	struct named *named = mem_zalloc(sizeof(*named) + name_bytes);

	named->hub = hub;
	memcpy(named->name, name, name_bytes);
	named->name_of_gone = named->name;
	list_init(&named->node);
	list_init(&named->size_node);
	deadline_init(&named->backlog);
	named->topic = topic_new(hub->turns, name,
	    &(struct topic_limits){
		.frame_count_max = hub->limits.event_count_max,
		.frame_bytes_max = SIZE_MAX,
		.patience_ms = PATIENCE_MS,
		.latency = &hub->latency,
		.is_coalesced = true,
		.on_idle = on_idle,
		.on_drop = on_drop,
		.arg = named,
	    });
	topic_set_dropped(named->topic, hub->freed_position);
	tree_add(&hub->topics, named, compare_topics);
	hub->topic_count++;
	list_append(&hub->idle, &named->node);
	return named;
}

static void
named_free(struct named *named)
{
	struct hub *hub = named->hub;

	list_remove(&named->node);
	deadline_clear(&named->backlog);
	ids_remove(&hub->ids, named->gone_id);
	tree_remove(&hub->topics, named, compare_topics);
	hub->topic_count--;
	if (named->share != NULL)
		shares_give_back(&hub->shares, named->share,
		    named_cost_bytes(named->name));
	/* Whoever comes back to a topic of that name is to know. */
	if (topic_dropped_position(named->topic) > hub->freed_position)
		hub->freed_position = topic_dropped_position(named->topic);
	topic_free(named->topic);
	free(named);
}

struct topic *
hub_topic(struct hub *hub, const char *name, const char *client)
{
	struct named *named;
	struct share *share;

	if (strcmp(name, HUB_ALL) == 0) {
		hub->keeps_all = true;
		hub->all_idle_ms = 0;
		return hub->all;
	}
	named = named_find(hub, name);
	if (named != NULL)
		return named->topic;
	share = shares_take(&hub->shares, client, named_cost_bytes(name));
	if (share == NULL)
		return NULL;
	named = named_new(hub, name);
	named->share = share;
	return named->topic;
}

/* The frame of an update, which goes to topics that are there from now on. */
static struct frame *
frame_of(struct hub *hub, const struct update *update)
{
	char          made_id[POSITION_ID_BYTES];
	struct frame *frame;
	struct named *named;

	position_to_id(update->position, hub->tag, made_id);
	frame = frame_new_update(update,
	    update->id == NULL ? made_id : update->id);
	for (size_t i = 0; i < update->topic_count; i++) {
		named = named_find(hub, update->topics[i]);
		if (named == NULL)
			named = named_new(hub, update->topics[i]);
		frame_topics(frame)[i] = named->name;
	}
	return frame;
}

/* The topic that has most of the history; this one, if none has much more. */
static struct named *
largest(struct hub *hub, struct named *own)
{
	unsigned size = HUB_SIZE_COUNT - 1;

	while (list_is_empty(&hub->by_size[size]))
		size--;
	return own->size == size ?
	    own :
	    list_entry(hub->by_size[size].next, struct named, size_node);
}

/* A topic that keeps more than its count, or NULL. */
static struct named *
first_backlog(struct hub *hub)
{
	struct named *named;

	while (!list_is_empty(&hub->backlogs.nodes)) {
		named = list_entry(hub->backlogs.nodes.next, struct named,
		    backlog.node);
		if (topic_is_over_count(named->topic))
			return named;
		deadline_clear(&named->backlog);
	}
	return NULL;
}

/* Drops what can be spared most easily, when an update to own needs room. */
static void
drop_one(struct hub *hub, struct named *own)
{
	struct named *named;

	if (!list_is_empty(&hub->orphans)) {
		forget(hub,
		    list_entry(hub->orphans.next, struct frame, orphan));
		return;
	}
	named = first_backlog(hub);
	topic_drop_oldest(named == NULL ? largest(hub, own)->topic :
					  named->topic);
}

/* Has the topic looked after if it keeps more than its count. */
static void
watch_backlog(struct named *named, int64_t now_ms)
{
	struct hub *hub = named->hub;

	if (!topic_is_over_count(named->topic))
		deadline_clear(&named->backlog);
	else if (list_is_empty(&named->backlog.node))
		deadline_set(&hub->backlogs, &named->backlog, now_ms);
}

static void
add_to_topic(struct named *named, struct frame *frame, int64_t now_ms)
{
	named_resize(named, named->kept_bytes + frame_cost_bytes(frame));
	topic_publish(named->topic, frame, now_ms);
	watch_backlog(named, now_ms);
}

static void
ingest(struct hub *hub, const struct update *update, int64_t now_ms,
    int64_t wall_ms)
{
	struct frame *frame = frame_of(hub, update);
	const char  **names = frame_topics(frame);
	int64_t       age_ms = wall_ms - position_ms(update->position);
	size_t        i;

	frame->published_ms = age_ms > 0 ? now_ms - age_ms : now_ms;
	frame->ring_count = (unsigned)update->topic_count;
	for (i = 0; i < update->topic_count; i++)
		named_add_update(named_of(names[i]));
	hub->update_bytes += frame_cost_bytes(frame);
	while (!list_is_empty(&hub->updates) &&
	    hub_bytes(hub) > hub->limits.bytes_max)
		drop_one(hub, named_of(names[0]));
	hub->position = update->position;
	hub->update_count++;
	hub->published_count++;
	list_append(&hub->updates, &frame->node);
	if (update->id != NULL) {
		frame->own_id = ids_add(&hub->ids, update->id, update->position,
		    names, update->topic_count, update->is_private);
		frame->update.id = ids_text(frame->own_id);
	}
	for (i = 0; i < update->topic_count; i++)
		add_to_topic(named_of(names[i]), frame, now_ms);
	topic_publish(hub->all, frame, now_ms);
}

void
hub_ingest(struct hub *hub, const struct update *updates, size_t count,
    int64_t now_ms, int64_t wall_ms)
{
	for (size_t i = 0; i < count; i++) {
		if (updates[i].position > hub->position)
			ingest(hub, &updates[i], now_ms, wall_ms);
	}
}

size_t
hub_bytes(const struct hub *hub)
{
	return hub->topic_bytes + hub->update_bytes;
}

static int64_t
oldest_due_ms(const struct hub *hub)
{
	if (list_is_empty(&hub->updates))
		return INT64_MAX;
	return list_entry(hub->updates.next, struct frame, node)->published_ms +
	    hub->limits.age_ms;
}

int64_t
hub_next_ms(const struct hub *hub)
{
	int64_t next_ms = oldest_due_ms(hub);

	if (deadline_next_ms(&hub->backlogs) < next_ms)
		next_ms = deadline_next_ms(&hub->backlogs);
	if (hub->all_idle_ms != 0 && hub->all_idle_ms + ALL_LINGER_MS < next_ms)
		next_ms = hub->all_idle_ms + ALL_LINGER_MS;
	return next_ms;
}

/* The oldest update of all, so it is the oldest of each of its topics. */
static void
drop_oldest(struct hub *hub)
{
	struct frame *oldest = list_entry(hub->updates.next, struct frame,
	    node);

	frame_ref(oldest);
	for (size_t i = 0;
	     i < oldest->update.topic_count && oldest->ring_count > 0; i++)
		topic_drop(named_of(oldest->update.topics[i])->topic,
		    oldest->update.position);
	if (!list_is_empty(&oldest->node))
		forget(hub, oldest);
	frame_unref(oldest);
}

/* Frees what only "*" has when nobody has followed it for a time. */
static void
run_all(struct hub *hub, int64_t now_ms)
{
	if (!hub->keeps_all)
		return;
	if (topic_subscriber_count(hub->all) > 0) {
		hub->all_idle_ms = 0;
	} else if (hub->all_idle_ms == 0) {
		hub->all_idle_ms = now_ms;
	} else if (now_ms - hub->all_idle_ms >= ALL_LINGER_MS) {
		hub->keeps_all = false;
		hub->all_idle_ms = 0;
		while (!list_is_empty(&hub->orphans))
			forget(hub,
			    list_entry(hub->orphans.next, struct frame,
				orphan));
	}
}

void
hub_run(struct hub *hub, int64_t now_ms)
{
	struct deadline *due;
	struct named    *named;

	while (oldest_due_ms(hub) <= now_ms)
		drop_oldest(hub);
	while ((due = deadline_take_due(&hub->backlogs, now_ms)) != NULL) {
		named = list_entry(due, struct named, backlog);
		topic_trim(named->topic, now_ms);
		watch_backlog(named, now_ms);
	}
	run_all(hub, now_ms);
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
	hub_run(hub, 0);
	assert(hub->topic_count == 0);
	topic_free(hub->all);
}
