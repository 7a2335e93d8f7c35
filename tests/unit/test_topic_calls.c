#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "topic_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
close_both(struct reader *reader)
{
	cursor_close(&reader->cursor);
	if (reader->other != NULL)
		cursor_close(&reader->other->cursor);
}

static void
test_close_within_a_call(void **state)
{
	struct topic *topic = topic_keeping(0, 0);
	struct reader readers[3];

	(void)state;
	for (size_t i = 0; i < COUNT(readers); i++) {
		reader_open(&readers[i], (char)('a' + i), topic);
		readers[i].then = close_both;
	}
	publish(topic, "1");
	turns_settle();
	assert_calls("abc");
	assert_int_equal(topic_subscriber_count(topic), 0);
	publish(topic, "2");
	assert_false(turns_is_busy(&turns));
	topic_free(topic);
}

/* Who comes next in the turn, who was before, and who is last. */
static void
test_close_of_another_within_a_call(void **state)
{
	static const struct {
		size_t      closer, closed;
		const char *calls;
	} rows[] = {
		{ 0, 1, "ac" },
		{ 0, 2, "ab" },
		{ 1, 0, "abc" },
		{ 1, 2, "ab" },
		{ 2, 1, "abc" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct topic *topic = topic_keeping(0, 0);
		struct reader readers[3];

		for (size_t j = 0; j < COUNT(readers); j++)
			reader_open(&readers[j], (char)('a' + j), topic);
		readers[rows[i].closer].then = close_both;
		readers[rows[i].closer].other = &readers[rows[i].closed];
		turns_settle();
		assert_calls(rows[i].calls);
		assert_int_equal(topic_subscriber_count(topic), 1);
		for (size_t j = 0; j < COUNT(readers); j++)
			cursor_close(&readers[j].cursor);
		topic_free(topic);
	}
}

/* An owner that ends others when it learns that it was overrun. */
static struct reader *overrun_readers;

static void
close_all_at_overrun(struct cursor *cursor, enum cursor_event event)
{
	if (event == CURSOR_READY) {
		cursor_stall(cursor);
		return;
	}
	call_count++;
	for (size_t i = 0; i < 3; i++)
		cursor_close(&overrun_readers[i].cursor);
}

static void
test_close_of_others_as_they_are_overrun(void **state)
{
	struct topic *topic = topic_keeping(1, 0);
	struct reader readers[3] = { 0 };

	(void)state;
	overrun_readers = readers;
	for (size_t i = 0; i < COUNT(readers); i++)
		cursor_open(&readers[i].cursor, &topic, 1, CURSOR_FROM_NOW,
		    close_all_at_overrun, NULL);
	publish(topic, "1");
	publish(topic, "2");
	assert_int_equal(call_count, 1);
	call_count = 0;
	assert_int_equal(topic_subscriber_count(topic), 0);
	topic_free(topic);
}

static void
publish_once(struct reader *reader)
{
	reader->then = NULL;
	publish(reader->topic, "2");
}

static void
test_publish_within_a_call(void **state)
{
	struct topic *topic = topic_keeping(0, 0);
	struct reader readers[3];

	(void)state;
	for (size_t i = 0; i < COUNT(readers); i++)
		reader_open(&readers[i], (char)('a' + i), topic);
	turns_settle();
	assert_calls("abc");
	readers[1].then = publish_once;
	publish(topic, "1");
	turns_settle();
	for (size_t i = 0; i < COUNT(readers); i++) {
		assert_took(&readers[i], "12");
		cursor_close(&readers[i].cursor);
	}
	topic_free(topic);
}

/* What the one publishes overruns the other, within the call of the one. */
static void
test_publish_within_a_call_overruns_another(void **state)
{
	struct topic *topic = topic_keeping(1, 0);
	struct reader stalled, publisher;

	(void)state;
	reader_open(&publisher, 'p', topic);
	reader_open(&stalled, 's', topic);
	turns_settle();
	reader_stall(&stalled);
	call_count = 0;
	publisher.then = publish_once;
	publish(topic, "1");
	turns_settle();
	assert_calls("psp");
	assert_int_equal(stalled.overrun_count, 1);
	assert_took(&publisher, "12");
	cursor_close(&publisher.cursor);
	topic_free(topic);
}

/* What waits for its fan-out is still handed over before it is dropped. */
static void
test_publish_to_a_held_topic_within_a_call(void **state)
{
	struct topic *topic = topic_new(&turns, "test",
	    &(struct topic_limits){
		.frame_count_max = 1,
		.frame_bytes_max = SIZE_MAX,
		.is_coalesced = true,
	    });
	struct reader reader;

	(void)state;
	turns_set_coalesce_ms(&turns, 50);
	reader_open(&reader, 'a', topic);
	turns_settle();
	reader.then = publish_once;
	publish(topic, "1");
	hand_us += 50000;
	turns_run(&turns, hand_ms(), 1000);
	assert_took(&reader, "1");
	publish(topic, "3");
	publish(topic, "4");
	hand_us += 50000;
	turns_run(&turns, hand_ms(), 1000);
	assert_took(&reader, "234");
	assert_int_equal(reader.overrun_count, 0);
	cursor_close(&reader.cursor);
	topic_free(topic);
}

static void
stall(struct reader *reader)
{
	cursor_stall(&reader->cursor);
}

static void
test_stall_within_a_call(void **state)
{
	struct topic *topic = topic_keeping(0, 0);
	struct reader readers[2];

	(void)state;
	reader_open(&readers[0], 'a', topic);
	reader_open(&readers[1], 'b', topic);
	readers[0].then = stall;
	turns_settle();
	publish(topic, "1");
	turns_settle();
	assert_calls("abb");
	cursor_resume(&readers[0].cursor);
	turns_settle();
	assert_took(&readers[0], "1");
	for (size_t i = 0; i < COUNT(readers); i++)
		cursor_close(&readers[i].cursor);
	topic_free(topic);
}

static void
resume(struct reader *reader)
{
	cursor_resume(&reader->cursor);
}

/* It comes after those that wait, and cannot keep the hub in turns_run. */
static void
test_resume_within_a_call_goes_to_the_end(void **state)
{
	struct topic *topic = topic_keeping(0, 0);
	struct reader readers[3];

	(void)state;
	for (size_t i = 0; i < COUNT(readers); i++)
		reader_open(&readers[i], (char)('a' + i), topic);
	readers[0].then = resume;
	turns_run(&turns, hand_ms(), 6);
	assert_calls("abcaaa");
	assert_true(turns_is_busy(&turns));
	for (size_t i = 0; i < COUNT(readers); i++)
		cursor_close(&readers[i].cursor);
	turns_settle();
	assert_calls("");
	topic_free(topic);
}

static void
test_the_hub_calls_as_many_as_it_may(void **state)
{
	struct topic *topic = topic_keeping(0, 0);
	struct reader readers[5];

	(void)state;
	for (size_t i = 0; i < COUNT(readers); i++)
		reader_open(&readers[i], (char)('a' + i), topic);
	turns_run(&turns, hand_ms(), 0);
	assert_calls("");
	turns_run(&turns, hand_ms(), 2);
	assert_calls("ab");
	turns_run(&turns, hand_ms(), 2);
	assert_calls("cd");
	assert_true(turns_is_busy(&turns));
	turns_run(&turns, hand_ms(), 2);
	assert_calls("e");
	assert_false(turns_is_busy(&turns));
	turns_run(&turns, hand_ms(), 2);
	assert_calls("");
	for (size_t i = 0; i < COUNT(readers); i++)
		cursor_close(&readers[i].cursor);
	topic_free(topic);
}

/* Opens so many readers named `m` and one named `s`, on topics of their own. */
static void
open_crowd(struct topic *many, struct reader *crowd, size_t crowd_count,
    struct topic *single, struct reader *reader)
{
	for (size_t i = 0; i < crowd_count; i++)
		reader_open(&crowd[i], 'm', many);
	reader_open(reader, 's', single);
	turns_settle();
	call_count = 0;
}

static void
close_crowd(struct topic *many, struct reader *crowd, size_t crowd_count,
    struct topic *single, struct reader *reader)
{
	for (size_t i = 0; i < crowd_count; i++)
		cursor_close(&crowd[i].cursor);
	cursor_close(&reader->cursor);
	turns_settle();
	topic_free(many);
	topic_free(single);
}

static void
test_many_do_not_hold_up_a_single_one(void **state)
{
	static struct reader crowd[1000];
	struct reader        reader;
	struct topic *many = topic_keeping(0, 0), *single = topic_keeping(0, 0);

	(void)state;
	open_crowd(many, crowd, COUNT(crowd), single, &reader);
	publish(many, "1");
	publish(single, "1");
	turns_run(&turns, hand_ms(), COUNT(crowd));
	call_names[call_count] = '\0';
	assert_non_null(strchr(call_names, 's'));
	assert_true(strchr(call_names, 's') - call_names <= 100);
	turns_settle();
	assert_int_equal(call_count, COUNT(crowd) + 1);
	close_crowd(many, crowd, COUNT(crowd), single, &reader);
}

/* However small the slice, the turn passes on. */
static void
test_topics_take_turns(void **state)
{
	struct reader crowd[6], reader;
	struct topic *many = topic_keeping(0, 0), *single = topic_keeping(0, 0);

	(void)state;
	open_crowd(many, crowd, COUNT(crowd), single, &reader);
	publish(many, "1");
	publish(single, "1");
	turns_run(&turns, hand_ms(), 2);
	assert_calls("mm");
	turns_run(&turns, hand_ms(), 2);
	assert_calls("sm");
	publish(single, "2");
	turns_run(&turns, hand_ms(), 2);
	assert_calls("mm");
	turns_run(&turns, hand_ms(), 9);
	assert_calls("sm");
	assert_false(turns_is_busy(&turns));
	close_crowd(many, crowd, COUNT(crowd), single, &reader);
}

static void
test_nobody_is_busy_when_all_have_gone(void **state)
{
	struct topic *topic = topic_keeping(0, 0);
	struct reader readers[2];

	(void)state;
	reader_open(&readers[0], 'a', topic);
	reader_open(&readers[1], 'b', topic);
	turns_settle();
	call_count = 0;
	publish(topic, "1");
	assert_true(turns_is_busy(&turns));
	cursor_close(&readers[0].cursor);
	cursor_close(&readers[1].cursor);
	turns_run(&turns, hand_ms(), 1);
	assert_false(turns_is_busy(&turns));
	assert_calls("");
	publish(topic, "2");
	assert_false(turns_is_busy(&turns));
	topic_free(topic);
}

static void
test_a_topic_is_freed_while_it_is_busy(void **state)
{
	struct topic *topic = topic_keeping(0, 0);
	struct reader reader;

	(void)state;
	reader_open(&reader, 'a', topic);
	cursor_close(&reader.cursor);
	topic_free(topic);
	assert_false(turns_is_busy(&turns));
}

static void
test_the_log_has_the_time_of_a_fanout(void **state)
{
	char          path[] = "/tmp/test_topic.XXXXXX", line[256];
	int           fd = mkstemp(path);
	struct topic *topic = topic_keeping(0, 0);
	struct reader readers[3];
	ssize_t       n;

	(void)state;
	assert_int_not_equal(fd, -1);
	for (size_t i = 0; i < COUNT(readers); i++)
		reader_open(&readers[i], 'a', topic);
	turns_settle();
	assert_int_equal(log_init(path, LOG_FORMAT_TEXT, LOG_LEVEL_DEBUG), 0);
	publish(topic, "1");
	hand_us += 20000;
	turns_run(&turns, hand_ms(), 2);
	hand_us += 3140;
	turns_run(&turns, hand_ms(), 2);
	log_flush();
	n = read(fd, line, sizeof(line) - 1);
	assert_true(n > 0);
	line[n] = '\0';
	assert_non_null(strstr(line,
	    " debug fanout topic=test subscribers=3 events=1 ms=23.140\n"));
	assert_int_equal(log_init("/dev/null", LOG_FORMAT_TEXT,
			     LOG_LEVEL_DEBUG),
	    0);
	close(fd);
	unlink(path);
	for (size_t i = 0; i < COUNT(readers); i++)
		cursor_close(&readers[i].cursor);
	topic_free(topic);
}

static void
test_the_hub_has_its_clock_in_ms_too(void **state)
{
	(void)state;
	hand_us = 1234567;
	assert_int_equal(turns_now_ms(&turns), 1234);
	hand_us = 1234999;
	assert_int_equal(turns_now_ms(&turns), 1234);
	hand_us = 1235000;
	assert_int_equal(turns_now_ms(&turns), 1235);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TOPIC_TEST(test_close_within_a_call),
		TOPIC_TEST(test_close_of_another_within_a_call),
		TOPIC_TEST(test_close_of_others_as_they_are_overrun),
		TOPIC_TEST(test_publish_within_a_call),
		TOPIC_TEST(test_publish_within_a_call_overruns_another),
		TOPIC_TEST(test_publish_to_a_held_topic_within_a_call),
		TOPIC_TEST(test_stall_within_a_call),
		TOPIC_TEST(test_resume_within_a_call_goes_to_the_end),
		TOPIC_TEST(test_the_hub_calls_as_many_as_it_may),
		TOPIC_TEST(test_many_do_not_hold_up_a_single_one),
		TOPIC_TEST(test_topics_take_turns),
		TOPIC_TEST(test_nobody_is_busy_when_all_have_gone),
		TOPIC_TEST(test_a_topic_is_freed_while_it_is_busy),
		TOPIC_TEST(test_the_log_has_the_time_of_a_fanout),
		TOPIC_TEST(test_the_hub_has_its_clock_in_ms_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
