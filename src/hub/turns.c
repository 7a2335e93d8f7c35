#include "hub/turns.h"

#include <assert.h>

/*
 * What one topic gets before the next has its turn. Small enough that a topic
 * with one subscriber waits about a tenth of a millisecond for each that is
 * busy with thousands.
 */
#define SLICE_COUNT 64

void
turns_init(struct turns *turns, int64_t (*now_us)(void))
{
	list_init(&turns->busy);
	deadline_list_init(&turns->held, 0);
	turns->now_us = now_us;
	turns->now_ms = -1;
	turns->has_begun = false;
	turns->call_depth = 0;
}

void
turns_deinit(struct turns *turns)
{
	assert(!turns_is_busy(turns));
}

int64_t
turns_now_ms(struct turns *turns)
{
	if (!turns->has_begun)
		return turns->now_us() / 1000;
	if (turns->now_ms == -1)
		turns->now_ms = turns->now_us() / 1000;
	return turns->now_ms;
}

void
turns_begin(struct turns *turns)
{
	turns->has_begun = true;
	turns->now_ms = -1;
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
turns_run(struct turns *turns, int64_t now_ms, size_t call_count_max)
{
	size_t           slice_count, call_count = 0;
	struct deadline *held;
	struct turn     *turn;

	while ((held = deadline_take_due(&turns->held, now_ms)) != NULL) {
		turn = list_entry(held, struct turn, held);
		turn->release(turn);
	}
	while (turns_is_busy(turns) && call_count < call_count_max) {
		slice_count = call_count_max - call_count;
		if (slice_count > SLICE_COUNT)
			slice_count = SLICE_COUNT;
		turn = list_entry(turns->busy.next, struct turn, node);
		call_count += turn->run(turn, slice_count);
	}
}

void
turn_init(struct turn *turn, size_t (*run)(struct turn *, size_t max),
    void (*release)(struct turn *))
{
	list_init(&turn->node);
	deadline_init(&turn->held);
	turn->run = run;
	turn->release = release;
}

void
turns_add(struct turns *turns, struct turn *turn)
{
	if (list_is_empty(&turn->node))
		list_append(&turns->busy, &turn->node);
}

void
turns_requeue(struct turns *turns, struct turn *turn)
{
	list_move(&turns->busy, &turn->node);
}

bool
turns_hold(struct turns *turns, struct turn *turn, int64_t now_ms)
{
	if (turns->held.after_ms == 0)
		return false;
	if (!turn_is_held(turn))
		deadline_set(&turns->held, &turn->held, now_ms);
	return true;
}

bool
turn_is_held(const struct turn *turn)
{
	return !list_is_empty(&turn->held.node);
}

void
turn_unhold(struct turn *turn)
{
	deadline_clear(&turn->held);
}

void
turn_leave(struct turn *turn)
{
	list_remove(&turn->node);
}
