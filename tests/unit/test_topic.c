#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "topic_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
test_frames_arrive_once_and_in_order(void **state)
{
	struct topic *topic = topic_keeping(0, 0);
	struct reader reader;

	(void)state;
	reader_open(&reader, 'a', topic);
	turns_settle();
	assert_took(&reader, "");
	publish(topic, "1");
	turns_settle();
	assert_took(&reader, "1");
	publish(topic, "2");
	publish(topic, "3");
	publish(topic, "4");
	turns_settle();
	assert_took(&reader, "234");
	turns_settle();
	assert_took(&reader, "");
	cursor_close(&reader.cursor);
	topic_free(topic);
}

static void
test_all_subscribers_share_a_frame(void **state)
{
	struct topic *topic = topic_keeping(0, 0);
	struct reader readers[3];
	struct frame *frame = frame_new("x", 1), *peeked;

	(void)state;
	for (size_t i = 0; i < COUNT(readers); i++)
		reader_open(&readers[i], (char)('a' + i), topic);
	turns_settle();
	publish_frame(topic, frame);
	for (size_t i = 0; i < COUNT(readers); i++) {
		assert_int_equal(cursor_peek(&readers[i].cursor, &peeked, 1),
		    1);
		assert_ptr_equal(peeked, frame);
	}
	frame_unref(frame);
	turns_settle();
	for (size_t i = 0; i < COUNT(readers); i++) {
		assert_took(&readers[i], "x");
		cursor_close(&readers[i].cursor);
	}
	topic_free(topic);
}

static void
test_a_cursor_opens_behind_the_newest(void **state)
{
	struct topic *topic = topic_keeping(0, 0);
	struct reader reader;

	(void)state;
	publish(topic, "1");
	publish(topic, "2");
	reader_open(&reader, 'a', topic);
	publish(topic, "3");
	turns_settle();
	assert_took(&reader, "3");
	cursor_close(&reader.cursor);
	topic_free(topic);
}

static void
test_a_cursor_opens_before_the_oldest_that_is_kept(void **state)
{
	struct topic *topic = topic_keeping(3, 0);
	struct reader early, late;

	(void)state;
	reader_open_from_start(&early, 'e', topic);
	publish(topic, "1");
	publish(topic, "2");
	turns_settle();
	assert_took(&early, "12");
	publish(topic, "3");
	publish(topic, "4");
	publish(topic, "5");
	reader_open_from_start(&late, 'l', topic);
	turns_settle();
	assert_took(&late, "345");
	assert_int_equal(late.overrun_count, 0);
	cursor_close(&early.cursor);
	cursor_close(&late.cursor);
	topic_free(topic);
}

static void
test_peek_leaves_the_position_alone(void **state)
{
	struct topic *topic = topic_keeping(0, 0);
	struct reader reader;
	struct frame *frames[8];

	(void)state;
	reader_open(&reader, 'a', topic);
	for (int i = 0; i < 5; i++)
		publish(topic, (char[]){ (char)('1' + i), '\0' });
	assert_int_equal(cursor_peek(&reader.cursor, frames, 0), 0);
	assert_int_equal(cursor_peek(&reader.cursor, frames, 2), 2);
	assert_memory_equal(frames[0]->bytes, "1", 1);
	assert_memory_equal(frames[1]->bytes, "2", 1);
	assert_int_equal(cursor_peek(&reader.cursor, frames, 8), 5);
	assert_memory_equal(frames[0]->bytes, "1", 1);
	assert_memory_equal(frames[4]->bytes, "5", 1);

	cursor_advance(&reader.cursor, frames[2]);
	assert_int_equal(cursor_peek(&reader.cursor, frames, 8), 2);
	assert_memory_equal(frames[0]->bytes, "4", 1);
	cursor_advance(&reader.cursor, frames[1]);
	assert_int_equal(cursor_peek(&reader.cursor, frames, 8), 0);
	turns_settle();
	cursor_close(&reader.cursor);
	topic_free(topic);
}

