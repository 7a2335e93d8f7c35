#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "edge/record.h"
#include "wire.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct record_limits limits = {
	.params_bytes_max = 4096,
	.body_bytes_max = 1000,
	.foreign_bytes_max = 2000,
};

static const char *const env[] = { "REQUEST_METHOD=GET", "SCRIPT_NAME=/clock",
	"EMPTY=", NULL };

static struct record_reader reader;
static struct buf           buf;

static int
set_up(void **state)
{
	(void)state;
	record_reader_init(&reader, &limits);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	buf_deinit(&buf);
	return 0;
}

static void
assert_reply(const unsigned char *bytes, size_t len_bytes)
{
	assert_int_equal(record_next(&reader, &buf), RECORD_EVENT_REPLY);
	assert_true(reader.reply_bytes <= sizeof(reader.reply));
	assert_int_equal(reader.reply_bytes, len_bytes);
	assert_memory_equal(reader.reply, bytes, len_bytes);
}

static void
assert_broken(void)
{
	assert_int_equal(record_next(&reader, &buf), RECORD_EVENT_BROKEN);
	assert_non_null(reader.error);
}

static void
assert_none(void)
{
	assert_int_equal(record_next(&reader, &buf), RECORD_EVENT_NONE);
}

/* The whole request is at the front, as libfcgi is to have it; takes it. */
static void
assert_request(const struct buf *expected)
{
	assert_int_equal(record_next(&reader, &buf), RECORD_EVENT_REQUEST);
	assert_int_equal(reader.request_bytes, expected->len_bytes);
	assert_memory_equal(buf.data, expected->data, expected->len_bytes);
	record_take(&reader, &buf);
}

static void
test_a_whole_request(void **state)
{
	struct buf expected = { 0 };

	(void)state;
	wire_begin(&expected, 1, RECORD_RESPONDER, 0);
	wire_record(&expected, RECORD_PARAMS, 1, "\1\1ab", 4, 0);
	wire_record(&expected, RECORD_PARAMS, 1, NULL, 0, 0);
	wire_record(&expected, RECORD_STDIN, 1, "body", 4, 0);
	wire_record(&expected, RECORD_STDIN, 1, NULL, 0, 0);
	buf_append(&buf, expected.data, expected.len_bytes);
	assert_request(&expected);
	assert_true(reader.is_active);
	assert_true(reader.is_whole);
	assert_false(reader.is_kept);
	assert_int_equal(reader.request_id, 1);
	assert_int_equal(reader.body_bytes, 4);
	assert_int_equal(buf.len_bytes, 0);
	assert_none();
	buf_deinit(&expected);
}

/* Padding is stripped: libfcgi stumbles over that of an empty record. */
static void
test_padding_is_stripped(void **state)
{
	struct buf expected = { 0 };

	(void)state;
	for (size_t padding = 0; padding <= 255; padding += 51) {
		buf.len_bytes = expected.len_bytes = 0;
		record_reader_init(&reader, &limits);
		wire_record(&buf, RECORD_BEGIN_REQUEST, 1, "\0\1\0\0\0\0\0\0",
		    8, padding);
		wire_record(&buf, RECORD_PARAMS, 1, "\1\1ab", 4, padding);
		wire_record(&buf, RECORD_PARAMS, 1, NULL, 0, padding);
		wire_record(&buf, RECORD_STDIN, 1, "body", 4, padding);
		wire_record(&buf, RECORD_STDIN, 1, NULL, 0, padding);
		wire_begin(&expected, 1, RECORD_RESPONDER, 0);
		wire_record(&expected, RECORD_PARAMS, 1, "\1\1ab", 4, 0);
		wire_record(&expected, RECORD_PARAMS, 1, NULL, 0, 0);
		wire_record(&expected, RECORD_STDIN, 1, "body", 4, 0);
		wire_record(&expected, RECORD_STDIN, 1, NULL, 0, 0);
		assert_request(&expected);
		assert_int_equal(buf.len_bytes, 0);
	}
	buf_deinit(&expected);
}

