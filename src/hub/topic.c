#include "hub/topic.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "hub/hub.h"
#include "pure/histogram.h"

struct topic {
	struct hub		*hub;
	char			*name;
	struct topic_limits	 limits;

	/* The ring: frame_count frames from first on, oldest first. */
	struct frame		**slots;
	size_t			 slot_count;	/* a power of two, or 0 */
	size_t			 first;
	size_t			 frame_count;
	size_t			 frame_bytes;
	uint64_t		 dropped_seq;	/* of the newest that is gone */

	/* Each subscription is in exactly one of these. */
	struct list		 waiting;	/* has seen all there is */
	struct list		 ready;		/* will be called */
	struct list		 stalled;	/* will ask to be called */
	size_t			 subscriber_count;
	uint64_t		 stalled_seq_min; /* none stalled is before it */

	struct list		 busy_node;	/* in hub->busy while ready has any */
	int64_t			 fanout_start_us;
	size_t			 fanout_call_count;
	size_t			 fanout_event_count;
};

struct frame *
frame_new(const char *bytes, size_t len_bytes)
{
	struct frame *frame = mem_alloc(sizeof(*frame) + len_bytes);

	frame->seq = 0;
	frame->ref_count = 1;
	frame->len_bytes = len_bytes;
	memcpy(frame->bytes, bytes, len_bytes);
	return frame;
}

void
frame_ref(struct frame *frame)
{
	frame->ref_count++;
}

void
frame_unref(struct frame *frame)
{
	assert(frame->ref_count > 0);
	if (--frame->ref_count == 0)
		free(frame);
}

struct topic *
topic_new(struct hub *hub, const char *name, const struct topic_limits *limits)
{
	struct topic *topic = mem_zalloc(sizeof(*topic));

	topic->hub = hub;
	topic->name = mem_strdup(name);
	topic->limits = *limits;
	list_init(&topic->waiting);
	list_init(&topic->ready);
	list_init(&topic->stalled);
	topic->stalled_seq_min = UINT64_MAX;
	list_init(&topic->busy_node);
	return topic;
}

static struct frame *
ring_frame(const struct topic *topic, size_t index)
{
	return topic->slots[(topic->first + index) & (topic->slot_count - 1)];
}

static void
ring_grow(struct topic *topic)
{
	size_t slot_count = topic->slot_count == 0 ? 4 : topic->slot_count * 2;
	struct frame **slots = mem_alloc(slot_count * sizeof(*slots));
	size_t i;

	for (i = 0; i < topic->frame_count; i++)
		slots[i] = ring_frame(topic, i);
	free(topic->slots);
	topic->slots = slots;
	topic->slot_count = slot_count;
	topic->first = 0;
}

static void
ring_drop_oldest(struct topic *topic)
{
	struct frame *oldest = ring_frame(topic, 0);

	topic->dropped_seq = oldest->seq;
	topic->frame_bytes -= oldest->len_bytes;
	topic->first = (topic->first + 1) & (topic->slot_count - 1);
	topic->frame_count--;
	frame_unref(oldest);
}

static void
ring_add(struct topic *topic, struct frame *frame)
{
	if (topic->frame_count == topic->slot_count)
		ring_grow(topic);
	topic->slots[(topic->first + topic->frame_count) &
	    (topic->slot_count - 1)] = frame;
	topic->frame_count++;
	topic->frame_bytes += frame->len_bytes;
	frame_ref(frame);
}

static bool
ring_is_over_limit(const struct topic *topic)
{
	return topic->frame_count > 1 &&
	    (topic->frame_count > topic->limits.frame_count_max ||
	    topic->frame_bytes > topic->limits.frame_bytes_max);
}

