#ifndef BENCH_DECODER_H
#define BENCH_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Takes one response apart as it comes, split anywhere: FastCGI records or
 * HTTP/1.1 (chunked or not), then the head, then the events. Keeps no event:
 * each is told by a hash of its bytes, which is enough to see whether every
 * stream received the same, and by how its last line of data starts.
 */

enum decoder_framing { DECODER_FCGI, DECODER_HTTP };

enum decoder_phase {
	DECODER_HEAD, /* the response's head */
	DECODER_BODY,
	DECODER_CHUNK_SIZE,
	DECODER_CHUNK,
	DECODER_CHUNK_END,
	DECODER_END, /* the response ended properly */
	DECODER_ERROR
};

/* A line that may still be coming: its length, and how it starts. */
struct decoder_line {
	uint32_t len_bytes;
	char     start[32];
};

struct decoder {
	uint8_t             framing; /* enum decoder_framing */
	uint8_t             phase;   /* enum decoder_phase */
	bool                is_chunked;
	bool                has_data;    /* the event has a data line */
	uint16_t            status;      /* 0 until the head is read */
	uint8_t             record_have; /* bytes of its head */
	unsigned char       record[8];
	uint32_t            content_left; /* of the record */
	uint32_t            padding_left;
	uint32_t            chunk_left;
	uint32_t            hash;
	struct decoder_line outer; /* of head or chunk size */
	struct decoder_line event;
	struct decoder_line data; /* of the event that is told */
};

/* Called at each event that carries data, with the hash of its bytes. */
typedef void decoder_event_fn(void *arg, uint32_t hash);

void decoder_init(struct decoder *, enum decoder_framing);
void decoder_feed(struct decoder *, const char *, size_t len_bytes,
    decoder_event_fn *, void *arg);

/*
 * The two numbers at the start of the event that is told, as the publisher and
 * the floor send them: its place in their sequence and when it was sent, by the
 * monotonic clock. False when they are not there.
 */
bool decoder_update(const struct decoder *, uint64_t *seq, uint64_t *sent_us);

#endif