/* Each first part by itself, then the rest; then one byte at a time. */
static void
test_a_request_in_pieces(void **state)
{
	struct buf whole = { 0 }, expected = { 0 };

	(void)state;
	wire_request(&expected, 7, WIRE_KEEP_CONN, env, "");
	wire_begin(&whole, 9, RECORD_RESPONDER + 1, 0);
	wire_record(&whole, RECORD_STDIN, 9, "left out", 8, 3);
	buf_append(&whole, expected.data, expected.len_bytes);
	wire_request(&whole, 8, 0, env, "next");
	/* The padding in it is left out on the way. */
	expected.len_bytes = 0;
	record_reader_init(&reader, &limits);
	buf_append(&buf, whole.data, whole.len_bytes);
	assert_int_equal(record_next(&reader, &buf), RECORD_EVENT_REPLY);
	assert_int_equal(record_next(&reader, &buf), RECORD_EVENT_REQUEST);
	buf_append(&expected, buf.data, reader.request_bytes);

	for (size_t cut = 0; cut <= whole.len_bytes; cut++) {
		enum record_event event = RECORD_EVENT_NONE;
		size_t            reply_count = 0, fed = 0;

		buf.len_bytes = 0;
		record_reader_init(&reader, &limits);
		do {
			size_t end = fed < cut ? cut : whole.len_bytes;

			buf_append(&buf, whole.data + fed, end - fed);
			fed = end;
			while ((event = record_next(&reader, &buf)) ==
			    RECORD_EVENT_REPLY)
				reply_count++;
		} while (event == RECORD_EVENT_NONE && fed < whole.len_bytes);
		assert_int_equal(event, RECORD_EVENT_REQUEST);
		assert_int_equal(reply_count, 1);
		assert_int_equal(reader.request_id, 7);
		assert_int_equal(reader.request_bytes, expected.len_bytes);
		assert_memory_equal(buf.data, expected.data,
		    expected.len_bytes);
	}
	buf_deinit(&whole);
	buf_deinit(&expected);
}

static void
test_a_request_byte_by_byte(void **state)
{
	struct buf whole = { 0 };
	size_t     last;

	(void)state;
	wire_request(&whole, 1, 0, env, "some body");
	last = whole.len_bytes - 1;
	for (size_t i = 0; i < last; i++) {
		buf_append(&buf, whole.data + i, 1);
		assert_none();
	}
	buf_append(&buf, whole.data + last, 1);
	assert_int_equal(record_next(&reader, &buf), RECORD_EVENT_REQUEST);
	assert_int_equal(reader.body_bytes, strlen("some body"));
	buf_deinit(&whole);
}

static void
test_records_of_other_requests_are_left_out(void **state)
{
	struct buf expected = { 0 };

	(void)state;
	wire_begin(&expected, 1, RECORD_RESPONDER, 0);
	wire_record(&expected, RECORD_PARAMS, 1, NULL, 0, 0);
	wire_record(&expected, RECORD_STDIN, 1, NULL, 0, 0);

	wire_record(&buf, RECORD_STDIN, 3, "early", 5, 1);
	wire_record(&buf, RECORD_ABORT_REQUEST, 1, NULL, 0, 0);
	wire_begin(&buf, 1, RECORD_RESPONDER, 0);
	wire_record(&buf, RECORD_PARAMS, 2, "foreign", 7, 2);
	wire_record(&buf, RECORD_DATA, 1, "no filter", 9, 0);
	wire_record(&buf, RECORD_PARAMS, 1, NULL, 0, 0);
	wire_record(&buf, RECORD_STDIN, 2, NULL, 0, 0);
	wire_record(&buf, RECORD_ABORT_REQUEST, 2, NULL, 0, 0);
	wire_record(&buf, RECORD_STDOUT, 1, "of a server", 11, 0);
	wire_record(&buf, RECORD_STDIN, 1, NULL, 0, 0);
	assert_request(&expected);
	buf_deinit(&expected);
}

/* FCGI_GET_VALUES: one name of ours, wherever it stands. */
static void
test_values_are_answered(void **state)
{
	static const unsigned char mpxs[] = "\1\12\0\0\0\22\0\0"
					    "\17\1FCGI_MPXS_CONNS0";
	static const unsigned char nothing[] = "\1\12\0\0\0\0\0\0";
	static const char *const   asked[] = { "FCGI_MAX_CONNS=",
		  "FCGI_MPXS_CONNS=", "FCGI_MAX_REQS=", "FCGI_MPXS_CONNS=",
		  NULL };
	static const char *const   others[] = { "FCGI_MAX_CONNS=",
		  "FCGI_MPXS_CONN=", "FCGI_MPXS_CONNSX=", NULL };
	struct buf                 pairs = { 0 };

	(void)state;
	wire_pairs(&pairs, asked);
	wire_record(&buf, RECORD_GET_VALUES, 0, pairs.data, pairs.len_bytes, 5);
	assert_reply(mpxs, sizeof(mpxs) - 1);
	pairs.len_bytes = 0;
	wire_pairs(&pairs, others);
	wire_record(&buf, RECORD_GET_VALUES, 0, pairs.data, pairs.len_bytes, 0);
	assert_reply(nothing, sizeof(nothing) - 1);
	wire_record(&buf, RECORD_GET_VALUES, 0, NULL, 0, 0);
	assert_reply(nothing, sizeof(nothing) - 1);
	assert_none();
	assert_int_equal(buf.len_bytes, 0);
	buf_deinit(&pairs);
}

