#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
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

static struct record_reader reader;
static struct buf           buf;
static char                 filler[0x10000];

static int
set_up(void **state)
{
	(void)state;
	memset(filler, 'x', sizeof(filler));
	buf.len_bytes = 0;
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
assert_next(enum record_event event)
{
	assert_int_equal(record_next(&reader, &buf), event);
	if (event == RECORD_EVENT_BROKEN)
		assert_non_null(reader.error);
}

/* A first part of a request, for what follows. */
static void
begin(void)
{
	set_up(NULL);
	wire_begin(&buf, 1, RECORD_RESPONDER, WIRE_KEEP_CONN);
}

static void
begin_body(void)
{
	begin();
	wire_record(&buf, RECORD_PARAMS, 1, NULL, 0, 0);
}

static void
test_params_over_the_limit(void **state)
{
	struct buf pairs = { 0 };

	(void)state;
	/* One pair whose record is as long as the limit leaves room for. */
	buf_append(&pairs, "\x80\0\0\0\x80\0", 6);
	buf_append(&pairs, "\x0f\xe0", 2);
	buf_append(&pairs, filler, 0xfe0);
	for (size_t padding = 0; padding <= 9; padding++) {
		begin();
		wire_record(&buf, RECORD_PARAMS, 1, pairs.data, pairs.len_bytes,
		    padding);
		wire_record(&buf, RECORD_PARAMS, 1, NULL, 0, 0);
		wire_record(&buf, RECORD_STDIN, 1, NULL, 0, 0);
		assert_next(8 + pairs.len_bytes + padding + 8 >
			    limits.params_bytes_max ?
			RECORD_EVENT_BROKEN :
			RECORD_EVENT_REQUEST);
	}
	buf_deinit(&pairs);
}

/* Many small records are no way around it. */
static void
test_many_params_over_the_limit(void **state)
{
	size_t record_count = 0;

	(void)state;
	begin();
	do {
		wire_record(&buf, RECORD_PARAMS, 1, "\0\0", 2, 0);
		record_count++;
	} while (record_next(&reader, &buf) == RECORD_EVENT_NONE);
	assert_int_equal(record_count, limits.params_bytes_max / 10 + 1);
}

static void
test_a_body_up_to_the_limit(void **state)
{
	(void)state;
	begin_body();
	wire_record(&buf, RECORD_STDIN, 1, filler, 400, 0);
	wire_record(&buf, RECORD_STDIN, 1, filler, 600, 0);
	wire_record(&buf, RECORD_STDIN, 1, NULL, 0, 0);
	assert_next(RECORD_EVENT_REQUEST);
	assert_false(reader.is_body_cut);
	assert_int_equal(reader.body_bytes, 1000);
	assert_int_equal(reader.request_bytes, 16 + 8 + 408 + 608 + 8);
}

/* It is read to its end, and the connection goes on. */
static void
test_a_body_over_the_limit_is_left_out(void **state)
{
	(void)state;
	begin_body();
	wire_record(&buf, RECORD_STDIN, 1, filler, 400, 0);
	wire_record(&buf, RECORD_STDIN, 1, filler, 601, 0);
	assert_next(RECORD_EVENT_NONE);
	for (int i = 0; i < 100; i++) {
		wire_record(&buf, RECORD_STDIN, 1, filler, 0xffff, 255);
		assert_next(RECORD_EVENT_NONE);
		assert_true(buf.len_bytes < 2000);
	}
	wire_record(&buf, RECORD_STDIN, 1, "small", 5, 0);
	wire_record(&buf, RECORD_STDIN, 1, NULL, 0, 0);
	wire_begin(&buf, 2, RECORD_RESPONDER, 0);
	assert_next(RECORD_EVENT_REQUEST);
	assert_true(reader.is_body_cut);
	assert_int_equal(reader.body_bytes, 400);
	assert_int_equal(reader.request_bytes, 16 + 8 + 408 + 8);
	record_take(&reader, &buf);
	record_finish(&reader);
	assert_false(reader.is_body_cut);
	assert_int_equal(buf.len_bytes, 16);
}

/* A body in records of one byte is not kept eight times over. */
static void
test_a_body_in_tiny_records(void **state)
{
	static const struct record_limits large = {
		.params_bytes_max = 100,
		.body_bytes_max = 100000,
		.foreign_bytes_max = 100,
	};

	(void)state;
	begin_body();
	reader.limits = &large;
	for (int i = 0; i < 100000; i++)
		wire_record(&buf, RECORD_STDIN, 1, filler, 1, 255);
	wire_record(&buf, RECORD_STDIN, 1, NULL, 0, 0);
	assert_next(RECORD_EVENT_REQUEST);
	assert_true(reader.is_body_cut);
	assert_true(reader.request_bytes < 5 * large.body_bytes_max);
}

static void
test_foreign_records_over_the_limit(void **state)
{
	static const struct {
		unsigned type, id;
	} rows[] = {
		{ RECORD_STDIN, 2 },
		{ RECORD_PARAMS, 2 },
		{ RECORD_ABORT_REQUEST, 2 },
		{ RECORD_DATA, 1 },
		{ 77, 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t sent_bytes = 0;

		begin();
		do {
			assert_true(buf.len_bytes <= 16);
			wire_record(&buf, rows[i].type, rows[i].id, filler, 90,
			    2);
			sent_bytes += 100;
		} while (record_next(&reader, &buf) == RECORD_EVENT_NONE);
		assert_non_null(reader.error);
		assert_in_range(sent_bytes, 2000, 2100);
	}
}

/* Nor are answers to be had without end. */
static void
test_questions_over_the_limit(void **state)
{
	static const unsigned types[] = { RECORD_GET_VALUES, 99 };
	size_t                reply_count;

	(void)state;
	for (size_t i = 0; i < COUNT(types); i++) {
		begin();
		reply_count = 0;
		do {
			wire_record(&buf, types[i], 0, NULL, 0, 0);
			reply_count++;
		} while (record_next(&reader, &buf) == RECORD_EVENT_REPLY);
		assert_in_range(reply_count, 200, 251);
	}
	begin();
	reply_count = 0;
	do {
		wire_begin(&buf, 2, RECORD_RESPONDER, 0);
		reply_count++;
	} while (record_next(&reader, &buf) == RECORD_EVENT_REPLY);
	assert_in_range(reply_count, 100, 126);
}

/* Each request has the limit for itself. */
static void
test_a_new_request_has_new_limits(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		wire_record(&buf, RECORD_STDIN, 9, filler, 1500, 0);
		wire_begin(&buf, 1, RECORD_RESPONDER, WIRE_KEEP_CONN);
		wire_record(&buf, RECORD_PARAMS, 1, NULL, 0, 0);
		wire_record(&buf, RECORD_STDIN, 1, filler, 900, 0);
		wire_record(&buf, RECORD_STDIN, 1, NULL, 0, 0);
		assert_next(RECORD_EVENT_REQUEST);
		assert_false(reader.is_body_cut);
		record_take(&reader, &buf);
		record_finish(&reader);
	}
}

/* A request with these pairs, in two records that meet at the cut. */
static enum record_event
next_of_pairs(const struct buf *pairs, size_t len_bytes, size_t cut_bytes)
{
	begin();
	wire_record(&buf, RECORD_PARAMS, 1, pairs->data, cut_bytes, 3);
	if (cut_bytes < len_bytes)
		wire_record(&buf, RECORD_PARAMS, 1, pairs->data + cut_bytes,
		    len_bytes - cut_bytes, 0);
	wire_record(&buf, RECORD_PARAMS, 1, NULL, 0, 0);
	wire_record(&buf, RECORD_STDIN, 1, NULL, 0, 0);
	return record_next(&reader, &buf);
}

/* libfcgi would take the claimed length for memory that it needs. */
static void
test_pairs_that_are_cut_break_it(void **state)
{
	static const char *const env[] = { "A=b", "EMPTY=", "=unnamed", NULL };
	struct buf               pairs = { 0 };
	size_t                   ends[5], end_count = 0;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		wire_pairs(&pairs, (const char *const[]){ env[i], NULL });
		ends[end_count++] = pairs.len_bytes;
	}
	/* Lengths of four bytes, then of four and one. */
	buf_append(&pairs, "\x80\0\0\2\x80\0\0\3abcde", 13);
	ends[end_count++] = pairs.len_bytes;
	buf_append(&pairs, "\x80\0\0\2\3abcde", 10);
	ends[end_count++] = pairs.len_bytes;

	for (size_t len = 1, next = 0; len <= pairs.len_bytes; len++) {
		bool is_whole = len == ends[next];

		next += is_whole;
		for (size_t cut = 1; cut <= len; cut++)
			assert_int_equal(next_of_pairs(&pairs, len, cut),
			    is_whole ? RECORD_EVENT_REQUEST :
				       RECORD_EVENT_BROKEN);
	}
	buf_deinit(&pairs);
}

