#include "hub/cursor.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "hub/frame.h"

/* Its subscription in one of its topics. */
static struct subscription *
subscription_in(struct cursor *cursor, size_t i)
{
	return cursor->subscriber.topic_count == 1 ? &cursor->in.only :
						     &cursor->in.many[i];
}

static const struct subscription *
subscription_of(const struct cursor *cursor, size_t i)
{
	return cursor->subscriber.topic_count == 1 ? &cursor->in.only :
						     &cursor->in.many[i];
}

static bool
is_overrun(const struct cursor *cursor)
{
	for (size_t i = 0; i < cursor->subscriber.topic_count; i++) {
		if (topic_has_overrun(subscription_of(cursor, i)))
			return true;
	}
	return false;
}

/* A topic has something for the cursor. */
static void
on_visit(struct subscriber *subscriber)
{
	struct cursor *cursor = list_entry(subscriber, struct cursor,
	    subscriber);

	cursor->call(cursor,
	    is_overrun(cursor) ? CURSOR_OVERRUN : CURSOR_READY);
}

static bool
wants(const struct subscriber *subscriber, const struct update *update)
{
	const struct cursor *cursor = (const void *)((const char *)subscriber -
	    offsetof(struct cursor, subscriber));

	return cursor->accepts == NULL || cursor->accepts(cursor, update);
}

static const struct subscriber_ops ops = { .visit = on_visit, .wants = wants };

/* Behind all that the topics have published by now. */
static uint64_t
position_now(struct topic *const *topics, size_t topic_count)
{
	uint64_t position = 0;

	for (size_t i = 0; i < topic_count; i++) {
		if (topic_newest_position(topics[i]) > position)
			position = topic_newest_position(topics[i]);
	}
	return position;
}

void
cursor_open(struct cursor *cursor, struct topic *const *topics,
    size_t topic_count, uint64_t position, cursor_fn *call,
    cursor_filter *accepts)
{
	assert(topic_count >= 1 && topic_count <= CURSOR_TOPICS_MAX);
	cursor->subscriber.position = position == CURSOR_FROM_NOW ?
	    position_now(topics, topic_count) :
	    position;
	cursor->subscriber.ops = &ops;
	cursor->subscriber.topic_count = (uint32_t)topic_count;
	cursor->call = call;
	cursor->accepts = accepts;
	cursor->accepted_position = 0;
	if (topic_count > 1)
		cursor->in.many = mem_alloc(topic_count *
		    sizeof(*cursor->in.many));
	for (size_t i = 0; i < topic_count; i++)
		topic_join(topics[i], subscription_in(cursor, i),
		    &cursor->subscriber);
	cursor_stall(cursor);
}

bool
cursor_is_open(const struct cursor *cursor)
{
	return cursor->subscriber.topic_count > 0;
}

void
cursor_close(struct cursor *cursor)
{
	for (size_t i = 0; i < cursor->subscriber.topic_count; i++)
		topic_leave(subscription_in(cursor, i));
	if (cursor->subscriber.topic_count > 1)
		free(cursor->in.many);
	cursor->subscriber.topic_count = 0;
}

uint64_t
cursor_position(const struct cursor *cursor)
{
	return cursor->subscriber.position;
}

static bool
is_behind(const struct cursor *cursor, size_t i)
{
	return topic_newest_position(subscription_of(cursor, i)->topic) >
	    cursor->subscriber.position;
}

bool
cursor_is_behind(const struct cursor *cursor)
{
	for (size_t i = 0; i < cursor->subscriber.topic_count; i++) {
		if (is_behind(cursor, i))
			return true;
	}
	return false;
}

void
cursor_stall(struct cursor *cursor)
{
	cursor->subscriber.is_due = false;
	for (size_t i = 0; i < cursor->subscriber.topic_count; i++)
		topic_stall(subscription_in(cursor, i));
}

