#include "hub/ring.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "hub/frame.h"

static struct ring_slot *
slot_at(struct ring *ring, size_t index)
{
	return &ring->slots[(ring->first + index) & (ring->slot_count - 1)];
}

static void
ring_grow(struct ring *ring)
{
	size_t slot_count = ring->slot_count == 0 ? 4 : ring->slot_count * 2;
	struct ring_slot *slots = mem_alloc(slot_count * sizeof(*slots));

	for (size_t i = 0; i < ring->frame_count; i++)
		slots[i] = *ring_slot(ring, i);
	free(ring->slots);
	ring->slots = slots;
	ring->slot_count = slot_count;
	ring->first = 0;
}

static void
pass_oldest_slot(struct ring *ring)
{
	ring->first = (ring->first + 1) & (ring->slot_count - 1);
	ring->frame_count--;
}

static void
pass_removed(struct ring *ring)
{
	while (ring->removed_count > 0 && ring_slot(ring, 0)->frame == NULL) {
		pass_oldest_slot(ring);
		ring->removed_count--;
	}
}

uint64_t
ring_drop_oldest(struct ring *ring)
{
	struct ring_slot oldest = *ring_slot(ring, 0);

	ring->frame_bytes -= oldest.frame->len_bytes;
	pass_oldest_slot(ring);
	pass_removed(ring);
	frame_unref(oldest.frame);
	return oldest.position;
}

/* Closes the gaps that removed frames have left. */
static void
ring_compact(struct ring *ring)
{
	size_t count = 0;

	for (size_t i = 0; i < ring->frame_count; i++) {
		if (ring_slot(ring, i)->frame != NULL)
			*slot_at(ring, count++) = *ring_slot(ring, i);
	}
	ring->frame_count = count;
	ring->removed_count = 0;
}

/* Where the frame of that position is: most often it is the oldest. */
static size_t
ring_find(const struct ring *ring, uint64_t position)
{
	if (ring->frame_count > 0 && ring_slot(ring, 0)->position == position)
		return 0;
	return ring_find_after(ring, position - 1);
}

void
ring_remove(struct ring *ring, uint64_t position)
{
	size_t            index = ring_find(ring, position);
	struct ring_slot *slot = slot_at(ring, index);

	assert(index < ring->frame_count && slot->position == position &&
	    slot->frame != NULL);
	ring->frame_bytes -= slot->frame->len_bytes;
	frame_unref(slot->frame);
	slot->frame = NULL;
	ring->removed_count++;
	pass_removed(ring);
	if (ring->removed_count > ring->frame_count / 2)
		ring_compact(ring);
}

void
ring_add(struct ring *ring, struct frame *frame)
{
	if (ring->frame_count == ring->slot_count)
		ring_grow(ring);
	*slot_at(ring, ring->frame_count) = (struct ring_slot){
		.position = frame->update.position,
		.frame = frame,
	};
	ring->frame_count++;
	ring->frame_bytes += frame->len_bytes;
	frame_ref(frame);
}

size_t
ring_find_after(const struct ring *ring, uint64_t position)
{
	size_t low = 0, high = ring->frame_count, middle;

	/* Nearly all cursors want the newest frame, or nothing. */
	if (high > 0 && ring_slot(ring, high - 1)->position <= position)
		return high;
	if (high > 1 && ring_slot(ring, high - 2)->position <= position)
		return high - 1;
	while (low < high) {
		middle = low + (high - low) / 2;
		if (ring_slot(ring, middle)->position <= position)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void
ring_deinit(struct ring *ring)
{
	while (ring->frame_count > 0)
		ring_drop_oldest(ring);
	free(ring->slots);
}