static void
test_pairs_that_claim_too_much_break_it(void **state)
{
	static const char *const claims[] = {
		"\xff\xff\xff\xff\xff\xff\xff\xff",
		"\x80\0\0\0\xff\xff\xff\xff",
		"\xff\xff\xff\xff\0",
	};
	struct buf pairs = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(claims); i++) {
		pairs.len_bytes = 0;
		buf_append(&pairs, claims[i], i == 2 ? 5 : 8);
		buf_append(&pairs, filler, 50);
		assert_int_equal(next_of_pairs(&pairs, pairs.len_bytes,
				     pairs.len_bytes),
		    RECORD_EVENT_BROKEN);
	}
	buf_deinit(&pairs);
}

static void
test_other_versions_break_it(void **state)
{
	(void)state;
	for (int version = 0; version <= 255; version++) {
		begin();
		wire_record(&buf, RECORD_PARAMS, 1, NULL, 0, 0);
		buf.data[16] = (char)version;
		assert_next(version == 1 ? RECORD_EVENT_NONE :
					   RECORD_EVENT_BROKEN);
	}
}

static void
test_records_in_a_wrong_order_break_it(void **state)
{
	(void)state;
	begin();
	wire_record(&buf, RECORD_STDIN, 1, NULL, 0, 0);
	assert_next(RECORD_EVENT_BROKEN);
	begin_body();
	wire_record(&buf, RECORD_PARAMS, 1, "\0\0", 2, 0);
	assert_next(RECORD_EVENT_BROKEN);
	begin();
	wire_begin(&buf, 1, RECORD_RESPONDER, 0);
	assert_next(RECORD_EVENT_BROKEN);
}

