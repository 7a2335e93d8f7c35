#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "pure/sse.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A string that may hold NUL, and its length. */
#define BYTES(text) (text), sizeof(text) - 1

static void
assert_bytes(const struct buf *buf, const char *bytes, size_t len_bytes)
{
	assert_int_equal(buf->len_bytes, len_bytes);
	assert_memory_equal(buf->data, bytes, len_bytes);
}

static void
test_data(void **state)
{
	static const struct {
		const char *data;
		size_t      data_bytes;
		const char *frame;
		size_t      frame_bytes;
	} rows[] = {
		{ BYTES(""), BYTES("data: \n\n") },
		{ BYTES("a"), BYTES("data: a\n\n") },
		{ BYTES(" a"), BYTES("data:  a\n\n") },
		{ BYTES("a "), BYTES("data: a \n\n") },
		{ BYTES(":a: b"), BYTES("data: :a: b\n\n") },
		{ BYTES("a\nb"), BYTES("data: a\ndata: b\n\n") },
		{ BYTES("a\rb"), BYTES("data: a\ndata: b\n\n") },
		{ BYTES("a\r\nb"), BYTES("data: a\ndata: b\n\n") },
		{ BYTES("a\n\rb"), BYTES("data: a\ndata: \ndata: b\n\n") },
		{ BYTES("a\n\nb"), BYTES("data: a\ndata: \ndata: b\n\n") },
		{ BYTES("a\r\rb"), BYTES("data: a\ndata: \ndata: b\n\n") },
		{ BYTES("a\r\n\r\nb"), BYTES("data: a\ndata: \ndata: b\n\n") },
		{ BYTES("a\r\r\nb"), BYTES("data: a\ndata: \ndata: b\n\n") },
		{ BYTES("a\n"), BYTES("data: a\ndata: \n\n") },
		{ BYTES("a\r"), BYTES("data: a\ndata: \n\n") },
		{ BYTES("a\r\n"), BYTES("data: a\ndata: \n\n") },
		{ BYTES("\n"), BYTES("data: \ndata: \n\n") },
		{ BYTES("\r"), BYTES("data: \ndata: \n\n") },
		{ BYTES("\na"), BYTES("data: \ndata: a\n\n") },
		{ BYTES("\r\n\r"), BYTES("data: \ndata: \ndata: \n\n") },
		{ BYTES("a\nid: 1\n\nevent: x"),
		    BYTES("data: a\ndata: id: 1\ndata: \ndata: event: x\n\n") },
		{ BYTES("\xc3\xa9\xe2\x80\xa8\xc2\x85"),
		    BYTES("data: \xc3\xa9\xe2\x80\xa8\xc2\x85\n\n") },
		{ BYTES("\xef\xbb\xbf"), BYTES("data: \xef\xbb\xbf\n\n") },
		{ BYTES("a\0b"), BYTES("data: a\0b\n\n") },
	};
	struct buf buf = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf.len_bytes = 0;
		sse_append_event(&buf,
		    &(struct sse_event){ .data = rows[i].data,
			.data_bytes = rows[i].data_bytes,
			.retry_ms = -1 });
		assert_bytes(&buf, rows[i].frame, rows[i].frame_bytes);
	}
	buf_deinit(&buf);
}

/* A frame ends where the data says, not at a CR behind it. */
static void
test_data_is_cut_at_its_length(void **state)
{
	struct buf buf = { 0 };

	(void)state;
	sse_append_event(&buf,
	    &(struct sse_event){ .data = "a\r\nb",
		.data_bytes = 2,
		.retry_ms = -1 });
	assert_bytes(&buf, BYTES("data: a\ndata: \n\n"));
	buf_deinit(&buf);
}

static void
test_fields(void **state)
{
	static const struct {
		struct sse_event event;
		const char      *frame;
	} rows[] = {
		{ { "7", NULL, "a", 1, -1 }, "id: 7\ndata: a\n\n" },
		{ { "", NULL, "a", 1, -1 }, "id: \ndata: a\n\n" },
		{ { NULL, "end", "a", 1, -1 }, "event: end\ndata: a\n\n" },
		{ { NULL, NULL, "a", 1, 0 }, "retry: 0\ndata: a\n\n" },
		{ { NULL, "connecttime", "a", 1, 10000 },
		    "retry: 10000\nevent: connecttime\ndata: a\n\n" },
		{ { "urn:uuid:x", "e", "a\nb", 3, 1 },
		    "id: urn:uuid:x\nretry: 1\nevent: e\n"
		    "data: a\ndata: b\n\n" },
		{ { "7", NULL, NULL, 0, -1 }, "id: 7\ndata: \n\n" },
	};
	struct buf buf = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf.len_bytes = 0;
		sse_append_event(&buf, &rows[i].event);
		assert_bytes(&buf, rows[i].frame, strlen(rows[i].frame));
	}
	buf_deinit(&buf);
}