/* What a newcomer is given is what the ring has kept. */
static void
assert_keeps(struct topic *topic, const char *text)
{
	struct reader reader;

	reader_open_from_start(&reader, 'k', topic);
	turns_settle();
	assert_took(&reader, text);
	cursor_close(&reader.cursor);
}

static void
test_the_ring_keeps_so_many_frames(void **state)
{
	struct topic *topic = topic_keeping(3, 0);

	(void)state;
	assert_keeps(topic, "");
	publish(topic, "1");
	publish(topic, "2");
	publish(topic, "3");
	assert_keeps(topic, "123");
	publish(topic, "4");
	assert_keeps(topic, "234");
	publish(topic, "5");
	assert_keeps(topic, "345");
	topic_free(topic);
}

static void
test_the_ring_keeps_so_many_bytes(void **state)
{
	struct topic *topic = topic_keeping(0, 10);

	(void)state;
	publish(topic, "1234");
	publish(topic, "abcdef");
	assert_keeps(topic, "1234abcdef");
	publish(topic, "g");
	assert_keeps(topic, "abcdefg");
	publish(topic, "h");
	publish(topic, "ij");
	assert_keeps(topic, "abcdefghij");
	publish(topic, "0123456789");
	assert_keeps(topic, "0123456789");
	topic_free(topic);
}

static void
test_the_newest_frame_stays_whatever_its_size(void **state)
{
	struct topic *topic = topic_keeping(0, 4);

	(void)state;
	publish(topic, "12");
	publish(topic, "longer than all may be");
	assert_keeps(topic, "longer than all may be");
	publish(topic, "12");
	assert_keeps(topic, "12");
	topic_free(topic);
}

/* Through each place where the ring may begin and end, and as it grows. */
static void
test_positions_are_found_wherever_the_ring_begins(void **state)
{
	struct topic *topic;
	struct frame *frames[40];
	struct reader reader;

	(void)state;
	for (size_t kept_count = 1; kept_count <= 9; kept_count++) {
		topic = topic_keeping(kept_count, 0);
		for (size_t round = 0; round < 40; round++) {
			size_t have = round < kept_count ? round : kept_count;

			reader_open_from_start(&reader, 'r', topic);
			for (size_t left = have; left > 0; left--) {
				assert_int_equal(cursor_peek(&reader.cursor,
						     frames, 40),
				    left);
				cursor_advance(&reader.cursor, frames[0]);
			}
			assert_int_equal(cursor_peek(&reader.cursor, frames,
					     40),
			    0);
			cursor_close(&reader.cursor);
			publish(topic, "x");
		}
		turns_settle();
		topic_free(topic);
	}
}

static void
test_a_frame_lives_as_long_as_it_is_referenced(void **state)
{
	struct topic *topic = topic_keeping(1, 0);
	struct frame *frame = frame_new("kept", 4);

	(void)state;
	publish_frame(topic, frame);
	publish(topic, "next");
	topic_free(topic);
	assert_int_equal(frame->ref_count, 1);
	assert_memory_equal(frame->bytes, "kept", 4);
	frame_ref(frame);
	frame_unref(frame);
	frame_unref(frame);
}

static void
test_a_topic_numbers_frames_without_a_position(void **state)
{
	struct topic *topics[2] = { topic_keeping(0, 0), topic_keeping(0, 0) };
	struct frame *frame;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		frame = frame_new("", 0);
		topic_publish(topics[i % 2], frame, hand_ms());
		assert_int_equal(frame->update.position, i / 2 + 1);
		assert_int_equal(topic_newest_position(topics[i % 2]),
		    i / 2 + 1);
		frame_unref(frame);
	}
	topic_free(topics[0]);
	topic_free(topics[1]);
}