static void
test_a_begin_of_a_wrong_size_breaks_it(void **state)
{
	(void)state;
	for (size_t size = 0; size < 20; size++) {
		set_up(NULL);
		wire_record(&buf, RECORD_BEGIN_REQUEST, 1,
		    "\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", size, 0);
		assert_next(size == 8 ? RECORD_EVENT_NONE :
					RECORD_EVENT_BROKEN);
	}
}

/* All but the body of a request of a kept connection. */
static void
put_head(unsigned id)
{
	wire_begin(&buf, id, RECORD_RESPONDER, WIRE_KEEP_CONN);
	wire_stream(&buf, RECORD_PARAMS, id, "\1\1ab", 4);
}

static void
test_what_is_passed_over_is_not_kept(void **state)
{
	static const char content[60000];

	(void)state;
	put_head(7);
	assert_next(RECORD_EVENT_NONE);
	assert_true(record_has_head(&reader, &buf));
	assert_int_equal(reader.head_bytes, buf.len_bytes);
	record_pass(&reader, &buf);
	assert_int_equal(buf.len_bytes, 0);
	for (int i = 0; i < 10; i++) {
		wire_record(&buf, RECORD_STDIN, 7, content, sizeof(content), 3);
		assert_next(RECORD_EVENT_NONE);
		assert_int_equal(buf.len_bytes, 0);
	}
	assert_false(record_has_head(&reader, &buf));
	wire_record(&buf, RECORD_STDIN, 7, "", 0, 0);
	assert_next(RECORD_EVENT_PASSED);
	assert_true(reader.is_kept);
	record_finish(&reader);
	put_head(8);
	wire_record(&buf, RECORD_STDIN, 8, "", 0, 0);
	assert_next(RECORD_EVENT_REQUEST);
}

