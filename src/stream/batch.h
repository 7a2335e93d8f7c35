#ifndef STREAM_BATCH_H
#define STREAM_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

struct cursor;
struct frame;

#define BATCH_FRAMES_MAX 64

/*
 * What leaves in one write: the frames behind a cursor, as many as go into
 * it, or a piece of one that is too long.
 */
struct batch {
	struct frame *frames[BATCH_FRAMES_MAX];
	struct iovec  parts[BATCH_FRAMES_MAX];
	int           count; /* 0: nothing is pending */
	size_t        len_bytes;
	size_t        cut_bytes; /* sent of the last frame; 0: all of it */
	bool          is_last;   /* nothing is behind this batch */
};

/* sent_bytes of the first frame left with the batch before. */
void batch_gather(struct batch *, struct cursor *, size_t sent_bytes);

/* Moves the cursor behind what was written; returns the frames it passed. */
unsigned batch_commit(const struct batch *, struct cursor *);

#endif
