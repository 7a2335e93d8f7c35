#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "hub/clock.h"
#include "topic_fixture.h"

/* 2026-11-20T19:56:10.000Z */
#define START_MS 1795204570000

#define HOUR_MS (60 * 60 * 1000)

static struct clock *clock_of_hub;

static int
set_up(void **state)
{
	if (topic_set_up(state) == -1)
		return -1;
	clock_of_hub = clock_new(&turns);
	return 0;
}

static int
tear_down(void **state)
{
	clock_free(clock_of_hub);
	return topic_tear_down(state);
}

static void
subscribe(struct reader *reader, int64_t interval_ms, enum date_format format,
    int64_t wall_ms)
{
	reader_open(reader, 'a',
	    clock_topic(clock_of_hub, interval_ms, format, wall_ms));
}

/* Runs the clock and delivers; returns how long to wait. */
static int64_t
run(int64_t wall_ms)
{
	int64_t wait_ms = clock_run(clock_of_hub, wall_ms, hand_ms());

	turns_settle();
	return wait_ms;
}

static void
unsubscribe(struct reader *reader)
{
	cursor_close(&reader->cursor);
}

static void
test_without_subscribers_there_is_nothing_to_wait_for(void **state)
{
	(void)state;
	assert_int_equal(run(START_MS), -1);
	assert_false(clock_has_news(clock_of_hub));
}

static void
test_ticks_fall_on_multiples_of_the_interval(void **state)
{
	struct reader reader;

	(void)state;
	subscribe(&reader, 1000, DATE_FORMAT_ISO, START_MS + 300);
	assert_int_equal(run(START_MS + 300), 700);
	assert_took(&reader, "");
	assert_int_equal(run(START_MS + 999), 1);
	assert_took(&reader, "");
	assert_int_equal(run(START_MS + 1000), 1000);
	assert_took(&reader, "data: 2026-11-20T19:56:11.000Z\n\n");
	assert_int_equal(run(START_MS + 1500), 500);
	assert_took(&reader, "");
	unsubscribe(&reader);
}

/* A late tick has the moment at which it should have come. */
static void
test_a_late_tick_has_the_aligned_moment(void **state)
{
	struct reader reader;

	(void)state;
	subscribe(&reader, 1000, DATE_FORMAT_ISO, START_MS);
	run(START_MS);
	assert_int_equal(run(START_MS + 1234), 766);
	assert_took(&reader, "data: 2026-11-20T19:56:11.000Z\n\n");
	assert_int_equal(run(START_MS + 2000), 1000);
	assert_took(&reader, "data: 2026-11-20T19:56:12.000Z\n\n");
	unsubscribe(&reader);
}

/* Whoever joins is told the time, and after that no earlier one. */
static void
test_who_joins_when_a_tick_is_due_does_not_get_it(void **state)
{
	struct reader first, second;

	(void)state;
	subscribe(&first, 1000, DATE_FORMAT_ISO, START_MS);
	run(START_MS);
	subscribe(&second, 1000, DATE_FORMAT_ISO, START_MS + 1001);
	assert_int_equal(run(START_MS + 1001), 999);
	assert_took(&first, "data: 2026-11-20T19:56:11.000Z\n\n");
	assert_took(&second, "");
	unsubscribe(&first);
	unsubscribe(&second);
}

static void
test_one_tick_for_several_that_were_missed(void **state)
{
	struct reader reader;

	(void)state;
	subscribe(&reader, 1000, DATE_FORMAT_UNIX, START_MS);
	run(START_MS);
	assert_int_equal(run(START_MS + 5600), 400);
	assert_took(&reader, "data: 1795204575\n\n");
	unsubscribe(&reader);
}

static void
test_who_asks_alike_shares_a_topic(void **state)
{
	struct reader readers[2];
	struct topic *topic;

	(void)state;
	topic = clock_topic(clock_of_hub, 1000, DATE_FORMAT_JS, START_MS);
	reader_open(&readers[0], 'a', topic);
	assert_string_equal(topic_name(topic), "clock/1000/js");
	assert_ptr_equal(clock_topic(clock_of_hub, 1000, DATE_FORMAT_JS,
			     START_MS),
	    topic);
	subscribe(&readers[1], 2000, DATE_FORMAT_JS, START_MS);
	assert_ptr_not_equal(readers[1].topic, topic);
	unsubscribe(&readers[1]);
	subscribe(&readers[1], 1000, DATE_FORMAT_ISO, START_MS);
	assert_ptr_not_equal(readers[1].topic, topic);
	unsubscribe(&readers[0]);
	unsubscribe(&readers[1]);
	turns_settle();
}

