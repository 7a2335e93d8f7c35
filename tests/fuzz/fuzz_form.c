/*
 * Forms: what a publisher sends is what a subscriber reads. The input is the
 * body of a POST. If it is accepted, the frame that the hub keeps is read back
 * strictly (HTML standard, section 9.2.6) and gives the form's fields, which
 * are decoded here a second time; if it is not, nothing is kept.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "hub/cursor.h"
#include "hub/frame.h"

#include "../unit/answer_check.h"
#include "../unit/engine_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* A field of the form, or what was read back. */
struct field {
	struct buf bytes;
	bool       is_there;
};

struct event {
	struct field id, type, retry, data;
};

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static void
event_deinit(struct event *event)
{
	buf_deinit(&event->id.bytes);
	buf_deinit(&event->type.bytes);
	buf_deinit(&event->retry.bytes);
	buf_deinit(&event->data.bytes);
}

/* Decodes one name or value (URL standard, section 5.1). */
static struct buf
decoded(const char *text, size_t len)
{
	struct buf out = { 0 };
	char       hex[3] = "", c;

	for (size_t i = 0; i < len; i++) {
		c = text[i] == '+' ? ' ' : text[i];
		if (c == '%') {
			require(i + 2 < len);
			memcpy(hex, text + i + 1, 2);
			c = (char)strtoul(hex, NULL, 16);
			i += 2;
		}
		buf_append(&out, &c, 1);
	}
	return out;
}

/* The first field of that name. */
static struct field
form_field(const char *form, size_t len, const char *name)
{
	struct field field = { .is_there = false };
	const char  *end = form + len, *next, *equals;
	struct buf   found;
	bool         is_same;

	for (; form < end && !field.is_there; form = next + 1) {
		next = memchr(form, '&', (size_t)(end - form));
		if (next == NULL)
			next = end;
		if (next == form)
			continue;
		equals = memchr(form, '=', (size_t)(next - form));
		if (equals == NULL)
			equals = next;
		found = decoded(form, (size_t)(equals - form));
		is_same = found.len_bytes == strlen(name) &&
		    memcmp(found.data == NULL ? "" : found.data, name,
			found.len_bytes) == 0;
		buf_deinit(&found);
		if (!is_same)
			continue;
		field.is_there = true;
		if (equals < next)
			field.bytes = decoded(equals + 1,
			    (size_t)(next - equals - 1));
	}
	return field;
}

static void
read_line(struct event *event, const char *line, size_t len)
{
	static const char *const names[] = { "id: ", "event: ", "retry: ",
		"data: " };
	struct field *const      fields[] = { &event->id, &event->type,
		     &event->retry, &event->data };
	size_t                   name_len;

	for (size_t i = 0; i < 4; i++) {
		name_len = strlen(names[i]);
		if (len < name_len || memcmp(line, names[i], name_len) != 0)
			continue;
		require(!fields[i]->is_there || i == 3);
		if (fields[i]->is_there)
			buf_append(&fields[i]->bytes, "\n", 1);
		fields[i]->is_there = true;
		buf_append(&fields[i]->bytes, line + name_len, len - name_len);
		return;
	}
	abort();
}

/* One event, and nothing else. */
static void
read_frame(struct event *event, const char *bytes, size_t len_bytes)
{
	const char *end = bytes + len_bytes, *next;

	for (;; bytes = next + 1) {
		require(bytes < end);
		next = memchr(bytes, '\n', (size_t)(end - bytes));
		require(next != NULL);
		require(memchr(bytes, '\r', (size_t)(next - bytes)) == NULL);
		if (next == bytes)
			break;
		read_line(event, bytes, (size_t)(next - bytes));
	}
	require(next + 1 == end);
	require(event->id.is_there && event->data.is_there);
}

/* Each line end as an LF. */
static void
normalise(struct buf *data)
{
	size_t out = 0;

	for (size_t i = 0; i < data->len_bytes; i++) {
		if (data->data[i] == '\n' && i > 0 && data->data[i - 1] == '\r')
			continue;
		data->data[out++] = data->data[i];
	}
	data->len_bytes = out;
	for (size_t i = 0; i < out; i++)
		if (data->data[i] == '\r')
			data->data[i] = '\n';
}

