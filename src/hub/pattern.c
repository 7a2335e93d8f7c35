#include "config.h"

#include "hub/pattern.h"

#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/tree.h"
#include "hub/frame.h"
#include "hub/hub.h"
#include "hub/named.h"
#include "hub/topic.h"
#include "hub/turns.h"
#include "pure/selector_index.h"

/*
 * What a pattern takes beside what it is compiled to, so many slots for public
 * updates and for private ones included;
 */
#define PATTERN_COST_BYTES 4096
#define PREPAID_COUNT 16

/* of what it is compiled to, for each byte of its text; */
#define TEXT_COST_BYTES 16

/* and an update in its ring, which doubles as it grows, as does the frame's. */
#define SLOT_COST_BYTES 64

/*
 * What a match may cost for each byte of the topic without being charged to a
 * client.
 */
#define USUAL_COST_PER_BYTE 64

/* And all matches together with the topics that there are. */
#define USUAL_FILL_COST SHARES_COST_MAX

struct pattern {
	struct list     node; /* in hub->patterns */
	struct deadline idle; /* in hub->idle_patterns; set if there is no
	                         subscriber */
	struct hub      *hub;
	struct selector *selector;
	struct topic    *topic;
	struct share    *share;  /* pays for it */
	struct share    *hidden; /* pays for slots of private ones, or NULL */
	size_t           counts[2]; /* of public frames, of private ones */
	uint64_t         passed[2]; /* no such frame is before this */
	uint64_t         position;  /* of the last update that matched */
	uint64_t         spent;     /* beyond what is usual */
	uint64_t         followed;  /* hub->follow_number, when last found */
	bool             is_ended;
};

static int
compare(const void *a, const void *b)
{
	const struct selector *one = ((const struct pattern *)a)->selector;
	const struct selector *other = ((const struct pattern *)b)->selector;

	if (one->kind != other->kind)
		return one->kind < other->kind ? -1 : 1;
	return strcmp(one->text, other->text);
}

static size_t
cost_bytes(const struct selector *selector)
{
	return PATTERN_COST_BYTES + TEXT_COST_BYTES * selector->text_bytes;
}

void
patterns_init(struct hub *hub)
{
	list_init(&hub->patterns);
	deadline_list_init(&hub->idle_patterns, PATTERN_LINGER_MS);
	hub->pattern_index = selector_index_new();
}

/* A frame less of that kind is in the ring. */
static void
count_down(struct pattern *pattern, bool is_private)
{
	struct hub *hub = pattern->hub;

	if (pattern->counts[is_private]-- <= PREPAID_COUNT)
		return;
	if (!is_private) {
		shares_give_back(&hub->shares, pattern->share, SLOT_COST_BYTES);
		return;
	}
	shares_give_back(&hub->hidden, pattern->hidden, SLOT_COST_BYTES);
	if (pattern->counts[is_private] == PREPAID_COUNT)
		pattern->hidden = NULL;
}

static void
on_drop(void *arg, struct frame *frame)
{
	struct pattern *pattern = arg;

	frame_remove_pattern(frame, pattern);
	count_down(pattern, frame->update.is_private);
	if (frame->ring_count == 0)
		hub_let_go(pattern->hub, frame);
}

static void
on_idle(void *arg)
{
	struct pattern *pattern = arg;

	deadline_set(&pattern->hub->idle_patterns, &pattern->idle,
	    turns_now_ms(pattern->hub->turns));
}

static void
pattern_free(struct pattern *pattern)
{
	struct hub *hub = pattern->hub;

	while (topic_frame_count(pattern->topic) > 0)
		topic_drop_oldest(pattern->topic);
	if (!pattern->is_ended)
		selector_index_remove(hub->pattern_index, pattern->selector,
		    pattern);
	tree_remove(&hub->pattern_tree, pattern, compare);
	list_remove(&pattern->node);
	deadline_clear(&pattern->idle);
	topic_free(pattern->topic);
	shares_give_back(&hub->shares, pattern->share,
	    cost_bytes(pattern->selector));
	selector_free(pattern->selector);
	free(pattern);
}

void
patterns_free(struct hub *hub)
{
	while (!list_is_empty(&hub->patterns))
		pattern_free(list_entry(hub->patterns.next, struct pattern,
		    node));
}

void
patterns_deinit(struct hub *hub)
{
	selector_index_free(hub->pattern_index);
}

void
patterns_run(struct hub *hub, int64_t now_ms)
{
	struct deadline *due;
	struct pattern  *pattern;

	while ((due = deadline_take_due(&hub->idle_patterns, now_ms)) != NULL) {
		pattern = list_entry(due, struct pattern, idle);
		if (topic_subscriber_count(pattern->topic) == 0)
			pattern_free(pattern);
	}
}