/* One visit is enough for all topics, wherever there is nothing pending. */
void
cursor_resume(struct cursor *cursor)
{
	cursor->subscriber.is_due = true;
	for (size_t i = 0; i < cursor->subscriber.topic_count; i++)
		topic_resume(subscription_in(cursor, i),
		    i == 0 || is_behind(cursor, i));
}

/* Where one of several topics has what is next. */
struct source {
	const struct ring *ring;
	size_t             at;
};

/* Goes on to a frame that was not removed; false: there is none. */
static bool
source_has_frame(struct source *source)
{
	while (source->at < source->ring->frame_count &&
	    ring_slot(source->ring, source->at)->frame == NULL)
		source->at++;
	return source->at < source->ring->frame_count;
}

/* The topics that have frames behind the position; returns how many. */
static size_t
find_sources(const struct cursor *cursor, struct source *sources)
{
	struct source source;
	size_t        count = 0;

	for (size_t i = 0; i < cursor->subscriber.topic_count; i++) {
		if (!is_behind(cursor, i))
			continue;
		source.ring = topic_ring(subscription_of(cursor, i)->topic);
		source.at = ring_find_after(source.ring,
		    cursor->subscriber.position);
		if (source_has_frame(&source))
			sources[count++] = source;
	}
	return count;
}

/* Takes the next frame of all sources; one in several of them counts once. */
static struct frame *
next_of(struct source *sources, size_t *source_count)
{
	const struct ring_slot *slot, *next = NULL;
	size_t                  i;

	for (i = 0; i < *source_count; i++) {
		slot = ring_slot(sources[i].ring, sources[i].at);
		if (next == NULL || slot->position < next->position)
			next = slot;
	}
	if (next == NULL)
		return NULL;
	for (i = 0; i < *source_count;) {
		slot = ring_slot(sources[i].ring, sources[i].at);
		if (slot->position == next->position) {
			sources[i].at++;
			if (!source_has_frame(&sources[i])) {
				sources[i] = sources[--*source_count];
				continue;
			}
		}
		i++;
	}
	return next->frame;
}

/* A filter does not let the frame through: it counts as taken. */
static void
pass_over(struct cursor *cursor, const struct frame *frame, size_t count)
{
	if (count == 0)
		cursor->subscriber.position = frame->update.position;
	else
		cursor->passed_position = frame->update.position;
}

/* Adds the frame to what cursor_peek returns; returns how many there are. */
static size_t
take(struct cursor *cursor, struct frame **frames, size_t count,
    struct frame *frame)
{
	if (cursor->accepts != NULL) {
		if (!cursor->accepts(cursor, &frame->update)) {
			pass_over(cursor, frame, count);
			return count;
		}
		cursor->accepted_position = frame->update.position;
		cursor->passed_position = frame->update.position;
	}
	frames[count] = frame;
	return count + 1;
}

/* The frames of several topics in order, each once. */
static size_t
peek_merged(struct cursor *cursor, struct frame **frames, size_t max)
{
	struct source sources[CURSOR_TOPICS_MAX];
	struct frame *frame;
	size_t        count = 0, source_count = find_sources(cursor, sources);

	while (count < max && (frame = next_of(sources, &source_count)) != NULL)
		count = take(cursor, frames, count, frame);
	return count;
}

size_t
cursor_peek(struct cursor *cursor, struct frame **frames, size_t max)
{
	const struct ring *ring;
	struct frame      *frame;
	size_t             count = 0, index;

	if (cursor->subscriber.topic_count > 1)
		return peek_merged(cursor, frames, max);
	ring = topic_ring(cursor->in.only.topic);
	index = ring_find_after(ring, cursor->subscriber.position);
	while (count < max && index < ring->frame_count) {
		frame = ring_slot(ring, index++)->frame;
		if (frame != NULL)
			count = take(cursor, frames, count, frame);
	}
	return count;
}

void
cursor_advance(struct cursor *cursor, const struct frame *frame)
{
	cursor->subscriber.position = cursor->accepts != NULL &&
		frame->update.position == cursor->accepted_position ?
	    cursor->passed_position :
	    frame->update.position;
}
