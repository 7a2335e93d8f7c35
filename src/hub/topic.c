#include "hub/topic.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "hub/turns.h"
#include "pure/histogram.h"

struct topic {
	struct turns       *turns;
	char               *name;
	struct topic_limits limits;
	struct ring         ring;
	uint64_t            dropped_seq; /* of the newest that is gone */

	/* Each subscription is in exactly one of these. */
	struct list waiting; /* has seen all there is */
	struct list ready;   /* will be called */
	struct list stalled; /* will ask to be called */
	size_t      subscriber_count;
	uint64_t    stalled_seq_min; /* none stalled is before it */
	uint64_t    pending_seq_min; /* nor one that will be called */

	struct list     busy_node; /* in turns->busy while ready has any */
	struct deadline held;      /* until the fan-out begins */
	int64_t         fanout_start_us;
	size_t          fanout_call_count;
	size_t          fanout_event_count;
};

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
	topic->stalled_seq_min = UINT64_MAX;
	topic->pending_seq_min = UINT64_MAX;
	list_init(&topic->busy_node);
	deadline_init(&topic->held);
	return topic;
}

void
topic_free(struct topic *topic)
{
	assert(topic->subscriber_count == 0);
	ring_deinit(&topic->ring);
	list_remove(&topic->busy_node);
	deadline_clear(&topic->held);
	free(topic->name);
	free(topic);
}

const char *
topic_name(const struct topic *topic)
{
	return topic->name;
}

size_t
topic_frame_count(const struct topic *topic)
{
	return topic->ring.frame_count;
}

uint64_t
topic_dropped_seq(const struct topic *topic)
{
	return topic->dropped_seq;
}

size_t
topic_subscriber_count(const struct topic *topic)
{
	return topic->subscriber_count;
}

/* Whether events collect, and their fan-out is yet to begin. */
static bool
topic_is_held(const struct topic *topic)
{
	return !list_is_empty(&topic->held.node);
}

static void
become_busy(struct topic *topic)
{
	if (list_is_empty(&topic->busy_node))
		list_append(&topic->turns->busy, &topic->busy_node);
}

/* A fan-out has reached its last subscriber. */
static void
topic_account(const struct topic *topic)
{
	int64_t took_us = topic->turns->now_us() - topic->fanout_start_us;

	if (topic->limits.latency != NULL)
		histogram_add(topic->limits.latency, took_us);
	log_debug("fanout", LOG_STR("topic", topic->name),
	    LOG_INT("subscribers", topic->fanout_call_count),
	    LOG_INT("events", topic->fanout_event_count),
	    LOG_REAL("ms", (double)took_us / 1000));
}

static void
become_idle(struct topic *topic)
{
	list_remove(&topic->busy_node);
	if (topic_is_held(topic))
		return;
	topic->pending_seq_min = UINT64_MAX;
	if (topic->fanout_event_count > 0)
		topic_account(topic);
	topic->fanout_event_count = 0;
	topic->fanout_call_count = 0;
}

/* The fan-out of what was published begins. */
static void
topic_release(struct topic *topic)
{
	deadline_clear(&topic->held);
	list_join(&topic->ready, &topic->waiting);
	if (!list_is_empty(&topic->ready))
		become_busy(topic);
}

void
topic_release_held(struct deadline *held)
{
	topic_release(list_entry(held, struct topic, held));
}

static bool
cursor_is_overrun(const struct cursor *cursor)
{
	const struct subscription *subscription;
	size_t                     i;

	for (i = 0; i < cursor->subscription_count; i++) {
		subscription = &cursor->subscriptions[i];
		if (subscription->topic->dropped_seq > cursor->seq &&
		    subscription->topic->dropped_seq > subscription->gone_seq)
			return true;
	}
	return false;
}

/*
 * Nobody visits a stalled cursor, so the topic has to tell it that what it
 * waits to send has gone.
 */
static void
call_overrun(struct topic *topic)
{
	struct list          stalled;
	struct subscription *subscription;
	struct cursor       *cursor;

	if (topic->dropped_seq <= topic->stalled_seq_min)
		return;
	list_init(&stalled);
	list_join(&stalled, &topic->stalled);
	topic->stalled_seq_min = UINT64_MAX;
	while (!list_is_empty(&stalled)) {
		subscription = list_entry(stalled.next, struct subscription,
		    node);
		cursor = subscription->cursor;
		list_move(&topic->stalled, &subscription->node);
		if (cursor_is_overrun(cursor))
			cursor->call(cursor, CURSOR_OVERRUN);
		else if (cursor->seq < topic->stalled_seq_min)
			topic->stalled_seq_min = cursor->seq;
	}
}

