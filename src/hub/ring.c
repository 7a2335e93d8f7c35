#include "hub/ring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

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

struct frame *
ring_frame(const struct ring *ring, size_t index)
{
	return ring->slots[(ring->first + index) & (ring->slot_count - 1)];
}

static void
ring_grow(struct ring *ring)
{
	size_t slot_count = ring->slot_count == 0 ? 4 : ring->slot_count * 2;
	struct frame **slots = mem_alloc(slot_count * sizeof(*slots));
	size_t         i;

	for (i = 0; i < ring->frame_count; i++)
		slots[i] = ring_frame(ring, i);
	free(ring->slots);
	ring->slots = slots;
	ring->slot_count = slot_count;
	ring->first = 0;
}

uint64_t
ring_drop_oldest(struct ring *ring)
{
	struct frame *oldest = ring_frame(ring, 0);
	uint64_t      seq = oldest->seq;

	ring->frame_bytes -= oldest->len_bytes;
	ring->first = (ring->first + 1) & (ring->slot_count - 1);
	ring->frame_count--;
	frame_unref(oldest);
	return seq;
}

void
ring_add(struct ring *ring, struct frame *frame)
{
	if (ring->frame_count == ring->slot_count)
		ring_grow(ring);
	ring->slots[(ring->first + ring->frame_count) &
	    (ring->slot_count - 1)] = frame;
	ring->frame_count++;
	ring->frame_bytes += frame->len_bytes;
	frame_ref(frame);
}

size_t
ring_find_after(const struct ring *ring, uint64_t seq)
{
	size_t low = 0, high = ring->frame_count, middle;

	/* Nearly all cursors want the newest frame, or nothing. */
	if (high > 0 && ring_frame(ring, high - 1)->seq <= seq)
		return high;
	if (high > 1 && ring_frame(ring, high - 2)->seq <= seq)
		return high - 1;
	while (low < high) {
		middle = low + (high - low) / 2;
		if (ring_frame(ring, middle)->seq <= seq)
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
