/*
 * Events: a frame is read back as the WHATWG HTML standard's section 9.2.6 has
 * a browser do it, and must give the event that went in.
 *
 * The first two bytes are the lengths of id and type, the third has their
 * presence and that of retry; then come id, type and data.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "pure/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define HAS_ID 1
#define HAS_TYPE 2
#define HAS_RETRY 4

/* What a browser has when it comes to the empty line. */
struct reader {
	struct buf id, type, data, retry;
	bool       has_id, has_type, has_retry;
	size_t     event_count;
};

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static void
set_field(struct buf *field, const char *value, size_t len)
{
	field->len_bytes = 0;
	buf_append(field, value, len);
}

static void
read_field(struct reader *reader, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	size_t      name_len, value_len;
	const char *value;

	require(colon != NULL);
	name_len = (size_t)(colon - line);
	value = colon + 1;
	value_len = len - name_len - 1;
	if (value_len > 0 && value[0] == ' ') {
		value++;
		value_len--;
	}
	if (name_len == 4 && memcmp(line, "data", 4) == 0) {
		buf_append(&reader->data, value, value_len);
		buf_append(&reader->data, "\n", 1);
	} else if (name_len == 2 && memcmp(line, "id", 2) == 0) {
		require(!reader->has_id);
		reader->has_id = true;
		set_field(&reader->id, value, value_len);
	} else if (name_len == 5 && memcmp(line, "event", 5) == 0) {
		require(!reader->has_type);
		reader->has_type = true;
		set_field(&reader->type, value, value_len);
	} else if (name_len == 5 && memcmp(line, "retry", 5) == 0) {
		require(!reader->has_retry);
		reader->has_retry = true;
		set_field(&reader->retry, value, value_len);
	} else {
		abort();
	}
}

static void
read_frame(struct reader *reader, const char *bytes, size_t len_bytes)
{
	const char *end = bytes + len_bytes, *line = bytes, *next;

	while (line < end) {
		next = memchr(line, '\n', (size_t)(end - line));
		require(next != NULL);
		require(memchr(line, '\r', (size_t)(next - line)) == NULL);
		if (next == line)
			reader->event_count++;
		else
			read_field(reader, line, (size_t)(next - line));
		line = next + 1;
	}
}

/* Each line end an LF, and one more at the end: as the reader collects it. */
static void
append_normalised(struct buf *out, const char *data, size_t len_bytes)
{
	for (size_t i = 0; i < len_bytes; i++) {
		if (data[i] != '\r')
			buf_append(out, data + i, 1);
		else if (i + 1 == len_bytes || data[i + 1] != '\n')
			buf_append(out, "\n", 1);
	}
	buf_append(out, "\n", 1);
}

static void
require_same(const struct buf *field, const char *bytes, size_t len_bytes)
{
	require(field->len_bytes == len_bytes);
	require(len_bytes == 0 || memcmp(field->data, bytes, len_bytes) == 0);
}

static void
check(const struct sse_event *event)
{
	struct reader reader = { 0 };
	struct buf    frame = { 0 }, data = { 0 };
	char          retry[32];

	sse_append_event(&frame, event);
	read_frame(&reader, frame.data, frame.len_bytes);
	require(reader.event_count == 1);
	append_normalised(&data, event->data, event->data_bytes);
	require_same(&reader.data, data.data, data.len_bytes);
	require(reader.has_id == (event->id != NULL));
	if (event->id != NULL)
		require_same(&reader.id, event->id, strlen(event->id));
	require(reader.has_type == (event->type != NULL));
	if (event->type != NULL)
		require_same(&reader.type, event->type, strlen(event->type));
	require(reader.has_retry == (event->retry_ms >= 0));
	if (event->retry_ms >= 0) {
		snprintf(retry, sizeof(retry), "%ld", event->retry_ms);
		require_same(&reader.retry, retry, strlen(retry));
	}
	buf_deinit(&reader.id);
	buf_deinit(&reader.type);
	buf_deinit(&reader.data);
	buf_deinit(&reader.retry);
	buf_deinit(&frame);
	buf_deinit(&data);
}

/* A comment is no event, whatever it holds. */
static void
check_comment(const char *text)
{
	struct buf frame = { 0 };

	sse_append_comment(&frame, text);
	for (size_t i = 0; i + 1 < frame.len_bytes; i++) {
		if (i == 0 || frame.data[i - 1] == '\n')
			require(frame.data[i] == ':');
		require(frame.data[i] != '\r');
	}
	/* Nor is it followed by a blank line, which would end one. */
	require(frame.len_bytes >= 2);
	require(frame.data[frame.len_bytes - 1] == '\n');
	buf_deinit(&frame);
}

/* Takes len bytes from the front, or what is there; NULL without memory. */
static char *
take(const uint8_t **data, size_t *size, size_t len)
{
	char *text;

	if (len > *size)
		len = *size;
	text = malloc(len + 1);
	if (text == NULL)
		abort();
	memcpy(text, *data, len);
	text[len] = '\0';
	*data += len;
	*size -= len;
	return text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sse_event event = { .retry_ms = -1 };
	size_t           id_bytes, type_bytes;
	char            *id, *type, *text;
	unsigned         has;

	if (size < 3)
		return 0;
	id_bytes = data[0];
	type_bytes = data[1];
	has = data[2];
	data += 3;
	size -= 3;
	id = take(&data, &size, id_bytes);
	type = take(&data, &size, type_bytes);
	if ((has & HAS_ID) != 0 && sse_is_field_value(id, strlen(id)))
		event.id = id;
	if ((has & HAS_TYPE) != 0 && sse_is_field_value(type, strlen(type)))
		event.type = type;
	if ((has & HAS_RETRY) != 0)
		event.retry_ms = (long)size * 1000;
	event.data = (const char *)data;
	event.data_bytes = size;
	check(&event);
	text = take(&data, &size, size);
	check_comment(text);
	free(id);
	free(type);
	free(text);
	return 0;
}
