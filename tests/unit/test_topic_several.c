/* Cursors that follow several topics, and topics that collect events. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "topic_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define COALESCE_MS 20

static struct topic *topics[3];

static void
topics_open(size_t frame_count_max)
{
	for (size_t i = 0; i < COUNT(topics); i++)
		topics[i] = topic_keeping(frame_count_max, 0);
}

static void
topics_close(void)
{
	turns_settle();
	for (size_t i = 0; i < COUNT(topics); i++) {
		assert_int_equal(topic_subscriber_count(topics[i]), 0);
		topic_free(topics[i]);
	}
}

static void
test_events_of_all_topics_in_order(void **state)
{
	struct reader all, two;

	(void)state;
	topics_open(0);
	reader_open_on(&all, 'a', topics, 3, CURSOR_FROM_NOW);
	reader_open_on(&two, 't', topics + 1, 2, CURSOR_FROM_NOW);
	turns_settle();
	for (int i = 0; i < 9; i++)
		publish(topics[i * 7 % 3], (char[]){ (char)('1' + i), '\0' });
	turns_settle();
	assert_took(&all, "123456789");
	assert_took(&two, "235689");
	publish(topics[2], "x");
	turns_settle();
	publish(topics[0], "y");
	turns_settle();
	assert_took(&all, "xy");
	assert_took(&two, "x");
	cursor_close(&all.cursor);
	cursor_close(&two.cursor);
	topics_close();
}

/* One event, published to a topic and its alternates. */
static void
test_an_event_of_several_topics_comes_once(void **state)
{
	struct reader all, last;
	struct frame *frame;

	(void)state;
	topics_open(0);
	reader_open_on(&all, 'a', topics, 3, CURSOR_FROM_NOW);
	reader_open_on(&last, 'l', topics + 2, 1, CURSOR_FROM_NOW);
	turns_settle();
	for (int i = 0; i < 5; i++) {
		frame = frame_new((char[]){ (char)('1' + i) }, 1);
		for (size_t j = 0; j < COUNT(topics); j++)
			publish_frame(topics[j], frame);
		frame_unref(frame);
		publish(topics[1], "x");
		if (i % 2 == 0)
			turns_settle();
	}
	turns_settle();
	assert_took(&all, "1x2x3x4x5x");
	assert_took(&last, "12345");
	cursor_close(&all.cursor);
	cursor_close(&last.cursor);
	topics_close();
}

static void
test_a_cursor_opens_behind_a_sequence_number(void **state)
{
	struct reader reader;
	uint64_t      seqs[9];

	(void)state;
	topics_open(2);
	for (int i = 0; i < 9; i++) {
		publish(topics[i % 3], (char[]){ (char)('1' + i), '\0' });
		seqs[i] = last_position;
	}
	/* Each keeps two: 4 to 9. What went before is passed over. */
	reader_open_on(&reader, 'r', topics, 3, CURSOR_FROM_START);
	turns_settle();
	assert_took(&reader, "456789");
	cursor_close(&reader.cursor);
	for (size_t i = 0; i < 9; i++) {
		reader_open_on(&reader, 'r', topics, 3, seqs[i]);
		turns_settle();
		assert_took(&reader, &"123456789"[i < 3 ? 3 : i + 1]);
		assert_int_equal(reader.overrun_count, 0);
		cursor_close(&reader.cursor);
	}
	reader_open_on(&reader, 'r', topics, 2, seqs[4]);
	publish(topics[2], "z");
	publish(topics[0], "a");
	turns_settle();
	assert_took(&reader, "78a");
	assert_int_equal(reader.overrun_count, 0);
	cursor_close(&reader.cursor);
	topics_close();
}

static void
test_peek_merges_as_many_as_it_may(void **state)
{
	struct frame *frames[12];
	struct reader reader;

	(void)state;
	topics_open(0);
	reader_open_on(&reader, 'r', topics, 3, CURSOR_FROM_NOW);
	for (int i = 0; i < 9; i++)
		publish(topics[i % 3], (char[]){ (char)('1' + i), '\0' });
	for (size_t max = 0; max < COUNT(frames); max++) {
		size_t count = cursor_peek(&reader.cursor, frames, max);

		assert_int_equal(count, max < 9 ? max : 9);
		for (size_t i = 0; i < count; i++)
			assert_int_equal(frames[i]->bytes[0], '1' + (int)i);
	}
	cursor_close(&reader.cursor);
	topics_close();
}