/* The index of the first frame behind seq; frame_count if there is none. */
static size_t
ring_find_after(const struct topic *topic, uint64_t seq)
{
	size_t low = 0, high = topic->frame_count, middle;

	/* Nearly all cursors want the newest frame, or nothing. */
	if (high > 0 && ring_frame(topic, high - 1)->seq <= seq)
		return high;
	if (high > 1 && ring_frame(topic, high - 2)->seq <= seq)
		return high - 1;
	while (low < high) {
		middle = low + (high - low) / 2;
		if (ring_frame(topic, middle)->seq <= seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void
topic_free(struct topic *topic)
{
	assert(topic->subscriber_count == 0);
	while (topic->frame_count > 0)
		ring_drop_oldest(topic);
	list_remove(&topic->busy_node);
	free(topic->slots);
	free(topic->name);
	free(topic);
}

const char *
topic_name(const struct topic *topic)
{
	return topic->name;
}

size_t
topic_subscriber_count(const struct topic *topic)
{
	return topic->subscriber_count;
}

static void
become_busy(struct topic *topic)
{
	if (!list_is_empty(&topic->busy_node))
		return;
	topic->fanout_start_us = topic->hub->now_us();
	topic->fanout_call_count = 0;
	topic->fanout_event_count = 0;
	list_append(&topic->hub->busy, &topic->busy_node);
}

static void
become_idle(struct topic *topic)
{
	int64_t took_us = topic->hub->now_us() - topic->fanout_start_us;

	list_remove(&topic->busy_node);
	if (topic->limits.latency != NULL && topic->fanout_event_count > 0)
		histogram_add(topic->limits.latency, took_us);
	log_debug("fanout", LOG_STR("topic", topic->name),
	    LOG_INT("subscribers", topic->fanout_call_count),
	    LOG_INT("events", topic->fanout_event_count),
	    LOG_REAL("ms", (double)took_us / 1000));
}

static bool
cursor_is_overrun(const struct cursor *cursor)
{
	return cursor->subscription.topic->dropped_seq > cursor->seq;
}

/*
 * Nobody visits a stalled cursor, so the topic has to tell it that what it
 * waits to send has gone.
 */
static void
call_overrun(struct topic *topic)
{
	struct list		 stalled;
	struct subscription	*subscription;
	struct cursor		*cursor;

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

void
topic_publish(struct topic *topic, struct frame *frame)
{
	assert(frame->seq == 0);
	frame->seq = ++topic->hub->last_seq;
	ring_add(topic, frame);
	while (ring_is_over_limit(topic))
		ring_drop_oldest(topic);
	if (!list_is_empty(&topic->waiting)) {
		list_join(&topic->ready, &topic->waiting);
		become_busy(topic);
	}
	topic->fanout_event_count++;
	call_overrun(topic);
}

size_t
topic_run(struct list *busy_node, size_t max)
{
	struct topic		*topic;
	struct subscription	*subscription;
	struct cursor		*cursor;
	size_t			 call_count = 0;

	topic = list_entry(busy_node, struct topic, busy_node);
	while (call_count < max && !list_is_empty(&topic->ready)) {
		subscription = list_entry(topic->ready.next,
		    struct subscription, node);
		cursor = subscription->cursor;
		list_move(&topic->waiting, &subscription->node);
		cursor->call(cursor, cursor_is_overrun(cursor) ?
		    CURSOR_OVERRUN : CURSOR_READY);
		call_count++;
	}
	topic->fanout_call_count += call_count;
	if (list_is_empty(&topic->ready))
		become_idle(topic);
	else
		list_move(&topic->hub->busy, &topic->busy_node);
	return call_count;
}

void
cursor_open(struct cursor *cursor, struct topic *topic, bool from_start,
    cursor_fn *call)
{
	cursor->seq = from_start ? topic->dropped_seq : topic->hub->last_seq;
	cursor->call = call;
	cursor->subscription.topic = topic;
	cursor->subscription.cursor = cursor;
	list_init(&cursor->subscription.node);
	topic->subscriber_count++;
	cursor_stall(cursor);
}

bool
cursor_is_open(const struct cursor *cursor)
{
	return cursor->subscription.topic != NULL;
}

void
cursor_close(struct cursor *cursor)
{
	if (!cursor_is_open(cursor))
		return;
	list_remove(&cursor->subscription.node);
	cursor->subscription.topic->subscriber_count--;
	cursor->subscription.topic = NULL;
}

void
cursor_stall(struct cursor *cursor)
{
	struct topic *topic = cursor->subscription.topic;

	list_move(&topic->stalled, &cursor->subscription.node);
	if (cursor->seq < topic->stalled_seq_min)
		topic->stalled_seq_min = cursor->seq;
}

void
cursor_resume(struct cursor *cursor)
{
	struct topic *topic = cursor->subscription.topic;

	list_move(&topic->ready, &cursor->subscription.node);
	become_busy(topic);
}

size_t
cursor_peek(const struct cursor *cursor, struct frame **frames, size_t max)
{
	const struct topic	*topic = cursor->subscription.topic;
	size_t			 count = 0, index;

	index = ring_find_after(topic, cursor->seq);
	while (count < max && index < topic->frame_count)
		frames[count++] = ring_frame(topic, index++);
	return count;
}

void
cursor_advance(struct cursor *cursor, const struct frame *frame)
{
	cursor->seq = frame->seq;
}
