#ifndef HUB_RING_H
#define HUB_RING_H

#include <stddef.h>
#include <stdint.h>

struct frame;

/* A place in a ring. */
struct ring_slot {
	uint64_t      position;
	struct frame *frame; /* NULL: it was removed */
};

/* Frames in the order of their positions; {0} is an empty ring. */
struct ring {
	struct ring_slot *slots;
	size_t            slot_count;  /* a power of two, or 0 */
	size_t            first;       /* the slot of the oldest */
	size_t            frame_count; /* removed ones included */
	size_t            removed_count;
	size_t            frame_bytes;
};

/* Frees the slots and unreferences the frames. */
void ring_deinit(struct ring *);

/* Adds a frame behind the others, with a reference of its own. */
void ring_add(struct ring *, struct frame *);

/* Drops the oldest frame, which exists; returns its position. */
uint64_t ring_drop_oldest(struct ring *);

/*
 * Drops the frame at this position, which exists. Its slot stays, empty, until
 * half of the slots are empty; the oldest slot never is.
 */
void ring_remove(struct ring *, uint64_t position);

/* The slot at an index below frame_count; 0 is the oldest. */
static inline const struct ring_slot *
ring_slot(const struct ring *ring, size_t index)
{
	return &ring->slots[(ring->first + index) & (ring->slot_count - 1)];
}

/* The index of the first frame behind a position; frame_count: none is. */
size_t ring_find_after(const struct ring *, uint64_t position);

#endif