struct pattern *
pattern_find(const struct hub *hub, enum selector_kind kind, const char *text)
{
	struct selector      selector = { .kind = kind };
	const struct pattern key = { .selector = &selector };
	struct pattern      *found;

	/* NOLINTNEXTLINE(performance-no-int-to-ptr): it is only compared */
	selector.text = (char *)(uintptr_t)text;
	found = tree_find(&hub->pattern_tree, &key, compare);
	if (found != NULL)
		found->followed = hub->follow_number;
	return found;
}

struct topic *
pattern_topic(const struct pattern *pattern)
{
	return pattern->is_ended ? NULL : pattern->topic;
}

/*
 * Private updates are paid from a share apart, so that none of what a client
 * sees depends on how many come that it may not have.
 */
static bool
take_slot(struct pattern *pattern, bool is_private)
{
	struct hub *hub = pattern->hub;

	if (pattern->counts[is_private] < PREPAID_COUNT)
		return true;
	if (!is_private)
		return shares_take_more(&hub->shares, pattern->share,
		    SLOT_COST_BYTES);
	if (pattern->hidden != NULL)
		return shares_take_more(&hub->hidden, pattern->hidden,
		    SLOT_COST_BYTES);
	pattern->hidden = shares_take(&hub->hidden,
	    shares_client(pattern->share), SLOT_COST_BYTES);
	return pattern->hidden != NULL;
}

/* Drops the oldest frame of that kind, which there is. */
static void
drop_first(struct pattern *pattern, bool is_private)
{
	const struct ring *ring = topic_ring(pattern->topic);
	uint64_t          *passed = &pattern->passed[is_private];
	size_t             index = 0;
	struct frame      *frame;

	if (ring_slot(ring, 0)->position <= *passed)
		index = ring_find_after(ring, *passed);
	while ((frame = ring_slot(ring, index)->frame) == NULL ||
	    frame->update.is_private != is_private)
		index++;
	*passed = frame->update.position;
	if (index == 0) {
		topic_drop_oldest(pattern->topic);
		return;
	}
	frame_ref(frame);
	topic_remove(pattern->topic, frame);
	on_drop(pattern, frame);
	frame_unref(frame);
}

/* Puts the frame into the ring, and makes way for it if need be. */
static void
pattern_take(struct pattern *pattern, struct frame *frame, int64_t now_ms)
{
	const bool is_private = frame->update.is_private;

	while (!take_slot(pattern, is_private))
		drop_first(pattern, is_private);
	pattern->counts[is_private]++;
	topic_publish(pattern->topic, frame, now_ms);
}

/* Counts what a match has cost, with its pattern and its client. */
static bool
pattern_spend(struct pattern *pattern, uint64_t cost, uint64_t usual_cost,
    int64_t now_ms)
{
	if (cost <= usual_cost)
		return true;
	pattern->spent += cost - usual_cost;
	return shares_spend(pattern->share, cost - usual_cost, now_ms);
}

static uint64_t
usual_cost(size_t topic_bytes)
{
	return USUAL_COST_PER_BYTE * (uint64_t)(topic_bytes + 64);
}

/* Finds out which topics match; false: the client may not spend so much. */
static bool
match_topics(struct pattern *pattern)
{
	struct hub           *hub = pattern->hub;
	struct selector_topic topic;
	struct named         *named;
	uint64_t              cost, sum = 0, usual;
	const int64_t         now_ms = turns_now_ms(hub->turns);

	list_for_each (node, &hub->named) {
		named = list_entry(node, struct named, named_node);
		cost = 0;
		selector_topic_init(&topic, named->name, strlen(named->name),
		    hub->base);
		named->is_matched = selector_matches(pattern->selector, &topic,
		    &cost);
		selector_topic_deinit(&topic);
		sum += cost;
		usual = sum > USUAL_FILL_COST ? 0 :
						usual_cost(topic.text_bytes);
		if (!pattern_spend(pattern, cost, usual, now_ms))
			return false;
		if (named->is_matched)
			topic_set_dropped(pattern->topic,
			    topic_dropped(named->topic));
	}
	return true;
}

static bool
is_matched(const struct frame *frame)
{
	for (size_t i = 0; i < frame->update.topic_count; i++) {
		if (named_of(frame->update.topics[i])->is_matched)
			return true;
	}
	return false;
}

/* Gives it what is kept of its topics' updates. */
static bool
pattern_fill(struct pattern *pattern)
{
	struct hub   *hub = pattern->hub;
	struct frame *frame;

	topic_set_dropped(pattern->topic, &hub->freed);
	if (!match_topics(pattern))
		return false;
	list_for_each (node, &hub->updates) {
		frame = list_entry(node, struct frame, node);
		if (!is_matched(frame))
			continue;
		frame_add_pattern(frame, pattern);
		pattern_take(pattern, frame, frame->published_ms);
	}
	return true;
}