static void
test_all_formats_of_an_interval_tick_together(void **state)
{
	struct reader js, iso, http, stamp;

	(void)state;
	subscribe(&js, 1000, DATE_FORMAT_JS, START_MS);
	subscribe(&iso, 1000, DATE_FORMAT_ISO, START_MS);
	subscribe(&http, 1000, DATE_FORMAT_HTTP, START_MS);
	subscribe(&stamp, 1000, DATE_FORMAT_UNIX, START_MS);
	run(START_MS);
	assert_int_equal(run(START_MS + 1001), 999);
	assert_memory_equal(js.text, "data: ", 6);
	assert_took(&iso, "data: 2026-11-20T19:56:11.000Z\n\n");
	assert_took(&http, "data: Fri, 20 Nov 2026 19:56:11 GMT\n\n");
	assert_took(&stamp, "data: 1795204571\n\n");
	unsubscribe(&js);
	unsubscribe(&http);
	assert_int_equal(run(START_MS + 2000), 1000);
	assert_took(&iso, "data: 2026-11-20T19:56:12.000Z\n\n");
	unsubscribe(&iso);
	unsubscribe(&stamp);
}

static void
test_intervals_tick_by_themselves(void **state)
{
	struct reader fast, slow;

	(void)state;
	subscribe(&fast, 100, DATE_FORMAT_ISO, START_MS + 30);
	subscribe(&slow, 1000, DATE_FORMAT_ISO, START_MS + 30);
	assert_int_equal(run(START_MS + 30), 70);
	for (int64_t ms = START_MS + 100; ms < START_MS + 1000; ms += 100) {
		assert_int_equal(run(ms), 100);
		assert_took(&slow, "");
	}
	assert_int_equal(fast.ready_count, 10);
	fast.text[0] = '\0';
	assert_int_equal(run(START_MS + 1000), 100);
	assert_took(&fast, "data: 2026-11-20T19:56:11.000Z\n\n");
	assert_took(&slow, "data: 2026-11-20T19:56:11.000Z\n\n");
	unsubscribe(&fast);
	assert_int_equal(run(START_MS + 1100), 900);
	unsubscribe(&slow);
}

/* Nothing is to be published for an hour, but the clock may be set. */
static void
test_the_wait_is_never_longer_than_a_second(void **state)
{
	struct reader reader;
	const int64_t due_ms = START_MS / HOUR_MS * HOUR_MS + HOUR_MS;
	int64_t       wait_ms, wall_ms = START_MS;

	(void)state;
	subscribe(&reader, CLOCK_INTERVAL_MS_MAX, DATE_FORMAT_ISO, wall_ms);
	while (wall_ms < due_ms) {
		assert_took(&reader, "");
		wait_ms = run(wall_ms);
		assert_in_range(wait_ms, 1, 1000);
		wall_ms += wait_ms;
	}
	assert_int_equal(wall_ms, due_ms);
	assert_int_equal(run(wall_ms), 1000);
	assert_took(&reader, "data: 2026-11-20T20:00:00.000Z\n\n");
	unsubscribe(&reader);
}

static void
test_a_clock_set_forward_gives_one_tick(void **state)
{
	struct reader reader;

	(void)state;
	subscribe(&reader, 1000, DATE_FORMAT_ISO, START_MS);
	run(START_MS);
	assert_int_equal(run(START_MS + HOUR_MS + 250), 750);
	assert_took(&reader, "data: 2026-11-20T20:56:10.000Z\n\n");
	assert_int_equal(reader.ready_count, 2);
	assert_int_equal(run(START_MS + HOUR_MS + 1000), 1000);
	assert_took(&reader, "data: 2026-11-20T20:56:11.000Z\n\n");
	unsubscribe(&reader);
}

