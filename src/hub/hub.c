#include "config.h"

#include "hub/hub.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "hub/frame.h"
#include "hub/named.h"
#include "hub/pattern.h"
#include "hub/topic.h"
#include "hub/turns.h"

/* For so long "*" counts as followed when its last subscriber has left. */
#define ALL_LINGER_MS 60000

/* Announcements have this part of the bytes, beside them. */
#define ANNOUNCED_PART 8

/* This update is not to be delivered any more. */
static void
forget(struct hub *hub, struct frame *frame)
{
	/* Those who follow all topics may have it now, so it is still whole. */
	topic_remove(hub->all, frame);
	patterns_forget(frame);
	list_remove(&frame->node);
	list_remove(&frame->orphan);
	if (!list_is_empty(&frame->announced)) {
		list_remove(&frame->announced);
		hub->announced_count--;
		hub->announced_bytes -= frame_cost_bytes(frame);
	}
	ids_remove(&hub->ids, frame->own_id);
	for (size_t i = 0; i < frame->update.topic_count; i++)
		named_forget_update(named_of(frame->update.topics[i]),
		    frame->update.is_private);
	hub->update_count--;
	hub->update_bytes -= frame_cost_bytes(frame);
	frame_unref(frame);
}

void
hub_let_go(struct hub *hub, struct frame *frame)
{
	if (hub->keeps_all || frame->pattern_count > 0)
		list_move(&hub->orphans, &frame->orphan);
	else
		forget(hub, frame);
}

static struct topic *
new_all(struct hub *hub)
{
	return topic_new(hub->turns, HUB_ALL,
	    &(struct topic_limits){
		.frame_count_max = SIZE_MAX,
		.frame_bytes_max = SIZE_MAX,
		.latency = &hub->latency,
		.is_coalesced = true,
	    });
}

void
hub_init(struct hub *hub, struct turns *turns, const struct hub_limits *limits)
{
	memset(hub, 0, sizeof(*hub));
	hub->turns = turns;
	list_init(&hub->updates);
	list_init(&hub->orphans);
	list_init(&hub->announced);
	list_init(&hub->idle);
	list_init(&hub->named);
	patterns_init(hub);
	for (int i = 0; i < HUB_SIZE_COUNT; i++)
		list_init(&hub->by_size[i]);
	deadline_list_init(&hub->backlogs, NAMED_PATIENCE_MS);
	hub->all = new_all(hub);
	hub_set_limits(hub, limits);
}

void
hub_set_limits(struct hub *hub, const struct hub_limits *limits)
{
	hub->limits = *limits;
	hub->shares.bytes_max = limits->empty_bytes_max;
	hub->hidden.bytes_max = limits->empty_bytes_max;
}

/* The frame of an update; its topics exist from now on. */
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

/* Drops an update that is the oldest of each of its topics. */
static void
drop(struct hub *hub, struct frame *oldest)
{
	frame_ref(oldest);
	for (size_t i = 0;
	     i < oldest->update.topic_count && oldest->ring_count > 0; i++)
		topic_drop(named_of(oldest->update.topics[i])->topic,
		    oldest->update.position);
	if (!list_is_empty(&oldest->node))
		forget(hub, oldest);
	frame_unref(oldest);
}

static void
make_room(struct hub *hub, struct named *own)
{
	while (hub->update_count > hub->announced_count &&
	    hub_bytes(hub) - hub->announced_bytes > hub->limits.bytes_max)
		drop_one(hub, own);
}

/* The frame is one more of the announcements, and the oldest make way. */
static void
make_room_for_announced(struct hub *hub, struct frame *frame)
{
	hub->announced_bytes += frame_cost_bytes(frame);
	while (!list_is_empty(&hub->announced) &&
	    hub->announced_bytes > hub->limits.bytes_max / ANNOUNCED_PART)
		drop(hub,
		    list_entry(hub->announced.next, struct frame, announced));
	list_append(&hub->announced, &frame->announced);
	hub->announced_count++;
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
		named_add_update(named_of(names[i]), update->is_private);
	hub->update_bytes += frame_cost_bytes(frame);
	if (named_of(names[0])->is_announced)
		make_room_for_announced(hub, frame);
	else
		make_room(hub, named_of(names[0]));
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
	patterns_publish(hub, frame, now_ms);
	topic_publish(hub->all, frame, now_ms);
}

void
hub_ingest(struct hub *hub, const struct update *updates, size_t count,
    int64_t now_ms, int64_t wall_ms)
{
	assert(!turns_is_calling(hub->turns));
	for (size_t i = 0; i < count; i++) {
		if (updates[i].position > hub->position)
			ingest(hub, &updates[i], now_ms, wall_ms);
	}
}

