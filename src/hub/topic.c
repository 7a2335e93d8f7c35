#include "hub/topic.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "hub/frame.h"
#include "hub/mark.h"
#include "hub/turns.h"

/* Subscribers that are passed over cost as much as one that is visited. */
#define PASSES_PER_VISIT 16

struct topic {
	struct turns       *turns;
	char               *name;
	struct topic_limits limits;
	struct ring         ring;
	uint64_t            newest_position;
	struct dropped      dropped;

	/* Each subscription is in exactly one of these; marks are too. */
	struct list  waiting; /* has had all there is */
	struct list  ready;   /* will be visited */
	struct list  stalled; /* will ask to be visited */
	struct mark *spare_mark;
	size_t       subscriber_count;
	uint64_t     stalled_min; /* none stalled is before it */
	uint64_t     pending_min; /* nor one that will be visited */

	struct turn turn; /* busy while ready has any; held until a fan-out */
	int64_t     fanout_start_us;
	size_t      fanout_visit_count;
	size_t      fanout_event_count;
};

void
topic_free(struct topic *topic)
{
	assert(topic->subscriber_count == 0 && !turns_is_calling(topic->turns));
	marks_free(&topic->waiting);
	marks_free(&topic->ready);
	mark_free_spare(topic->spare_mark);
	ring_deinit(&topic->ring);
	turn_leave(&topic->turn);
	turn_unhold(&topic->turn);
	free(topic->name);
	free(topic);
}

const char *
topic_name(const struct topic *topic)
{
	return topic->name;
}

const struct selector *
topic_selector(const struct topic *topic)
{
	return topic->limits.selector;
}

bool
topic_is_over_count(const struct topic *topic)
{
	return topic->ring.frame_count > topic->limits.frame_count_max;
}

uint64_t
topic_newest_position(const struct topic *topic)
{
	return topic->newest_position;
}

const struct dropped *
topic_dropped(const struct topic *topic)
{
	return &topic->dropped;
}

void
topic_set_dropped(struct topic *topic, const struct dropped *dropped)
{
	dropped_add(&topic->dropped, dropped);
}

const struct ring *
topic_ring(const struct topic *topic)
{
	return &topic->ring;
}

size_t
topic_subscriber_count(const struct topic *topic)
{
	return topic->subscriber_count;
}

/* A fan-out has reached its last subscriber. */
static void
log_fanout(const struct topic *topic)
{
	int64_t took_us = topic->turns->now_us() - topic->fanout_start_us;

	log_debug("fanout", LOG_STR("topic", topic->name),
	    LOG_INT("subscribers", topic->fanout_visit_count),
	    LOG_INT("events", topic->fanout_event_count),
	    LOG_REAL("ms", (double)took_us / 1000));
}

static void
become_idle(struct topic *topic)
{
	turn_leave(&topic->turn);
	if (turn_is_held(&topic->turn))
		return;
	topic->pending_min = UINT64_MAX;
	if (topic->fanout_event_count > 0 && log_is_on(LOG_LEVEL_DEBUG))
		log_fanout(topic);
	topic->fanout_event_count = 0;
	topic->fanout_visit_count = 0;
}

/* The fan-out of what was published begins. */
static void
topic_release(struct topic *topic)
{
	turn_unhold(&topic->turn);
	list_join(&topic->ready, &topic->waiting);
	if (!list_is_empty(&topic->ready))
		turns_add(topic->turns, &topic->turn);
}

static void
topic_release_held(struct turn *turn)
{
	topic_release(list_entry(turn, struct topic, turn));
}

bool
topic_has_overrun(const struct subscription *subscription)
{
	uint64_t dropped_position = subscription->topic->dropped.position;

	return dropped_position > subscription->subscriber->position &&
	    dropped_position > subscription->dropped_position;
}

/*
 * A stalled subscriber is not visited, so the topic has to tell it that a frame
 * that it waits for was dropped.
 */
static void
visit_overrun(struct topic *topic)
{
	struct list          stalled;
	struct subscription *subscription;
	struct subscriber   *subscriber;

	if (topic->dropped.position <= topic->stalled_min)
		return;
	list_init(&stalled);
	list_join(&stalled, &topic->stalled);
	topic->stalled_min = UINT64_MAX;
	topic->turns->call_depth++;
	while (!list_is_empty(&stalled)) {
		subscription = list_entry(stalled.next, struct subscription,
		    node);
		subscriber = subscription->subscriber;
		list_move(&topic->stalled, &subscription->node);
		if (topic_has_overrun(subscription))
			subscriber->ops->visit(subscriber);
		else if (subscriber->position < topic->stalled_min)
			topic->stalled_min = subscriber->position;
	}
	topic->turns->call_depth--;
}