static void
test_values_that_are_cut_break_it(void **state)
{
	struct buf pairs = { 0 };

	(void)state;
	wire_pairs(&pairs,
	    (const char *const[]){ "FCGI_MPXS_CONNS=some value", NULL });
	for (size_t len = 1; len < pairs.len_bytes; len++) {
		buf.len_bytes = 0;
		record_reader_init(&reader, &limits);
		wire_record(&buf, RECORD_GET_VALUES, 0, pairs.data, len, 0);
		assert_broken();
	}
	buf_deinit(&pairs);
}

static void
test_unknown_types_are_answered(void **state)
{
	static const unsigned types[] = { 0, 1, 2, 4, 11, 12, 99, 255 };

	(void)state;
	for (size_t i = 0; i < COUNT(types); i++) {
		unsigned char reply[16] = { 1, RECORD_UNKNOWN_TYPE, 0, 0, 0, 8,
			0, 0, (unsigned char)types[i] };

		wire_record(&buf, types[i], 0, "content?", 8, 1);
		assert_reply(reply, sizeof(reply));
	}
	assert_none();
	assert_int_equal(buf.len_bytes, 0);
}

/* Management records come at any time, and do not end up in the request. */
static void
test_management_within_a_request(void **state)
{
	struct buf expected = { 0 };

	(void)state;
	wire_begin(&expected, 1, RECORD_RESPONDER, 0);
	wire_record(&expected, RECORD_PARAMS, 1, NULL, 0, 0);
	wire_record(&expected, RECORD_STDIN, 1, NULL, 0, 0);

	wire_begin(&buf, 1, RECORD_RESPONDER, 0);
	wire_record(&buf, RECORD_GET_VALUES, 0, NULL, 0, 0);
	wire_record(&buf, RECORD_PARAMS, 1, NULL, 0, 0);
	wire_record(&buf, 99, 0, NULL, 0, 0);
	wire_record(&buf, RECORD_STDIN, 1, NULL, 0, 0);
	assert_int_equal(record_next(&reader, &buf), RECORD_EVENT_REPLY);
	assert_int_equal(record_next(&reader, &buf), RECORD_EVENT_REPLY);
	assert_request(&expected);
	wire_record(&buf, RECORD_GET_VALUES, 0, NULL, 0, 0);
	assert_int_equal(record_next(&reader, &buf), RECORD_EVENT_REPLY);
	buf_deinit(&expected);
}

static void
test_the_keep_flag_is_that_of_the_last_request(void **state)
{
	static const unsigned flags[] = { 1, 0, 0xff, 0xfe, 1 };

	(void)state;
	for (size_t i = 0; i < COUNT(flags); i++) {
		wire_request(&buf, 1, flags[i], env, "");
		assert_int_equal(record_next(&reader, &buf),
		    RECORD_EVENT_REQUEST);
		assert_int_equal(reader.is_kept, flags[i] & WIRE_KEEP_CONN);
		record_take(&reader, &buf);
		record_finish(&reader);
		assert_int_equal(reader.is_kept, flags[i] & WIRE_KEEP_CONN);
	}
}

/* What came with the one request waits until it has been answered. */
static void
test_requests_that_follow_each_other(void **state)
{
	(void)state;
	for (unsigned id = 1; id <= 300; id += 13)
		wire_request(&buf, id, WIRE_KEEP_CONN, env, "body");
	for (unsigned id = 1; id <= 300; id += 13) {
		assert_int_equal(record_next(&reader, &buf),
		    RECORD_EVENT_REQUEST);
		assert_int_equal(reader.request_id, id);
		assert_int_equal(reader.body_bytes, 4);
		record_take(&reader, &buf);
		record_finish(&reader);
		assert_false(reader.is_active);
	}
	assert_none();
	assert_int_equal(buf.len_bytes, 0);
}

