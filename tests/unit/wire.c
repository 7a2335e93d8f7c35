#include "wire.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "edge/record.h"

#define CONTENT_BYTES_MAX 0xffff

void
wire_record(struct buf *to, unsigned type, unsigned id, const void *content,
    size_t len_bytes, size_t padding_bytes)
{
	const unsigned char head[] = { 1, (unsigned char)type,
		(unsigned char)(id >> 8), (unsigned char)id,
		(unsigned char)(len_bytes >> 8), (unsigned char)len_bytes,
		(unsigned char)padding_bytes, 0 };

	assert(len_bytes <= CONTENT_BYTES_MAX && padding_bytes <= 255);
	buf_append(to, head, sizeof(head));
	buf_append(to, content, len_bytes);
	/* Not zero, so that nobody relies on it. */
	for (size_t i = 0; i < padding_bytes; i++)
		buf_append(to, "#", 1);
}

void
wire_begin(struct buf *to, unsigned id, unsigned role, unsigned flags)
{
	const unsigned char body[8] = { (unsigned char)(role >> 8),
		(unsigned char)role, (unsigned char)flags };

	wire_record(to, RECORD_BEGIN_REQUEST, id, body, sizeof(body), 0);
}

static void
append_length(struct buf *to, size_t len_bytes)
{
	const unsigned char bytes[] = { (unsigned char)(len_bytes >> 24 | 0x80),
		(unsigned char)(len_bytes >> 16),
		(unsigned char)(len_bytes >> 8), (unsigned char)len_bytes };

	if (len_bytes < 0x80)
		buf_append(to, bytes + 3, 1);
	else
		buf_append(to, bytes, sizeof(bytes));
}

void
wire_pairs(struct buf *to, const char *const *env)
{
	const char *equals;

	for (; *env != NULL; env++) {
		equals = strchr(*env, '=');
		assert(equals != NULL);
		append_length(to, (size_t)(equals - *env));
		append_length(to, strlen(equals + 1));
		buf_append(to, *env, (size_t)(equals - *env));
		buf_append_str(to, equals + 1);
	}
}

void
wire_stream(struct buf *to, unsigned type, unsigned id, const void *bytes,
    size_t len_bytes)
{
	const char *next = bytes;
	size_t      part_bytes;

	while (len_bytes > 0) {
		part_bytes = len_bytes < CONTENT_BYTES_MAX ? len_bytes :
							     CONTENT_BYTES_MAX;
		wire_record(to, type, id, next, part_bytes, part_bytes % 8);
		next += part_bytes;
		len_bytes -= part_bytes;
	}
	wire_record(to, type, id, NULL, 0, 0);
}

void
wire_request(struct buf *to, unsigned id, unsigned flags,
    const char *const *env, const char *body)
{
	struct buf pairs = { 0 };

	wire_pairs(&pairs, env);
	wire_begin(to, id, RECORD_RESPONDER, flags);
	wire_stream(to, RECORD_PARAMS, id, pairs.data, pairs.len_bytes);
	wire_stream(to, RECORD_STDIN, id, body, strlen(body));
	buf_deinit(&pairs);
}

/* Takes one record; false when it may not come now. */
static bool
answer_take(struct wire_answer *answer, unsigned type,
    const unsigned char *content, size_t len_bytes)
{
	if (type == RECORD_STDOUT && !answer->is_out_ended) {
		buf_append(answer->out, content, len_bytes);
		answer->is_out_ended = len_bytes == 0;
		return true;
	}
	if (type == RECORD_STDERR && !answer->is_out_ended)
		return true;
	if (type != RECORD_END_REQUEST || len_bytes != 8)
		return false;
	answer->is_ended = true;
	answer->status = content[4];
	return true;
}

bool
wire_read(struct wire_answer *answer, unsigned id, const char *bytes,
    size_t len_bytes)
{
	const unsigned char *head;
	size_t               content_bytes, record_bytes;

	while (!answer->is_ended && len_bytes - answer->used_bytes >= 8) {
		head = (const unsigned char *)bytes + answer->used_bytes;
		content_bytes = (size_t)(head[4] << 8 | head[5]);
		record_bytes = 8 + content_bytes + head[6];
		if (head[0] != 1 || (unsigned)(head[2] << 8 | head[3]) != id)
			return false;
		if (record_bytes > len_bytes - answer->used_bytes)
			return true;
		if (!answer_take(answer, head[1], head + 8, content_bytes))
			return false;
		answer->used_bytes += record_bytes;
	}
	return true;
}