static void
test_a_stalled_cursor_is_not_called(void **state)
{
	struct topic *topic = topic_keeping(0, 0);
	struct reader reader;

	(void)state;
	reader_open(&reader, 'a', topic);
	reader_stall(&reader);
	publish(topic, "1");
	turns_settle();
	publish(topic, "2");
	turns_settle();
	assert_calls("");
	reader_resume(&reader);
	turns_settle();
	assert_calls("a");
	assert_took(&reader, "12");
	publish(topic, "3");
	turns_settle();
	assert_took(&reader, "3");
	cursor_close(&reader.cursor);
	topic_free(topic);
}

static void
test_a_new_cursor_is_stalled(void **state)
{
	struct topic *topic = topic_keeping(0, 0);
	struct reader reader;

	(void)state;
	reader_open(&reader, 'a', topic);
	cursor_close(&reader.cursor);
	cursor_open(&reader.cursor, &topic, 1, CURSOR_FROM_NOW,
	    reader.cursor.call, NULL);
	publish(topic, "1");
	turns_settle();
	assert_calls("");
	reader_resume(&reader);
	turns_settle();
	assert_took(&reader, "1");
	cursor_close(&reader.cursor);
	topic_free(topic);
}

static void
test_resume_calls_also_when_nothing_is_pending(void **state)
{
	struct topic *topic = topic_keeping(0, 0);
	struct reader reader;

	(void)state;
	reader_open(&reader, 'a', topic);
	turns_settle();
	assert_calls("a");
	reader_resume(&reader);
	reader_resume(&reader);
	turns_settle();
	assert_calls("a");
	assert_took(&reader, "");
	cursor_close(&reader.cursor);
	topic_free(topic);
}

static void
test_overrun_reaches_a_stalled_cursor_at_publish(void **state)
{
	struct topic *topic = topic_keeping(2, 0);
	struct reader slow, slower;

	(void)state;
	reader_open(&slower, 'o', topic);
	reader_stall(&slower);
	publish(topic, "1");
	reader_open(&slow, 's', topic);
	reader_stall(&slow);
	publish(topic, "2");
	assert_calls("");
	publish(topic, "3");
	assert_calls("o");
	assert_int_equal(slower.overrun_count, 1);
	publish(topic, "4");
	assert_calls("s");
	assert_int_equal(slow.overrun_count, 1);
	publish(topic, "5");
	assert_calls("");
	assert_int_equal(topic_subscriber_count(topic), 0);
	topic_free(topic);
}

/* A burst between two turns of the loop is no reason to lose a subscriber. */
static void
test_who_keeps_up_is_served_before_frames_go(void **state)
{
	struct topic *topic = topic_keeping(2, 0);
	struct reader first, last, stalled;

	(void)state;
	reader_open(&first, 'f', topic);
	reader_open(&last, 'l', topic);
	reader_open(&stalled, 's', topic);
	turns_settle();
	reader_stall(&stalled);
	assert_calls("fls");
	publish(topic, "1");
	turns_run(&turns, hand_ms(), 1);
	assert_calls("f");
	publish(topic, "2");
	assert_calls("");
	stalled.is_full = false;
	for (int i = 3; i < 9; i++)
		publish(topic, (char[]){ (char)('0' + i), '\0' });
	turns_settle();
	assert_took(&first, "12345678");
	assert_took(&last, "12345678");
	assert_took(&stalled, "12345678");
	cursor_close(&first.cursor);
	cursor_close(&last.cursor);
	cursor_close(&stalled.cursor);
	topic_free(topic);
}

/* One frame more would be too many; so many it may be behind. */
static void
test_a_cursor_may_be_as_far_behind_as_the_ring_is_long(void **state)
{
	struct topic *topic = topic_keeping(3, 0);
	struct reader reader;

	(void)state;
	publish(topic, "0");
	reader_open(&reader, 'a', topic);
	reader_stall(&reader);
	publish(topic, "1");
	publish(topic, "2");
	publish(topic, "3");
	reader_resume(&reader);
	turns_settle();
	assert_took(&reader, "123");
	assert_int_equal(reader.overrun_count, 0);
	cursor_close(&reader.cursor);
	topic_free(topic);
}