static void
test_a_second_begin_is_refused(void **state)
{
	unsigned char end[16];

	(void)state;
	assert_int_equal(record_put_end(end, 2, RECORD_CANT_MPX_CONN),
	    sizeof(end));
	wire_begin(&buf, 1, RECORD_RESPONDER, 0);
	wire_begin(&buf, 2, RECORD_RESPONDER, WIRE_KEEP_CONN);
	assert_reply(end, sizeof(end));
	assert_int_equal(reader.request_id, 1);
	assert_false(reader.is_kept);
	wire_record(&buf, RECORD_PARAMS, 2, "\1\1ab", 4, 0);
	wire_record(&buf, RECORD_PARAMS, 1, NULL, 0, 0);
	wire_record(&buf, RECORD_STDIN, 2, NULL, 0, 0);
	wire_record(&buf, RECORD_STDIN, 1, NULL, 0, 0);
	assert_int_equal(record_next(&reader, &buf), RECORD_EVENT_REQUEST);
	assert_int_equal(reader.request_bytes, 16 + 8 + 8);
	record_take(&reader, &buf);
	wire_begin(&buf, 2, RECORD_RESPONDER, 0);
	assert_reply(end, sizeof(end));
}

static void
test_other_roles_are_refused(void **state)
{
	static const unsigned roles[] = { 0, 2, 3, 255, 256, 257, 65535 };
	unsigned char         end[16];

	(void)state;
	record_put_end(end, 5, RECORD_UNKNOWN_ROLE);
	for (size_t i = 0; i < COUNT(roles); i++) {
		wire_begin(&buf, 5, roles[i], WIRE_KEEP_CONN);
		assert_reply(end, sizeof(end));
		assert_true(reader.is_refused);
		assert_true(reader.is_kept);
		assert_false(reader.is_active);
	}
	wire_request(&buf, 6, 0, env, "");
	assert_int_equal(record_next(&reader, &buf), RECORD_EVENT_REQUEST);
	assert_false(reader.is_refused);
}

static void
test_abort(void **state)
{
	(void)state;
	wire_begin(&buf, 1, RECORD_RESPONDER, WIRE_KEEP_CONN);
	wire_record(&buf, RECORD_ABORT_REQUEST, 1, NULL, 0, 0);
	assert_int_equal(record_next(&reader, &buf), RECORD_EVENT_ABORT);
	record_finish(&reader);
	wire_record(&buf, RECORD_ABORT_REQUEST, 1, NULL, 0, 0);
	assert_none();

	/* What the aborted request has left does not reach the next one. */
	wire_request(&buf, 1, WIRE_KEEP_CONN, env, "");
	assert_int_equal(record_next(&reader, &buf), RECORD_EVENT_REQUEST);
	assert_memory_equal(buf.data, "\1\1\0\1\0\10\0\0", 8);
	record_take(&reader, &buf);
	assert_int_equal(buf.len_bytes, 0);

	wire_record(&buf, RECORD_ABORT_REQUEST, 1, "content", 7, 0);
	assert_int_equal(record_next(&reader, &buf), RECORD_EVENT_ABORT);
}

static void
test_put_end(void **state)
{
	unsigned char end[16];

	(void)state;
	assert_int_equal(record_put_end(end, 0x1234, RECORD_OVERLOADED), 16);
	assert_memory_equal(end, "\1\3\x12\x34\0\10\0\0\0\0\0\0\2\0\0\0", 16);
}

#define RECORD_TEST(name) \
	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RECORD_TEST(test_a_whole_request),
		RECORD_TEST(test_padding_is_stripped),
		RECORD_TEST(test_a_request_in_pieces),
		RECORD_TEST(test_a_request_byte_by_byte),
		RECORD_TEST(test_records_of_other_requests_are_left_out),
		RECORD_TEST(test_values_are_answered),
		RECORD_TEST(test_values_that_are_cut_break_it),
		RECORD_TEST(test_unknown_types_are_answered),
		RECORD_TEST(test_management_within_a_request),
		RECORD_TEST(test_the_keep_flag_is_that_of_the_last_request),
		RECORD_TEST(test_requests_that_follow_each_other),
		RECORD_TEST(test_a_second_begin_is_refused),
		RECORD_TEST(test_other_roles_are_refused),
		RECORD_TEST(test_abort),
		RECORD_TEST(test_put_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