static void
require_same(const struct buf *a, const struct buf *b)
{
	require(a->len_bytes == b->len_bytes);
	require(a->len_bytes == 0 ||
	    memcmp(a->data, b->data, a->len_bytes) == 0);
}

/* What was read for a field that may be empty or left out. */
static void
require_field(const struct field *read, const struct field *sent)
{
	require(read->is_there == (sent->bytes.len_bytes > 0));
	require_same(&read->bytes, &sent->bytes);
}

static void
check_event(struct event *event, const char *form, size_t len)
{
	struct event sent = {
		.id = form_field(form, len, "id"),
		.type = form_field(form, len, "type"),
		.retry = form_field(form, len, "retry"),
		.data = form_field(form, len, "data"),
	};

	if (sent.id.bytes.len_bytes > 0)
		require_same(&event->id.bytes, &sent.id.bytes);
	else
		require(event->id.bytes.len_bytes == 45);
	require_field(&event->type, &sent.type);
	require(event->retry.is_there == (sent.retry.bytes.len_bytes > 0));
	if (event->retry.is_there) {
		buf_append(&sent.retry.bytes, "", 1);
		buf_append(&event->retry.bytes, "", 1);
		require(strtol(event->retry.bytes.data, NULL, 10) ==
		    strtol(sent.retry.bytes.data, NULL, 10));
	}
	normalise(&sent.data.bytes);
	require_same(&event->data.bytes, &sent.data.bytes);
	event_deinit(&sent);
}

static void
on_call(struct cursor *cursor, enum cursor_event event)
{
	(void)cursor;
	(void)event;
}

/* The only update there is, as those see it who follow its first topic. */
static void
check_kept(const struct engine_answer *answer, const char *form, size_t len)
{
	struct field  name = form_field(form, len, "topic");
	struct event  event = { .id.is_there = false };
	struct frame *frames[2];
	struct cursor cursor;
	struct topic *topic;
	struct buf    body = { 0 };
	size_t        head_bytes;

	require(engine.hub.update_count == 1);
	buf_append(&name.bytes, "", 1);
	topic = hub_topic(&engine.hub, name.bytes.data, NULL, NULL);
	require(topic != NULL && topic_frame_count(topic) == 1);
	cursor_open(&cursor, &topic, 1, CURSOR_FROM_START, on_call, NULL);
	require(cursor_peek(&cursor, frames, 2) == 1);
	read_frame(&event, frames[0]->bytes, frames[0]->len_bytes);
	cursor_close(&cursor);
	check_event(&event, form, len);
	head_bytes = answer_head_bytes(answer->bytes, answer->len_bytes);
	buf_append(&body, answer->bytes + head_bytes,
	    answer->len_bytes - head_bytes);
	require_same(&body, &event.id.bytes);
	buf_deinit(&body);
	buf_deinit(&name.bytes);
	event_deinit(&event);
}

static void
check(const char *form, size_t len)
{
	const char *const    env[] = { "REQUEST_METHOD=POST",
		   "SCRIPT_NAME=/events", "HTTP_AUTHORIZATION=Bearer secret",
		   NULL };
	struct engine_answer answer;
	char                 value[ANSWER_VALUE_BYTES_MAX];

	answer = engine_answer(&(struct engine_request){
	    .env = (char *const *)env,
	    .body = len > 0 ? form : NULL,
	    .body_bytes = len,
	});
	require(!answer.is_stream);
	require(answer_problem(answer.bytes, answer.len_bytes, false) == NULL);
	if (answer_find_field(answer.bytes, answer.len_bytes, "Status",
		value)) {
		require(strncmp(value, "400 ", 4) == 0);
		require(engine.hub.update_count == 0);
	} else {
		check_kept(&answer, form, len);
	}
	engine_answer_free(&answer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	engine_set_up((const char *const[]){ NULL });
	check((const char *)data, size);
	engine_tear_down();
	return 0;
}