/* Visits the first that is ready; returns what that costs. */
static size_t
visit_next(struct topic *topic)
{
	struct subscription *subscription = list_entry(topic->ready.next,
	    struct subscription, node);
	struct subscriber   *subscriber = subscription->subscriber;

	if (subscriber == NULL) {
		mark_reached(subscription, &topic->spare_mark,
		    topic->limits.latency, topic->turns);
		return 0;
	}
	list_move(&topic->waiting, &subscription->node);
	if (!subscriber->is_due &&
	    subscriber->position >= topic->newest_position)
		return 1;
	subscriber->is_due = false;
	topic->fanout_visit_count++;
	subscriber->ops->visit(subscriber);
	return PASSES_PER_VISIT;
}

static size_t
topic_run(struct turn *turn, size_t max)
{
	struct topic *topic = list_entry(turn, struct topic, turn);
	size_t        cost = 0;

	if (max > SIZE_MAX / PASSES_PER_VISIT)
		max = SIZE_MAX / PASSES_PER_VISIT;
	topic->turns->call_depth++;
	while (cost < max * PASSES_PER_VISIT && !list_is_empty(&topic->ready))
		cost += visit_next(topic);
	topic->turns->call_depth--;
	if (list_is_empty(&topic->ready))
		become_idle(topic);
	else
		turns_requeue(topic->turns, turn);
	return (cost + PASSES_PER_VISIT - 1) / PASSES_PER_VISIT;
}

struct topic *
topic_new(struct turns *turns, const char *name,
    const struct topic_limits *limits)
{
	struct topic *topic = mem_zalloc(sizeof(*topic));

	topic->turns = turns;
	topic->name = mem_strdup(name);
	topic->limits = *limits;
	list_init(&topic->waiting);
	list_init(&topic->ready);
	list_init(&topic->stalled);
	topic->stalled_min = UINT64_MAX;
	topic->pending_min = UINT64_MAX;
	turn_init(&topic->turn, topic_run, topic_release_held);
	return topic;
}

/* Finds out anew which stalled subscriber is the last. */
static void
find_stalled_min(struct topic *topic)
{
	struct subscription *subscription;

	topic->stalled_min = UINT64_MAX;
	list_for_each (node, &topic->stalled) {
		subscription = list_entry(node, struct subscription, node);
		if (subscription->subscriber->position < topic->stalled_min)
			topic->stalled_min = subscription->subscriber->position;
	}
}

/* Whether the subscriber is behind the frame, and may have it. */
static bool
is_needed(const struct frame *frame, const struct subscriber *subscriber)
{
	return subscriber->position < frame->update.position &&
	    subscriber->ops->wants(subscriber, &frame->update);
}

/*
 * The frame is about to be dropped: subscribers that need it and can take it
 * now get it first. Each stalled one tries once.
 */
static void
serve_first(struct topic *topic, const struct frame *frame)
{
	struct subscription *subscription;

	if (topic->stalled_min < frame->update.position) {
		list_for_each (node, &topic->stalled) {
			subscription = list_entry(node, struct subscription,
			    node);
			if (!is_needed(frame, subscription->subscriber))
				continue;
			subscription->subscriber->is_due = true;
			list_move(&topic->ready, node);
		}
		find_stalled_min(topic);
	} else if (topic->pending_min >= frame->update.position) {
		return;
	}
	if (turn_is_held(&topic->turn))
		topic_release(topic);
	while (!list_is_empty(&topic->ready))
		topic_run(&topic->turn, SIZE_MAX);
}

/* The frame is dropped, which is a loss to those that need it alone. */
static void
note_dropped(struct topic *topic, const struct frame *frame)
{
	const struct dropped dropped = dropped_with(&frame->update);
	uint64_t             position = dropped.position;
	struct subscription *subscription;

	list_for_each (node, &topic->stalled) {
		if (topic->stalled_min >= position)
			break;
		subscription = list_entry(node, struct subscription, node);
		/* It may lie before the position at which they began. */
		if (is_needed(frame, subscription->subscriber))
			subscription->dropped_position = 0;
		else if (subscription->dropped_position < position &&
		    !topic_has_overrun(subscription))
			subscription->dropped_position = position;
	}
	topic_set_dropped(topic, &dropped);
}

static uint64_t
oldest_position(const struct topic *topic)
{
	return topic->ring.frame_count == 0 ?
	    UINT64_MAX :
	    ring_slot(&topic->ring, 0)->position;
}

static void
drop_oldest(struct topic *topic)
{
	struct frame *oldest = ring_slot(&topic->ring, 0)->frame;

	frame_ref(oldest);
	serve_first(topic, oldest);
	if (oldest_position(topic) == oldest->update.position) {
		note_dropped(topic, oldest);
		ring_drop_oldest(&topic->ring);
		if (topic->limits.on_drop != NULL)
			topic->limits.on_drop(topic->limits.arg, oldest);
	}
	frame_unref(oldest);
}

