#include "hub/turns.h"

#include <assert.h>

#include "hub/topic.h"

/*
 * What one topic gets before the next has its turn. Small enough that a topic
 * with one subscriber waits about a tenth of a millisecond for each that is
 * busy with thousands.
 */
#define SLICE_COUNT 64

void
turns_init(struct turns *turns, int64_t (*now_us)(void))
{
	turns->last_seq = 0;
	list_init(&turns->busy);
	deadline_list_init(&turns->held, 0);
	turns->now_us = now_us;
}

void
turns_deinit(struct turns *turns)
{
	assert(!turns_is_busy(turns));
}

int64_t
turns_now_ms(const struct turns *turns)
{
	return turns->now_us() / 1000;
}

void
turns_set_coalesce_ms(struct turns *turns, int64_t coalesce_ms)
{
	turns->held.after_ms = coalesce_ms;
}

int64_t
turns_next_ms(const struct turns *turns)
{
	return deadline_next_ms(&turns->held);
}

bool
turns_is_busy(const struct turns *turns)
{
	return !list_is_empty(&turns->busy);
}

void
turns_run(struct turns *turns, size_t call_count_max)
{
	size_t           slice_count, call_count = 0;
	struct deadline *held;

	while (!list_is_empty(&turns->held.nodes) &&
	    (held = deadline_take_due(&turns->held, turns_now_ms(turns))) !=
		NULL)
		topic_release_held(held);
	while (turns_is_busy(turns) && call_count < call_count_max) {
		slice_count = call_count_max - call_count;
		if (slice_count > SLICE_COUNT)
			slice_count = SLICE_COUNT;
		call_count += topic_run(turns->busy.next, slice_count);
	}
}