/* Frees the one that has been of no use for longest; false: there is none. */
static bool
reclaim(struct hub *hub)
{
	struct pattern *pattern;

	list_for_each (node, &hub->idle_patterns.nodes) {
		pattern = list_entry(node, struct pattern, idle.node);
		/* What a subscriber has named it is about to follow. */
		if (!pattern->is_ended &&
		    pattern->followed != hub->follow_number &&
		    topic_subscriber_count(pattern->topic) == 0) {
			pattern_free(pattern);
			return true;
		}
	}
	return false;
}

/*
 * No client may follow it until it is freed: what has been spent stays counted.
 */
static void
pattern_end(struct pattern *pattern)
{
	log_warn("pattern-ends",
	    LOG_STR("client", shares_client(pattern->share)),
	    LOG_STR("pattern", pattern->selector->text),
	    LOG_STR("reason", "it costs too much to match"));
	selector_index_remove(pattern->hub->pattern_index, pattern->selector,
	    pattern);
	pattern->is_ended = true;
	topic_end(pattern->topic);
	if (topic_subscriber_count(pattern->topic) == 0)
		on_idle(pattern);
}

struct pattern *
pattern_new(struct hub *hub, struct selector *selector, const char *client)
{
	struct pattern *pattern;
	struct share   *share;

	do
		share = shares_take(&hub->shares, client, cost_bytes(selector));
	while (share == NULL && reclaim(hub));
	if (share == NULL) {
		selector_free(selector);
		return NULL;
	}
	pattern = mem_zalloc(sizeof(*pattern));
	pattern->hub = hub;
	pattern->selector = selector;
	pattern->share = share;
	pattern->followed = hub->follow_number;
	pattern->topic = topic_new(hub->turns, selector->text,
	    &(struct topic_limits){
		.frame_count_max = SIZE_MAX,
		.frame_bytes_max = SIZE_MAX,
		.latency = &hub->latency,
		.is_coalesced = true,
		.selector = selector,
		.on_idle = on_idle,
		.on_drop = on_drop,
		.arg = pattern,
	    });
	list_init(&pattern->node);
	list_append(&hub->patterns, &pattern->node);
	deadline_init(&pattern->idle);
	on_idle(pattern);
	tree_add(&hub->pattern_tree, pattern, compare);
	selector_index_add(hub->pattern_index, selector, pattern);
	if (!pattern_fill(pattern))
		pattern_end(pattern);
	return pattern;
}

/* An update that comes. */
struct arrival {
	struct frame    *frame;
	size_t           topic_bytes;
	int64_t          now_ms;
	struct pattern **overspent;
};

static void
on_match(void *item, void *data)
{
	struct pattern *pattern = item;
	struct frame   *frame = ((struct arrival *)data)->frame;

	/* Another of its topics may have matched. */
	if (pattern->position == frame->update.position)
		return;
	pattern->position = frame->update.position;
	frame_add_pattern(frame, pattern);
}

static void
on_spend(void *item, uint64_t cost, void *data)
{
	struct arrival *arrival = data;

	if (!pattern_spend(item, cost, usual_cost(arrival->topic_bytes),
		arrival->now_ms))
		*arrival->overspent = item;
}

/* Ends the pattern that has cost most of all that the same client pays. */
static void
end_costliest(struct hub *hub, struct pattern *costliest)
{
	struct pattern *pattern;

	list_for_each (node, &hub->patterns) {
		pattern = list_entry(node, struct pattern, node);
		if (pattern->share == costliest->share && !pattern->is_ended &&
		    pattern->spent > costliest->spent)
			costliest = pattern;
	}
	pattern_end(costliest);
}

void
patterns_publish(struct hub *hub, struct frame *frame, int64_t now_ms)
{
	struct pattern       *overspent = NULL;
	struct arrival        arrival = { frame, 0, now_ms, &overspent };
	struct selector_topic topic;

	if (list_is_empty(&hub->patterns))
		return;
	for (size_t i = 0; i < frame->update.topic_count; i++) {
		selector_topic_init(&topic, frame->update.topics[i],
		    strlen(frame->update.topics[i]), hub->base);
		arrival.topic_bytes = topic.text_bytes;
		selector_index_visit(hub->pattern_index, &topic, on_match,
		    on_spend, &arrival);
		selector_topic_deinit(&topic);
	}
	for (unsigned i = 0; i < frame->pattern_slots; i++)
		pattern_take(frame->patterns[i], frame, now_ms);
	if (overspent != NULL)
		end_costliest(hub, overspent);
}

void
patterns_forget(struct frame *frame)
{
	struct pattern *pattern;

	while ((pattern = frame_take_pattern(frame)) != NULL) {
		topic_remove(pattern->topic, frame);
		count_down(pattern, frame->update.is_private);
	}
}