void
topic_drop(struct topic *topic, uint64_t position)
{
	while (topic->ring.frame_count > 0 &&
	    oldest_position(topic) <= position)
		drop_oldest(topic);
	visit_overrun(topic);
}

void
topic_drop_oldest(struct topic *topic)
{
	topic_drop(topic, oldest_position(topic));
}

void
topic_remove(struct topic *topic, const struct frame *frame)
{
	serve_first(topic, frame);
	note_dropped(topic, frame);
	ring_remove(&topic->ring, frame->update.position);
	visit_overrun(topic);
}

/* Whether the oldest frame may be dropped because there are enough others. */
static bool
can_spare_oldest(struct topic *topic, int64_t now_ms)
{
	const struct topic_limits *limits = &topic->limits;
	const struct ring_slot    *oldest = ring_slot(&topic->ring, 0);

	if (now_ms - oldest->frame->published_ms >= limits->patience_ms)
		return true;
	/* Who was last may have caught up. It is not worth it to look often. */
	if (topic->stalled_min < oldest->position &&
	    topic->ring.frame_count % limits->frame_count_max == 0)
		find_stalled_min(topic);
	return topic->stalled_min >= oldest->position &&
	    topic->pending_min >= oldest->position;
}

/* Makes way in the ring for so many frames more, of so many bytes. */
static void
make_way(struct topic *topic, size_t frame_count, size_t len_bytes,
    int64_t now_ms)
{
	const struct topic_limits *limits = &topic->limits;
	const struct ring         *ring = &topic->ring;

	while (ring->frame_count > 0 &&
	    (ring->frame_bytes + len_bytes > limits->frame_bytes_max ||
		(ring->frame_count + frame_count > limits->frame_count_max &&
		    can_spare_oldest(topic, now_ms))))
		topic_drop_oldest(topic);
}

void
topic_trim(struct topic *topic, int64_t now_ms)
{
	find_stalled_min(topic);
	make_way(topic, 0, 0, now_ms);
}

/* Counts an event that is to be delivered, and where it begins. */
static void
expect_frame(struct topic *topic, struct frame *frame)
{
	/* Once for all of its topics. */
	if (frame->published_us == 0)
		frame->published_us = topic->turns->now_us();
	if (topic->fanout_event_count++ == 0)
		topic->fanout_start_us = frame->published_us;
	if (topic->pending_min > topic->newest_position)
		topic->pending_min = topic->newest_position;
	if (topic->limits.latency != NULL)
		list_append(&topic->waiting,
		    mark_new(&topic->spare_mark, topic, frame));
}

void
topic_publish(struct topic *topic, struct frame *frame, int64_t now_ms)
{
	if (frame->published_ms == 0)
		frame->published_ms = now_ms;
	make_way(topic, 1, frame->len_bytes, now_ms);
	if (frame->update.position == 0)
		frame->update.position = topic->newest_position + 1;
	assert(frame->update.position > topic->newest_position);
	if (topic->subscriber_count > 0)
		expect_frame(topic, frame);
	topic->newest_position = frame->update.position;
	ring_add(&topic->ring, frame);
	if (topic->subscriber_count == 0)
		return;
	if (!topic->limits.is_coalesced ||
	    !turns_hold(topic->turns, &topic->turn, now_ms))
		topic_release(topic);
}

void
topic_end(struct topic *topic)
{
	topic->newest_position = UINT64_MAX;
	topic_set_dropped(topic,
	    &(struct dropped){ UINT64_MAX, UINT64_MAX, UINT64_MAX });
	topic_release(topic);
	visit_overrun(topic);
}

void
topic_join(struct topic *topic, struct subscription *subscription,
    struct subscriber *subscriber)
{
	list_init(&subscription->node);
	subscription->topic = topic;
	subscription->subscriber = subscriber;
	subscription->dropped_position = topic->dropped.position;
	topic->subscriber_count++;
}

void
topic_leave(struct subscription *subscription)
{
	struct topic *topic = subscription->topic;

	list_remove(&subscription->node);
	if (--topic->subscriber_count == 0 && topic->limits.on_idle != NULL)
		topic->limits.on_idle(topic->limits.arg);
}

void
topic_stall(struct subscription *subscription)
{
	struct topic *topic = subscription->topic;

	list_move(&topic->stalled, &subscription->node);
	if (subscription->subscriber->position < topic->stalled_min)
		topic->stalled_min = subscription->subscriber->position;
}

void
topic_resume(struct subscription *subscription, bool is_ready)
{
	struct topic *topic = subscription->topic;

	if (!is_ready) {
		list_move(&topic->waiting, &subscription->node);
		return;
	}
	list_move(&topic->ready, &subscription->node);
	if (subscription->subscriber->position < topic->pending_min)
		topic->pending_min = subscription->subscriber->position;
	turns_add(topic->turns, &topic->turn);
}
