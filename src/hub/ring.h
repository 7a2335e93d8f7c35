#ifndef HUB_RING_H
#define HUB_RING_H

#include <stddef.h>
#include <stdint.h>

/* An event as it goes over the wire, encoded once and shared. */
struct frame {
	uint64_t seq; /* 0 until it is published */
	unsigned ref_count;
	size_t   len_bytes;
	char     bytes[];
};

/* A copy of the bytes with one reference, which is the caller's. */
struct frame *frame_new(const char *bytes, size_t len_bytes);
void          frame_ref(struct frame *);
void          frame_unref(struct frame *);

/* Frames in the order of their sequence numbers; {0} is an empty ring. */
struct ring {
	struct frame **slots;
	size_t         slot_count; /* a power of two, or 0 */
	size_t         first;      /* the slot of the oldest */
	size_t         frame_count;
	size_t         frame_bytes;
};

/* Frees the slots and lets go of the frames. */
void ring_deinit(struct ring *);

/* Adds a frame behind the others, with a reference of its own. */
void ring_add(struct ring *, struct frame *);

/* Lets go of the oldest, which there is; returns its sequence number. */
uint64_t ring_drop_oldest(struct ring *);

/* The frame at an index below frame_count; 0 is the oldest. */
struct frame *ring_frame(const struct ring *, size_t index);

/* The index of the first frame behind seq; frame_count if there is none. */
size_t ring_find_after(const struct ring *, uint64_t seq);

#endif
