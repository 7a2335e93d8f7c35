#include "stream/batch.h"

#include "hub/cursor.h"
#include "hub/frame.h"
#include "stream/peer.h"

static void
batch_add(struct batch *batch, struct frame *frame, size_t from_bytes,
    size_t len_bytes)
{
	batch->parts[batch->count].iov_base = frame->bytes + from_bytes;
	batch->parts[batch->count].iov_len = len_bytes;
	batch->count++;
	batch->len_bytes += len_bytes;
}

void
batch_gather(struct batch *batch, struct cursor *cursor, size_t sent_bytes)
{
	size_t frame_count, i, len_bytes;

	frame_count = cursor_peek(cursor, batch->frames, BATCH_FRAMES_MAX);
	batch->count = 0;
	batch->len_bytes = 0;
	batch->cut_bytes = 0;
	batch->is_last = frame_count < BATCH_FRAMES_MAX;
	for (i = 0; i < frame_count; i++) {
		len_bytes = batch->frames[i]->len_bytes - sent_bytes;
		if (batch->len_bytes + len_bytes > PEER_WRITE_BYTES_MAX) {
			batch->is_last = false;
			if (i > 0)
				return;
			batch->cut_bytes = sent_bytes + PEER_WRITE_BYTES_MAX;
			batch_add(batch, batch->frames[i], sent_bytes,
			    PEER_WRITE_BYTES_MAX);
			return;
		}
		batch_add(batch, batch->frames[i], sent_bytes, len_bytes);
		sent_bytes = 0;
	}
}

unsigned
batch_commit(const struct batch *batch, struct cursor *cursor)
{
	int whole_count = batch->count - (batch->cut_bytes > 0);

	if (whole_count > 0)
		cursor_advance(cursor, batch->frames[whole_count - 1]);
	return (unsigned)whole_count;
}