void
hub_expect(struct hub *hub, uint64_t position)
{
	if (position > hub->expected_position)
		hub->expected_position = position;
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
	if (deadline_next_ms(&hub->idle_patterns) < next_ms)
		next_ms = deadline_next_ms(&hub->idle_patterns);
	if (hub->all_idle_ms != 0 && hub->all_idle_ms + ALL_LINGER_MS < next_ms)
		next_ms = hub->all_idle_ms + ALL_LINGER_MS;
	return next_ms;
}

static void
drop_oldest(struct hub *hub)
{
	drop(hub, list_entry(hub->updates.next, struct frame, node));
}

/* Frees what only "*" has, and no pattern, when nobody has followed it for a
 * time. */
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
		list_for_each (node, &hub->orphans) {
			hub_let_go(hub, list_entry(node, struct frame, orphan));
		}
	}
}

static void
free_idle_topics(struct hub *hub)
{
	struct named *named;

	while (!list_is_empty(&hub->idle)) {
		named = list_entry(hub->idle.next, struct named, node);
		list_remove(&named->node);
		if (topic_subscriber_count(named->topic) > 0 ||
		    named->public_count > 0)
			continue;
		named_unshare(named);
		named->is_known = false;
		if (named->update_count == 0)
			named_free(named);
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
	patterns_run(hub, now_ms);
	free_idle_topics(hub);
}

void
hub_drop_all(struct hub *hub)
{
	while (!list_is_empty(&hub->updates))
		drop_oldest(hub);
}

/* The hub as it was at first, apart from the topic of all. */
static void
empty(struct hub *hub)
{
	hub_drop_all(hub);
	patterns_free(hub);
	free_idle_topics(hub);
	assert(hub->topic_count == 0);
}

void
hub_reset(struct hub *hub)
{
	empty(hub);
	topic_free(hub->all);
	hub->all = new_all(hub);
	hub->keeps_all = false;
	hub->all_idle_ms = 0;
	hub->is_level = false;
	hub->position = hub->lost_position = 0;
	hub->freed = (struct dropped){ 0 };
	hub->expected_position = 0;
}

void
hub_deinit(struct hub *hub)
{
	empty(hub);
	patterns_deinit(hub);
	topic_free(hub->all);
}

/* What a subscriber follows. */

struct topic *
hub_topic(struct hub *hub, const char *name, const char *client,
    const struct update_reader *reader)
{
	struct named *named;

	if (strcmp(name, HUB_ALL) == 0) {
		hub->keeps_all = true;
		hub->all_idle_ms = 0;
		return hub->all;
	}
	named = named_find(hub, name);
	if (named == NULL || !named->is_known)
		named = named_make_known(hub, named, name, client,
		    hub_is_readers(name, reader));
	return named == NULL ? NULL : named->topic;
}

/* Whether it can be told at once that it is a name: no template. */
static bool
is_name(enum selector_kind kind, const char *text)
{
	return kind == SELECTOR_TOPIC && strchr(text, '{') == NULL;
}

/* Whether it is a pattern; if not, it is a name. */
static bool
is_pattern(const struct selector *selector)
{
	return selector->rule == SELECTOR_BY_TEMPLATE ||
	    selector->rule == SELECTOR_BY_PATTERN;
}

size_t
hub_follower_count(const struct hub *hub, const char *name)
{
	const struct named *named;

	if (strcmp(name, HUB_ALL) == 0)
		return topic_subscriber_count(hub->all);
	named = named_find(hub, name);
	return named == NULL ? 0 : topic_subscriber_count(named->topic);
}

void
hub_begin_follow(struct hub *hub)
{
	hub->follow_number++;
}

struct topic *
hub_follow(struct hub *hub, enum selector_kind kind, const char *text,
    const char *client, const struct update_reader *reader, const char **why)
{
	struct pattern  *pattern;
	struct selector *selector;

	*why = NULL;
	if (is_name(kind, text))
		return hub_topic(hub, text, client, reader);
	pattern = pattern_find(hub, kind, text);
	if (pattern != NULL)
		return pattern_topic(pattern);
	selector = selector_new(kind, text, strlen(text), hub->base, why);
	if (selector == NULL)
		return NULL;
	if (!is_pattern(selector)) {
		selector_free(selector);
		return hub_topic(hub, text, client, reader);
	}
	pattern = pattern_new(hub, selector, client);
	return pattern == NULL ? NULL : pattern_topic(pattern);
}