static void
test_a_stalled_cursor_waits_for_all_its_topics(void **state)
{
	struct reader reader;

	(void)state;
	topics_open(0);
	reader_open_on(&reader, 'r', topics, 3, CURSOR_FROM_NOW);
	turns_settle();
	reader_stall(&reader);
	for (size_t i = 0; i < COUNT(topics); i++)
		publish(topics[i], "x");
	turns_settle();
	assert_took(&reader, "");
	reader_resume(&reader);
	turns_settle();
	assert_took(&reader, "xxx");
	for (size_t i = 0; i < COUNT(topics); i++) {
		publish(topics[i], "y");
		turns_settle();
		assert_took(&reader, "y");
	}
	cursor_close(&reader.cursor);
	topics_close();
}

/* Once, whichever of its topics has lost what it needs. */
static void
test_overrun_on_any_of_its_topics(void **state)
{
	struct reader reader;

	(void)state;
	for (size_t i = 0; i < COUNT(topics); i++) {
		topics_open(2);
		publish(topics[i], "before");
		publish(topics[i], "before");
		publish(topics[i], "before");
		reader_open_on(&reader, 'r', topics, 3, CURSOR_FROM_NOW);
		turns_settle();
		reader_stall(&reader);
		for (size_t j = 0; j < COUNT(topics); j++)
			publish(topics[j], "x");
		publish(topics[i], "x");
		assert_int_equal(reader.overrun_count, 0);
		publish(topics[i], "x");
		assert_int_equal(reader.overrun_count, 1);
		publish(topics[i], "x");
		assert_int_equal(reader.overrun_count, 1);
		topics_close();
	}
}

/* Whichever topic has what it has not had: it can take it, so it gets it. */
static void
test_who_keeps_up_on_several_is_served_before_frames_go(void **state)
{
	struct reader reader;

	(void)state;
	for (size_t i = 0; i < COUNT(topics); i++) {
		topics_open(3);
		reader_open_on(&reader, 'r', topics, 3, CURSOR_FROM_NOW);
		for (int j = 0; j < 9; j++)
			publish(topics[i], (char[]){ (char)('1' + j), '\0' });
		turns_settle();
		assert_int_equal(reader.overrun_count, 0);
		assert_took(&reader, "123456789");
		cursor_close(&reader.cursor);
		topics_close();
	}
}

/* As after a reconnect: it has not been called once when the burst comes. */
static void
test_who_catches_up_is_served_before_frames_go(void **state)
{
	struct reader reader;

	(void)state;
	for (size_t i = 0; i < COUNT(topics); i++) {
		topics_open(3);
		publish(topics[i], "1");
		publish(topics[i], "2");
		publish(topics[i], "3");
		reader_open_on(&reader, 'r', topics, 3, CURSOR_FROM_START);
		publish(topics[i], "4");
		publish(topics[i], "5");
		turns_settle();
		assert_int_equal(reader.overrun_count, 0);
		assert_took(&reader, "12345");
		cursor_close(&reader.cursor);
		topics_close();
	}
}

static void
count_idle(void *arg)
{
	(*(size_t *)arg)++;
}

static void
test_a_topic_says_when_its_last_subscriber_has_left(void **state)
{
	size_t        idle_counts[2] = { 0, 0 };
	struct topic *both[2];
	struct reader one, other;

	(void)state;
	for (size_t i = 0; i < COUNT(both); i++)
		both[i] = topic_new(&turns, "test",
		    &(struct topic_limits){
			.frame_count_max = 10,
			.frame_bytes_max = 1000,
			.on_idle = count_idle,
			.arg = &idle_counts[i],
		    });
	reader_open_on(&one, 'o', both, 2, CURSOR_FROM_NOW);
	reader_open_on(&other, 't', both, 1, CURSOR_FROM_NOW);
	assert_int_equal(topic_subscriber_count(both[0]), 2);
	assert_int_equal(topic_subscriber_count(both[1]), 1);
	cursor_close(&one.cursor);
	assert_int_equal(idle_counts[0], 0);
	assert_int_equal(idle_counts[1], 1);
	cursor_close(&other.cursor);
	cursor_close(&other.cursor);
	assert_int_equal(idle_counts[0], 1);
	assert_int_equal(idle_counts[1], 1);
	for (size_t i = 0; i < COUNT(both); i++)
		topic_free(both[i]);
}