static void
test_a_clock_set_back_goes_on_at_its_new_time(void **state)
{
	struct reader reader;

	(void)state;
	subscribe(&reader, 1000, DATE_FORMAT_ISO, START_MS);
	run(START_MS);
	run(START_MS + 1000);
	assert_took(&reader, "data: 2026-11-20T19:56:11.000Z\n\n");
	assert_int_equal(run(START_MS - HOUR_MS + 250), 750);
	assert_took(&reader, "");
	assert_int_equal(run(START_MS - HOUR_MS + 1000), 1000);
	assert_took(&reader, "data: 2026-11-20T18:56:11.000Z\n\n");
	unsubscribe(&reader);
}

static void
test_a_topic_goes_with_its_last_subscriber(void **state)
{
	struct reader readers[2];

	(void)state;
	subscribe(&readers[0], 1000, DATE_FORMAT_ISO, START_MS);
	subscribe(&readers[1], 1000, DATE_FORMAT_ISO, START_MS);
	assert_int_equal(run(START_MS), 1000);
	unsubscribe(&readers[0]);
	assert_int_equal(run(START_MS), 1000);
	unsubscribe(&readers[1]);
	assert_int_equal(run(START_MS), -1);

	/* What is asked for now is a new one, without the old ticks. */
	reader_open_from_start(&readers[0], 'a',
	    clock_topic(clock_of_hub, 1000, DATE_FORMAT_ISO, START_MS + 500));
	assert_true(clock_has_news(clock_of_hub));
	assert_int_equal(run(START_MS + 500), 500);
	assert_took(&readers[0], "");
	unsubscribe(&readers[0]);
}

static void
test_news_are_topics_that_clock_run_does_not_know(void **state)
{
	struct reader reader;

	(void)state;
	subscribe(&reader, 1000, DATE_FORMAT_ISO, START_MS);
	assert_true(clock_has_news(clock_of_hub));
	run(START_MS);
	assert_false(clock_has_news(clock_of_hub));
	(void)clock_topic(clock_of_hub, 1000, DATE_FORMAT_ISO, START_MS);
	assert_false(clock_has_news(clock_of_hub));
	(void)clock_topic(clock_of_hub, 1000, DATE_FORMAT_HTTP, START_MS);
	assert_true(clock_has_news(clock_of_hub));
	unsubscribe(&reader);
	turns_settle();
}

static void
test_a_slow_reader_is_overrun_at_last(void **state)
{
	struct reader reader;
	int64_t       wall_ms = START_MS;

	(void)state;
	subscribe(&reader, 100, DATE_FORMAT_JS, wall_ms);
	run(wall_ms);
	reader_stall(&reader);
	for (int i = 0; i < 20; i++)
		run(wall_ms += 100);
	assert_int_equal(reader.overrun_count, 0);
	for (int i = 0; i < 200; i++)
		run(wall_ms += 100);
	assert_int_equal(reader.overrun_count, 1);
	assert_int_equal(run(wall_ms), -1);
}

#define CLOCK_TEST(name) \
	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CLOCK_TEST(
		    test_without_subscribers_there_is_nothing_to_wait_for),
		CLOCK_TEST(test_ticks_fall_on_multiples_of_the_interval),
		CLOCK_TEST(test_a_late_tick_has_the_aligned_moment),
		CLOCK_TEST(test_who_joins_when_a_tick_is_due_does_not_get_it),
		CLOCK_TEST(test_one_tick_for_several_that_were_missed),
		CLOCK_TEST(test_who_asks_alike_shares_a_topic),
		CLOCK_TEST(test_all_formats_of_an_interval_tick_together),
		CLOCK_TEST(test_intervals_tick_by_themselves),
		CLOCK_TEST(test_the_wait_is_never_longer_than_a_second),
		CLOCK_TEST(test_a_clock_set_forward_gives_one_tick),
		CLOCK_TEST(test_a_clock_set_back_goes_on_at_its_new_time),
		CLOCK_TEST(test_a_topic_goes_with_its_last_subscriber),
		CLOCK_TEST(test_news_are_topics_that_clock_run_does_not_know),
		CLOCK_TEST(test_a_slow_reader_is_overrun_at_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