size_t
topic_run(struct list *busy_node, size_t max)
{
	struct topic        *topic;
	struct subscription *subscription;
	struct cursor       *cursor;
	size_t               call_count = 0;

	topic = list_entry(busy_node, struct topic, busy_node);
	while (call_count < max && !list_is_empty(&topic->ready)) {
		subscription = list_entry(topic->ready.next,
		    struct subscription, node);
		cursor = subscription->cursor;
		list_move(&topic->waiting, &subscription->node);
		cursor->call(cursor,
		    cursor_is_overrun(cursor) ? CURSOR_OVERRUN : CURSOR_READY);
		call_count++;
	}
	topic->fanout_call_count += call_count;
	if (list_is_empty(&topic->ready))
		become_idle(topic);
	else
		list_move(&topic->turns->busy, &topic->busy_node);
	return call_count;
}

/*
 * The oldest frames are about to go: whoever has not had them and can take
 * them now is to have them first. Of the stalled ones each tries once.
 */
static void
topic_serve_first(struct topic *topic, uint64_t seq)
{
	if (topic->stalled_seq_min < seq) {
		list_join(&topic->ready, &topic->stalled);
		topic->stalled_seq_min = UINT64_MAX;
	} else if (topic->pending_seq_min >= seq) {
		return;
	}
	if (topic_is_held(topic))
		topic_release(topic);
	while (!list_is_empty(&topic->ready)) {
		become_busy(topic);
		topic_run(&topic->busy_node, SIZE_MAX);
	}
}

void
topic_drop(struct topic *topic, uint64_t seq)
{
	struct ring *ring = &topic->ring;

	if (ring->frame_count == 0 || ring_frame(ring, 0)->seq > seq)
		return;
	topic_serve_first(topic, seq);
	while (ring->frame_count > 0 && ring_frame(ring, 0)->seq <= seq)
		topic->dropped_seq = ring_drop_oldest(ring);
	call_overrun(topic);
}

/* Finds out anew which stalled cursor is the last. */
static void
topic_find_stalled_min(struct topic *topic)
{
	struct subscription *subscription;

	topic->stalled_seq_min = UINT64_MAX;
	list_for_each (node, &topic->stalled) {
		subscription = list_entry(node, struct subscription, node);
		if (subscription->cursor->seq < topic->stalled_seq_min)
			topic->stalled_seq_min = subscription->cursor->seq;
	}
}

/* Whether the oldest frame may go because there are enough others. */
static bool
topic_can_spare(struct topic *topic)
{
	size_t   frame_count = topic->ring.frame_count;
	uint64_t seq = ring_frame(&topic->ring, 0)->seq;

	if (!topic->limits.is_patient)
		return true;
	/* Who was last may have caught up. It is not worth it to look often. */
	if (topic->stalled_seq_min < seq &&
	    frame_count % topic->limits.frame_count_max == 0)
		topic_find_stalled_min(topic);
	return topic->stalled_seq_min >= seq && topic->pending_seq_min >= seq;
}

/* Makes way in the ring for one more frame. */
static void
topic_make_way(struct topic *topic, size_t len_bytes)
{
	const struct topic_limits *limits = &topic->limits;
	const struct ring         *ring = &topic->ring;

	while (ring->frame_count > 0 &&
	    (ring->frame_bytes + len_bytes > limits->frame_bytes_max ||
		(ring->frame_count >= limits->frame_count_max &&
		    topic_can_spare(topic))))
		topic_drop(topic, ring_frame(ring, 0)->seq);
}

/* Counts an event that is to be delivered, and where it begins. */
static void
topic_expect(struct topic *topic)
{
	const struct ring *ring = &topic->ring;

	if (topic->fanout_event_count++ == 0)
		topic->fanout_start_us = topic->turns->now_us();
	if (topic->pending_seq_min == UINT64_MAX)
		topic->pending_seq_min = ring->frame_count == 0 ?
		    topic->dropped_seq :
		    ring_frame(ring, ring->frame_count - 1)->seq;
}

void
topic_publish(struct topic *topic, struct frame *frame)
{
	struct turns *turns = topic->turns;

	topic_make_way(topic, frame->len_bytes);
	if (frame->seq == 0)
		frame->seq = ++turns->last_seq;
	assert(frame->seq == turns->last_seq);
	if (topic->subscriber_count > 0)
		topic_expect(topic);
	ring_add(&topic->ring, frame);
	if (topic->subscriber_count == 0)
		return;
	if (!topic->limits.is_coalesced || turns->held.after_ms == 0)
		topic_release(topic);
	else if (!topic_is_held(topic))
		deadline_set(&turns->held, &topic->held, turns_now_ms(turns));
}