static void
test_frames_follow_each_other(void **state)
{
	struct buf buf = { 0 };

	(void)state;
	sse_append_event(&buf,
	    &(struct sse_event){ .data = "a",
		.data_bytes = 1,
		.retry_ms = -1 });
	sse_append_comment(&buf, "");
	sse_append_event(&buf,
	    &(struct sse_event){ .data = "b",
		.data_bytes = 1,
		.retry_ms = -1 });
	assert_bytes(&buf, BYTES("data: a\n\n:\ndata: b\n\n"));
	buf_deinit(&buf);
}

static void
test_comment(void **state)
{
	static const char *const rows[][2] = {
		{ "", ":\n" },
		{ "hello", ": hello\n" },
		{ " hello", ":  hello\n" },
		{ "a\ndata: b", ": a\n: data: b\n" },
		{ "a\r\n\r", ": a\n: \n: \n" },
	};
	struct buf buf = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf.len_bytes = 0;
		sse_append_comment(&buf, rows[i][0]);
		assert_bytes(&buf, rows[i][1], strlen(rows[i][1]));
	}
	buf_deinit(&buf);
}

struct text {
	const char *bytes;
	size_t      len_bytes;
};

static const struct text valid_texts[] = {
	{ BYTES("") },
	{ BYTES("abc ~") },
	{ BYTES("\xc2\xa0") },
	{ BYTES("\xdf\xbf") },
	{ BYTES("\xe0\xa0\x80") },
	{ BYTES("\xed\x9f\xbf") },
	{ BYTES("\xee\x80\x80") },
	{ BYTES("\xef\xbf\xbf") },
	{ BYTES("\xf0\x90\x80\x80") },
	{ BYTES("\xf4\x8f\xbf\xbf") },
	{ BYTES("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z") },
};

static const struct text invalid_texts[] = {
	{ BYTES("\x80") },             /* a byte that continues nothing */
	{ BYTES("\xbf") },             /* the same */
	{ BYTES("\xc0\x80") },         /* NUL, overlong */
	{ BYTES("\xc1\xbf") },         /* overlong */
	{ BYTES("\xe0\x9f\xbf") },     /* overlong */
	{ BYTES("\xf0\x8f\xbf\xbf") }, /* overlong */
	{ BYTES("\xed\xa0\x80") },     /* the first surrogate */
	{ BYTES("\xed\xbf\xbf") },     /* the last surrogate */
	{ BYTES("\xf4\x90\x80\x80") }, /* above U+10FFFF */
	{ BYTES("\xf5\x80\x80\x80") }, /* above U+10FFFF */
	{ BYTES("\xf8\x88\x80\x80\x80") },
	{ BYTES("\xfe") },
	{ BYTES("\xff") },
	{ BYTES("\xc3") }, /* cut */
	{ BYTES("\xe2\x82") },
	{ BYTES("\xf0\x9f\x98") },
	{ BYTES("\xc3z") }, /* not continued */
	{ BYTES("\xe2\x82z") },
	{ BYTES("\xe2z\xac") },
	{ BYTES("\xf0\x9f\x98z") },
	{ BYTES("\xc3\xc3\xa9") },
	{ BYTES("ok\xff") },
};

/* Valid UTF-8, but not for a field. */
static const struct text control_texts[] = {
	{ BYTES("\0") },
	{ BYTES("a\0b") },
	{ BYTES("\n") },
	{ BYTES("a\rb") },
	{ BYTES("\t") },
	{ BYTES("\x1b[m") },
	{ BYTES("\x1f") },
	{ BYTES("\x7f") },
	{ BYTES("\xc2\x80") },
	{ BYTES("\xc2\x85") },
	{ BYTES("\xc2\x9f") },
};

static void
test_utf8(void **state)
{
	const struct text *text;

	(void)state;
	for (size_t i = 0; i < COUNT(valid_texts); i++) {
		text = &valid_texts[i];
		assert_true(sse_is_utf8(text->bytes, text->len_bytes));
		assert_true(sse_is_field_value(text->bytes, text->len_bytes));
	}
	for (size_t i = 0; i < COUNT(invalid_texts); i++) {
		text = &invalid_texts[i];
		assert_false(sse_is_utf8(text->bytes, text->len_bytes));
		assert_false(sse_is_field_value(text->bytes, text->len_bytes));
	}
	for (size_t i = 0; i < COUNT(control_texts); i++) {
		text = &control_texts[i];
		assert_true(sse_is_utf8(text->bytes, text->len_bytes));
		assert_false(sse_is_field_value(text->bytes, text->len_bytes));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_data_is_cut_at_its_length),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_frames_follow_each_other),
		cmocka_unit_test(test_comment),
		cmocka_unit_test(test_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