static void
test_drop(void **state)
{
	struct topic *topic = topic_keeping(0, 0);
	struct reader reader, stalled;
	uint64_t      seq;

	(void)state;
	reader_open(&reader, 'r', topic);
	reader_open(&stalled, 's', topic);
	turns_settle();
	reader_stall(&stalled);
	topic_drop(topic, last_position);
	publish(topic, "1");
	publish(topic, "2");
	seq = last_position;
	publish(topic, "3");
	assert_int_equal(topic_frame_count(topic), 3);
	assert_int_equal(topic_dropped(topic)->position, 0);
	topic_drop(topic, seq);
	assert_int_equal(topic_frame_count(topic), 1);
	assert_int_equal(topic_dropped(topic)->position, seq);
	assert_int_equal(stalled.overrun_count, 1);
	topic_drop(topic, seq);
	assert_keeps(topic, "3");
	topic_drop(topic, UINT64_MAX);
	assert_int_equal(topic_frame_count(topic), 0);
	assert_keeps(topic, "");
	turns_settle();
	assert_took(&reader, "123");
	publish(topic, "4");
	turns_settle();
	assert_took(&reader, "4");
	cursor_close(&reader.cursor);
	topic_free(topic);
}

static void
test_subscribers_are_counted(void **state)
{
	struct topic *topic = topic_keeping(0, 0);
	struct reader readers[2];

	(void)state;
	assert_string_equal(topic_name(topic), "test");
	assert_int_equal(topic_subscriber_count(topic), 0);
	reader_open(&readers[0], 'a', topic);
	reader_open(&readers[1], 'b', topic);
	assert_int_equal(topic_subscriber_count(topic), 2);
	assert_true(cursor_is_open(&readers[0].cursor));
	cursor_close(&readers[0].cursor);
	assert_false(cursor_is_open(&readers[0].cursor));
	assert_int_equal(topic_subscriber_count(topic), 1);
	cursor_close(&readers[0].cursor);
	assert_int_equal(topic_subscriber_count(topic), 1);
	cursor_close(&readers[1].cursor);
	assert_int_equal(topic_subscriber_count(topic), 0);
	turns_settle();
	assert_calls("");
	topic_free(topic);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TOPIC_TEST(test_frames_arrive_once_and_in_order),
		TOPIC_TEST(test_all_subscribers_share_a_frame),
		TOPIC_TEST(test_a_cursor_opens_behind_the_newest),
		TOPIC_TEST(test_a_cursor_opens_before_the_oldest_that_is_kept),
		TOPIC_TEST(test_peek_leaves_the_position_alone),
		TOPIC_TEST(test_the_ring_keeps_so_many_frames),
		TOPIC_TEST(test_the_ring_keeps_so_many_bytes),
		TOPIC_TEST(test_the_newest_frame_stays_whatever_its_size),
		TOPIC_TEST(test_positions_are_found_wherever_the_ring_begins),
		TOPIC_TEST(test_a_frame_lives_as_long_as_it_is_referenced),
		TOPIC_TEST(test_a_topic_numbers_frames_without_a_position),
		TOPIC_TEST(test_a_stalled_cursor_is_not_called),
		TOPIC_TEST(test_a_new_cursor_is_stalled),
		TOPIC_TEST(test_resume_calls_also_when_nothing_is_pending),
		TOPIC_TEST(test_overrun_reaches_a_stalled_cursor_at_publish),
		TOPIC_TEST(test_who_keeps_up_is_served_before_frames_go),
		TOPIC_TEST(
		    test_a_cursor_may_be_as_far_behind_as_the_ring_is_long),
		TOPIC_TEST(test_drop),
		TOPIC_TEST(test_subscribers_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