static void
subscription_open(struct subscription *subscription, struct cursor *cursor,
    struct topic *topic)
{
	list_init(&subscription->node);
	subscription->topic = topic;
	subscription->cursor = cursor;
	subscription->gone_seq = topic->dropped_seq;
	topic->subscriber_count++;
}

void
cursor_open(struct cursor *cursor, struct topic *const *topics,
    size_t topic_count, uint64_t seq, cursor_fn *call)
{
	size_t i;

	assert(topic_count >= 1 && topic_count <= CURSOR_TOPICS_MAX);
	cursor->seq = seq < topics[0]->turns->last_seq ?
	    seq :
	    topics[0]->turns->last_seq;
	cursor->call = call;
	cursor->subscriptions = topic_count == 1 ?
	    &cursor->only :
	    mem_alloc(topic_count * sizeof(*cursor->subscriptions));
	cursor->subscription_count = topic_count;
	for (i = 0; i < topic_count; i++)
		subscription_open(&cursor->subscriptions[i], cursor, topics[i]);
	cursor_stall(cursor);
}

bool
cursor_is_open(const struct cursor *cursor)
{
	return cursor->subscription_count > 0;
}

void
cursor_close(struct cursor *cursor)
{
	struct topic *topic;
	size_t        i;

	for (i = 0; i < cursor->subscription_count; i++) {
		topic = cursor->subscriptions[i].topic;
		list_remove(&cursor->subscriptions[i].node);
		if (--topic->subscriber_count == 0 &&
		    topic->limits.on_idle != NULL)
			topic->limits.on_idle(topic->limits.arg);
	}
	cursor->subscription_count = 0;
	if (cursor->subscriptions != &cursor->only)
		free(cursor->subscriptions);
	cursor->subscriptions = &cursor->only;
}

void
cursor_stall(struct cursor *cursor)
{
	struct topic *topic;
	size_t        i;

	for (i = 0; i < cursor->subscription_count; i++) {
		topic = cursor->subscriptions[i].topic;
		list_move(&topic->stalled, &cursor->subscriptions[i].node);
		if (cursor->seq < topic->stalled_seq_min)
			topic->stalled_seq_min = cursor->seq;
	}
}

void
cursor_resume(struct cursor *cursor)
{
	struct topic *topic;
	size_t        i;

	for (i = 0; i < cursor->subscription_count; i++) {
		topic = cursor->subscriptions[i].topic;
		list_move(&topic->ready, &cursor->subscriptions[i].node);
		if (cursor->seq < topic->pending_seq_min)
			topic->pending_seq_min = cursor->seq;
		become_busy(topic);
	}
}

/* The frames of several topics in order, each once. */
static size_t
peek_merged(const struct cursor *cursor, struct frame **frames, size_t max)
{
	const struct ring *ring;
	struct frame      *frame, *next;
	size_t             at[CURSOR_TOPICS_MAX], count = 0, i;

	for (i = 0; i < cursor->subscription_count; i++)
		at[i] = ring_find_after(&cursor->subscriptions[i].topic->ring,
		    cursor->seq);
	while (count < max) {
		next = NULL;
		for (i = 0; i < cursor->subscription_count; i++) {
			ring = &cursor->subscriptions[i].topic->ring;
			if (count > 0 && at[i] < ring->frame_count &&
			    ring_frame(ring, at[i]) == frames[count - 1])
				at[i]++;
			frame = at[i] < ring->frame_count ?
			    ring_frame(ring, at[i]) :
			    NULL;
			if (frame != NULL &&
			    (next == NULL || frame->seq < next->seq))
				next = frame;
		}
		if (next == NULL)
			break;
		frames[count++] = next;
	}
	return count;
}

size_t
cursor_peek(const struct cursor *cursor, struct frame **frames, size_t max)
{
	const struct ring *ring = &cursor->subscriptions[0].topic->ring;
	size_t             count = 0, index;

	if (cursor->subscription_count > 1)
		return peek_merged(cursor, frames, max);
	index = ring_find_after(ring, cursor->seq);
	while (count < max && index < ring->frame_count)
		frames[count++] = ring_frame(ring, index++);
	return count;
}

void
cursor_advance(struct cursor *cursor, const struct frame *frame)
{
	cursor->seq = frame->seq;
}
