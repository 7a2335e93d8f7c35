/*
 * Records: bytes that come in pieces mean what they mean when they come at
 * once, and what is handed over as a request is one.
 *
 * The first byte is the size of the pieces; the rest is what a web server
 * sends.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "edge/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const struct record_limits limits = {
	.params_bytes_max = 2000,
	.body_bytes_max = 500,
	.foreign_bytes_max = 1000,
};

/* A record that is not yet whole, the largest that there is. */
#define RECORD_BYTES_MAX (RECORD_HEAD_BYTES + 65535 + 255)

/* What a request may take in the buffer. */
#define REQUEST_BYTES_MAX (16 + 2000 + 2 * 500 + 65536 + 8)

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static size_t
content_bytes(const unsigned char *record)
{
	return (size_t)(record[4] << 8 | record[5]);
}

/* BEGIN, PARAMS and their end, STDIN and its end, all of one id. */
static void
check_request(const struct record_reader *reader, const struct buf *buf)
{
	const unsigned char *bytes = (const unsigned char *)buf->data, *record;
	size_t               at = 0, body_bytes = 0, params_bytes = 0;
	unsigned             type = RECORD_BEGIN_REQUEST;

	require(reader->request_bytes <= buf->len_bytes);
	require(reader->request_bytes <= REQUEST_BYTES_MAX);
	require(reader->is_active && reader->is_whole);
	while (at < reader->request_bytes) {
		record = bytes + at;
		require(reader->request_bytes - at >= RECORD_HEAD_BYTES);
		require(record[0] == 1 && record[1] == type);
		require((record[2] << 8 | record[3]) == reader->request_id);
		require(record[6] == 0);
		at += RECORD_HEAD_BYTES + content_bytes(record);
		if (type == RECORD_PARAMS)
			params_bytes += content_bytes(record);
		if (type == RECORD_STDIN)
			body_bytes += content_bytes(record);
		if (type == RECORD_BEGIN_REQUEST)
			type = RECORD_PARAMS;
		else if (content_bytes(record) == 0)
			type = type == RECORD_PARAMS ? RECORD_STDIN : 0;
	}
	require(at == reader->request_bytes && type == 0);
	require(params_bytes <= limits.params_bytes_max);
	require(body_bytes == reader->body_bytes);
	require(body_bytes <= limits.body_bytes_max);
}

static void
check_reply(const struct record_reader *reader)
{
	const unsigned char *reply = reader->reply;

	require(reader->reply_bytes >= RECORD_HEAD_BYTES);
	require(reader->reply_bytes <= RECORD_REPLY_BYTES_MAX);
	require(reader->reply_bytes ==
	    RECORD_HEAD_BYTES + content_bytes(reply) + reply[6]);
	require(reply[0] == 1);
	require(reply[1] == RECORD_END_REQUEST ||
	    reply[1] == RECORD_UNKNOWN_TYPE ||
	    reply[1] == RECORD_GET_VALUES_RESULT);
}

/* Takes the next event, and adds what it means to the story. */
static enum record_event
next(struct record_reader *reader, struct buf *buf, struct buf *story)
{
	enum record_event event = record_next(reader, buf);

	if (event != RECORD_EVENT_NONE)
		buf_printf(story, "%d %d %d;", (int)event, reader->request_id,
		    reader->is_kept);
	switch (event) {
	case RECORD_EVENT_NONE:
		require(buf->len_bytes <= REQUEST_BYTES_MAX + RECORD_BYTES_MAX);
		break;
	case RECORD_EVENT_REQUEST:
		check_request(reader, buf);
		buf_append(story, buf->data, reader->request_bytes);
		record_take(reader, buf);
		/* A request of an odd id stays active, as a stream does. */
		if (reader->request_id % 2 == 0)
			record_finish(reader);
		break;
	case RECORD_EVENT_PASSED:
		/* Nothing here is answered before its end. */
		abort();
	case RECORD_EVENT_ABORT:
		require(reader->is_active);
		record_finish(reader);
		break;
	case RECORD_EVENT_REPLY:
		check_reply(reader);
		buf_append(story, reader->reply, reader->reply_bytes);
		break;
	case RECORD_EVENT_BROKEN:
		require(reader->error != NULL);
		break;
	}
	return event;
}

/* What all the bytes mean when so many of them come at a time. */
static void
tell(const uint8_t *data, size_t size, size_t piece_bytes, struct buf *story)
{
	struct record_reader reader;
	struct buf           buf = { 0 };
	enum record_event    event = RECORD_EVENT_NONE;

	record_reader_init(&reader, &limits);
	while (size > 0 && event != RECORD_EVENT_BROKEN) {
		if (piece_bytes > size)
			piece_bytes = size;
		buf_append(&buf, data, piece_bytes);
		data += piece_bytes;
		size -= piece_bytes;
		do {
			event = next(&reader, &buf, story);
		} while (event != RECORD_EVENT_NONE &&
		    event != RECORD_EVENT_BROKEN);
	}
	buf_deinit(&buf);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = { 0 }, pieces = { 0 };

	if (size < 2)
		return 0;
	tell(data + 1, size - 1, size - 1, &whole);
	tell(data + 1, size - 1, data[0] == 0 ? 1 : data[0], &pieces);
	require(whole.len_bytes == pieces.len_bytes);
	require(whole.len_bytes == 0 ||
	    memcmp(whole.data, pieces.data, whole.len_bytes) == 0);
	buf_deinit(&whole);
	buf_deinit(&pieces);
	return 0;
}