/* A web server that knows of the answer may not send the rest. */
static void
test_another_request_ends_what_is_passed_over(void **state)
{
	(void)state;
	for (unsigned id = 7; id < 9; id++) {
		put_head(7);
		assert_next(RECORD_EVENT_NONE);
		record_pass(&reader, &buf);
		wire_record(&buf, RECORD_STDIN, 7, "xyz", 3, 0);
		put_head(id);
		wire_record(&buf, RECORD_STDIN, id, "", 0, 0);
		assert_next(RECORD_EVENT_REQUEST);
		assert_int_equal(reader.request_id, id);
		assert_int_equal(reader.body_bytes, 0);
		record_take(&reader, &buf);
		record_finish(&reader);
	}
	put_head(7);
	assert_next(RECORD_EVENT_NONE);
	record_pass(&reader, &buf);
	wire_record(&buf, RECORD_ABORT_REQUEST, 7, "", 0, 0);
	assert_next(RECORD_EVENT_PASSED);
}

static void
test_a_body_that_nobody_wants_is_not_kept(void **state)
{
	(void)state;
	put_head(7);
	assert_next(RECORD_EVENT_NONE);
	reader.is_body_unwanted = true;
	wire_stream(&buf, RECORD_STDIN, 7, "body", 4);
	assert_next(RECORD_EVENT_REQUEST);
	assert_int_equal(reader.body_bytes, 0);
	assert_false(reader.is_body_cut);
}

/* Lengths that claim more than there is are not for libfcgi to find. */
static void
test_a_cut_head_is_none(void **state)
{
	(void)state;
	wire_begin(&buf, 7, RECORD_RESPONDER, 0);
	assert_next(RECORD_EVENT_NONE);
	assert_false(record_has_head(&reader, &buf));
	wire_record(&buf, RECORD_PARAMS, 7,
	    "\1\x7f"
	    "ab",
	    4, 0);
	assert_next(RECORD_EVENT_NONE);
	assert_false(record_has_head(&reader, &buf));
	wire_record(&buf, RECORD_PARAMS, 7, "", 0, 0);
	assert_next(RECORD_EVENT_NONE);
	assert_false(record_has_head(&reader, &buf));
}

#define RECORD_TEST(name) \
	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RECORD_TEST(test_params_over_the_limit),
		RECORD_TEST(test_many_params_over_the_limit),
		RECORD_TEST(test_a_body_up_to_the_limit),
		RECORD_TEST(test_a_body_over_the_limit_is_left_out),
		RECORD_TEST(test_a_body_in_tiny_records),
		RECORD_TEST(test_foreign_records_over_the_limit),
		RECORD_TEST(test_questions_over_the_limit),
		RECORD_TEST(test_a_new_request_has_new_limits),
		RECORD_TEST(test_pairs_that_are_cut_break_it),
		RECORD_TEST(test_pairs_that_claim_too_much_break_it),
		RECORD_TEST(test_other_versions_break_it),
		RECORD_TEST(test_records_in_a_wrong_order_break_it),
		RECORD_TEST(test_a_begin_of_a_wrong_size_breaks_it),
		RECORD_TEST(test_what_is_passed_over_is_not_kept),
		RECORD_TEST(test_another_request_ends_what_is_passed_over),
		RECORD_TEST(test_a_body_that_nobody_wants_is_not_kept),
		RECORD_TEST(test_a_cut_head_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
