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
hub_init(struct hub *hub, int64_t (*now_us)(void))
{
	hub->last_seq = 0;
	list_init(&hub->busy);
	deadline_list_init(&hub->held, 0);
	hub->now_us = now_us;
}

void
hub_deinit(struct hub *hub)
{
	assert(!hub_is_busy(hub));
}

int64_t
hub_now_ms(const struct hub *hub)
{
	return hub->now_us() / 1000;
}

void
hub_set_coalesce_ms(struct hub *hub, int64_t coalesce_ms)
{
	hub->held.after_ms = coalesce_ms;
}

int64_t
hub_next_ms(const struct hub *hub)
{
	return deadline_next_ms(&hub->held);
}

bool
hub_is_busy(const struct hub *hub)
{
	return !list_is_empty(&hub->busy);
}

void
hub_run(struct hub *hub, size_t call_count_max)
{
	size_t           slice_count, call_count = 0;
	struct deadline *held;

	while (!list_is_empty(&hub->held.nodes) &&
	    (held = deadline_take_due(&hub->held, hub_now_ms(hub))) != NULL)
		topic_release_held(held);
	while (hub_is_busy(hub) && call_count < call_count_max) {
		slice_count = call_count_max - call_count;
		if (slice_count > SLICE_COUNT)
			slice_count = SLICE_COUNT;
		call_count += topic_run(hub->busy.next, slice_count);
	}
}
