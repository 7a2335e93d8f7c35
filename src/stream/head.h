#ifndef STREAM_HEAD_H
#define STREAM_HEAD_H

#include <stddef.h>
#include <sys/uio.h>

#include "base/buf.h"

/* The longest padding: more than any buffer that is known. */
#define HEAD_PADDING_BYTES_MAX (128 * 1024)

/* The parts of a piece. */
#define HEAD_PARTS_MAX 16

/*
 * What a stream sends before what its topics hold: the response's head, what
 * the handler has put behind it, and padding, which is a comment for what holds
 * back the first kilobytes of a response. The padding takes no memory.
 */
struct head {
	struct buf bytes;
	size_t     comment_bytes; /* of the padding, with its line end */
};

/* Takes over the bytes. The comment has so many bytes; 0 is no comment. */
struct head *head_new(struct buf *bytes, size_t padding_bytes);
void         head_free(struct head *);

/* How many bytes it has in all. */
size_t head_bytes(const struct head *);

/*
 * The piece behind the bytes that were sent, which are not all: at most
 * PEER_WRITE_BYTES_MAX. Returns how many parts it has; they point into the
 * head.
 */
int head_piece(const struct head *, size_t sent_bytes,
    struct iovec parts[static HEAD_PARTS_MAX]);

#endif
