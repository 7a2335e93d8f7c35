#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "tool/event_reader.h"

/* What was told, as text: "type|id|data;" and "#" for a comment. */
static void
on_event(void *arg, const struct event_read *event)
{
	struct buf *told = arg;

	buf_printf(told, "%s|%s|", event->type, event->id);
	buf_append(told, event->data, event->data_bytes);
	buf_append_str(told, ";");
}

static void
on_comment(void *arg)
{
	buf_append_str(arg, "#");
}

static void
on_retry(void *arg)
{
	buf_append_str(arg, "~");
}

static void
check_pieces(const char *text, size_t len_bytes, size_t piece_bytes,
    const char *expected)
{
	struct buf          told = { 0 };
	struct event_reader reader;
	size_t              at, now;

	event_reader_init(&reader,
	    &(struct event_listener){ on_event, on_comment, on_retry, &told });
	for (at = 0; at < len_bytes; at += now) {
		now = len_bytes - at < piece_bytes ? len_bytes - at :
						     piece_bytes;
		event_reader_feed(&reader, text + at, now);
	}
	buf_append(&told, "", 1);
	assert_string_equal(told.data, expected);
	event_reader_deinit(&reader);
	buf_deinit(&told);
}

/* Whatever pieces it comes in. */
static void
check(const char *text, const char *expected)
{
	for (size_t piece = 1; piece <= strlen(text) + 1; piece++)
		check_pieces(text, strlen(text), piece, expected);
}

static void
test_fields(void **state)
{
	(void)state;
	check("data: a\n\n", "||a;");
	check("id: 7\nevent: tick\ndata: a\ndata: b\n\n", "tick|7|a\nb;");
	check("data:a\ndata\ndata:  c\n\n", "||a\n\n c;");
	check("retry: 5\nother: x\ndata: a\n\n", "~||a;");
	/* The id stays, the type does not. */
	check("id: 1\nevent: e\ndata: a\n\ndata: b\n\n", "e|1|a;|1|b;");
	check("id: 1\ndata: a\n\nid\ndata: b\n\n", "|1|a;||b;");
}

static void
test_what_is_no_event(void **state)
{
	(void)state;
	check("", "");
	check("\n\n\n", "");
	check("id: 3\nevent: e\n\n", "");
	check("event: e\n\ndata: a\n\n", "||a;");
	/* Half an event at the end is none. */
	check("data: a\n\ndata: b\n", "||a;");
	check(":\n: hello\ndata: a\n:\n\n", "###||a;");
}

static void
test_line_ends(void **state)
{
	(void)state;
	check("data: a\r\ndata: b\r\rdata: c\r\n\r\n", "||a\nb;||c;");
	check("\xef\xbb\xbf"
	      "data: a\n\n",
	    "||a;");
	check("data: a\n\n\xef\xbb\xbf"
	      "data: b\n\n",
	    "||a;");
}

static void
test_nul(void **state)
{
	static const char id[] = "id: a\nid: b\0c\ndata: x\n\n";

	(void)state;
	check_pieces(id, sizeof(id) - 1, 3, "|a|x;");
}

/* A server that never ends its line, or its event, takes no more memory. */
static void
test_endless(void **state)
{
	struct buf          told = { 0 };
	struct event_reader reader;
	static char         bytes[4096];

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	event_reader_init(&reader,
	    &(struct event_listener){ on_event, on_comment, on_retry, &told });
	for (size_t i = 0; i < 1024; i++)
		event_reader_feed(&reader, bytes, sizeof(bytes));
	assert_true(reader.line.size_bytes <= 2 * EVENT_READER_LINE_BYTES_MAX);
	event_reader_feed(&reader, "\n", 1);
	memcpy(bytes, "data: ", 6);
	bytes[sizeof(bytes) - 1] = '\n';
	for (size_t i = 0; i < 1024; i++)
		event_reader_feed(&reader, bytes, sizeof(bytes));
	assert_true(reader.data.size_bytes <= 2 * EVENT_READER_DATA_BYTES_MAX);
	event_reader_feed(&reader, "\n", 1);
	assert_true(told.len_bytes > 1000);
	event_reader_deinit(&reader);
	buf_deinit(&told);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_what_is_no_event),
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_endless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