static struct topic *
topic_coalesced(void)
{
	turns_set_coalesce_ms(&turns, COALESCE_MS);
	return topic_new(&turns, "test",
	    &(struct topic_limits){
		.frame_count_max = 5,
		.frame_bytes_max = 1000,
		.is_coalesced = true,
	    });
}

static void
test_a_coalesced_topic_collects_events(void **state)
{
	struct topic *topic = topic_coalesced(), *plain = topic_keeping(0, 0);
	struct reader reader, at_once;

	(void)state;
	reader_open(&reader, 'r', topic);
	reader_open(&at_once, 'p', plain);
	turns_settle();
	call_count = 0;
	assert_true(turns_next_ms(&turns) == INT64_MAX);
	for (int i = 0; i < 2; i++) {
		int64_t due_ms = turns_now_ms(&turns) + COALESCE_MS;

		publish(topic, "1");
		assert_int_equal(turns_next_ms(&turns), due_ms);
		hand_us += (COALESCE_MS - 1) * 1000;
		publish(topic, "2");
		publish(plain, "x");
		turns_run(&turns, hand_ms(), 100);
		assert_calls("p");
		assert_false(turns_is_busy(&turns));
		assert_int_equal(turns_next_ms(&turns), due_ms);
		hand_us += 1000;
		turns_run(&turns, hand_ms(), 100);
		assert_calls("r");
		assert_took(&reader, "12");
		assert_true(turns_next_ms(&turns) == INT64_MAX);
	}
	cursor_close(&reader.cursor);
	cursor_close(&at_once.cursor);
	topic_free(topic);
	topic_free(plain);
}

static void
test_without_coalescing_time_nothing_is_held(void **state)
{
	struct topic *topic = topic_coalesced();
	struct reader reader;

	(void)state;
	turns_set_coalesce_ms(&turns, 0);
	reader_open(&reader, 'r', topic);
	publish(topic, "1");
	assert_true(turns_next_ms(&turns) == INT64_MAX);
	turns_settle();
	assert_took(&reader, "1");
	cursor_close(&reader.cursor);
	topic_free(topic);
}

/* More events than the ring holds leave before their time. */
static void
test_a_held_burst_loses_nothing(void **state)
{
	struct topic *topic = topic_coalesced();
	struct reader reader;

	(void)state;
	reader_open(&reader, 'r', topic);
	turns_settle();
	for (int i = 0; i < 9; i++)
		publish(topic, (char[]){ (char)('1' + i), '\0' });
	hand_us += COALESCE_MS * 1000;
	turns_settle();
	turns_run(&turns, hand_ms(), 100);
	assert_int_equal(reader.overrun_count, 0);
	assert_took(&reader, "123456789");
	cursor_close(&reader.cursor);
	topic_free(topic);
}

static void
test_a_held_topic_without_subscribers(void **state)
{
	struct topic *topic = topic_coalesced();
	struct reader reader;

	(void)state;
	publish(topic, "0");
	assert_true(turns_next_ms(&turns) == INT64_MAX);
	reader_open(&reader, 'r', topic);
	turns_settle();
	publish(topic, "1");
	cursor_close(&reader.cursor);
	hand_us += COALESCE_MS * 1000;
	turns_run(&turns, hand_ms(), 100);
	assert_false(turns_is_busy(&turns));
	publish(topic, "2");

	reader_open(&reader, 'r', topic);
	publish(topic, "3");
	cursor_close(&reader.cursor);
	topic_free(topic);
	assert_true(turns_next_ms(&turns) == INT64_MAX);
	turns_settle();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TOPIC_TEST(test_events_of_all_topics_in_order),
		TOPIC_TEST(test_an_event_of_several_topics_comes_once),
		TOPIC_TEST(test_a_cursor_opens_behind_a_sequence_number),
		TOPIC_TEST(test_peek_merges_as_many_as_it_may),
		TOPIC_TEST(test_a_stalled_cursor_waits_for_all_its_topics),
		TOPIC_TEST(test_overrun_on_any_of_its_topics),
		TOPIC_TEST(
		    test_who_keeps_up_on_several_is_served_before_frames_go),
		TOPIC_TEST(test_who_catches_up_is_served_before_frames_go),
		TOPIC_TEST(test_a_topic_says_when_its_last_subscriber_has_left),
		TOPIC_TEST(test_a_coalesced_topic_collects_events),
		TOPIC_TEST(test_without_coalescing_time_nothing_is_held),
		TOPIC_TEST(test_a_held_burst_loses_nothing),
		TOPIC_TEST(test_a_held_topic_without_subscribers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
