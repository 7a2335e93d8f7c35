#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <curl/curl.h>
#include <string.h>

#include "tool/judge.h"
#include "tool/sample.h"

#include "judge_fixture.h"

#define TICK_COUNT 20
#define STAMP_US ((int64_t)1800000000 * 1000000)

static void
add(struct sample *sample, int64_t at_us, int64_t stamp_us)
{
	sample_add_event(sample, at_us, "", "", "x");
	sample->events[sample->event_count - 1].stamp_us = stamp_us;
}

/*
 * A clock of TICK_COUNT ticks that come in groups of so many, each with the
 * last of its group.
 */
static struct sample
clock_in_groups(int64_t group_count)
{
	struct sample sample = SAMPLE_EMPTY;
	int64_t       i, arrives;

	for (i = 0; i < TICK_COUNT; i++) {
		arrives = (i / group_count + 1) * group_count - 1;
		add(&sample, 5000 + arrives * ASKED_TICK_US + i % 3,
		    STAMP_US + i * ASKED_TICK_US);
	}
	sample.status = 200;
	sample.code = CURLE_WRITE_ERROR;
	sample.is_stopped = true;
	sample.end_us = ASKED_WATCH_US;
	return sample;
}

static struct sample
silent(void)
{
	struct sample sample = SAMPLE_EMPTY;

	sample.code = CURLE_OPERATION_TIMEDOUT;
	sample.is_stopped = true;
	sample.end_us = ASKED_WATCH_US;
	return sample;
}

static struct sample
plain(int64_t end_us)
{
	struct sample sample = SAMPLE_EMPTY;

	sample.status = 200;
	sample.end_us = end_us;
	return sample;
}

static int
late_of_groups(int64_t group_count, const char *words)
{
	struct sample clock = clock_in_groups(group_count);
	int           level = judge_level(CHECK_LATE_EVENTS,
		      &(struct seen){ .clock = &clock }, words);

	sample_deinit(&clock);
	return level;
}

static void
test_spacing(void **state)
{
	struct sample  clock = clock_in_groups(4);
	struct spacing spacing;

	(void)state;
	spacing_measure(&spacing, &clock);
	assert_int_equal(spacing.event_count, TICK_COUNT);
	assert_int_equal(spacing.burst_count, TICK_COUNT * 3 / 4);
	assert_in_range(spacing.late_us, 299990, 300010);
	sample_deinit(&clock);
	clock = silent();
	add(&clock, 10, -1); /* without a date it does not count */
	spacing_measure(&spacing, &clock);
	assert_int_equal(spacing.event_count, 0);
	assert_int_equal(spacing.late_us, 0);
	sample_deinit(&clock);
}

static void
test_late_events(void **state)
{
	(void)state;
	assert_int_equal(late_of_groups(1, "one by one"), LEVEL_GOOD);
	assert_int_equal(late_of_groups(2, "10 of 20"), LEVEL_BAD);
	assert_int_equal(late_of_groups(10, "up to 900 ms"), LEVEL_BAD);
}

/* Two events at the same moment are no burst; nor is a stall now and then. */
static void
test_what_is_not_late(void **state)
{
	struct sample clock = clock_in_groups(1);
	struct seen   seen = { .clock = &clock };

	(void)state;
	clock.events[7].at_us = clock.events[8].at_us;
	clock.events[6].at_us = clock.events[8].at_us;
	clock.events[13].at_us = clock.events[14].at_us;
	assert_int_equal(judge_level(CHECK_LATE_EVENTS, &seen, NULL),
	    LEVEL_GOOD);
	for (size_t i = 0; i < TICK_COUNT; i++)
		clock.events[i].stamp_us = STAMP_US;
	for (size_t i = 0; i < TICK_COUNT; i++)
		clock.events[i].at_us = 10;
	assert_int_equal(judge_level(CHECK_LATE_EVENTS, &seen, NULL),
	    LEVEL_GOOD);
	sample_deinit(&clock);
}

static void
test_nothing_comes(void **state)
{
	char          type[] = "text/event-stream";
	struct sample clock = silent(), finite = plain(600000);
	struct seen   seen = { .clock = &clock, .finite = &finite };

	(void)state;
	finite.content_type = type;
	assert_int_equal(judge_level(CHECK_LATE_EVENTS, &seen,
			     "within 3500 ms; a response that ends arrives"),
	    LEVEL_BAD);
	/* One cause is told once. */
	seen.first = seen.coded = seen.idle = seen.lively = &clock;
	assert_int_equal(judge_level(CHECK_FIRST_EVENT, &seen, NULL), -1);
	assert_int_equal(judge_level(CHECK_COMPRESSION, &seen, NULL), -1);
	assert_int_equal(judge_level(CHECK_IDLE, &seen, NULL), -1);
	assert_int_equal(judge_level(CHECK_CUT, &seen, NULL), -1);
}

static void
test_first_event(void **state)
{
	struct sample clock = clock_in_groups(1), first = silent();
	struct sample soon = plain(30000);
	struct seen seen = { .clock = &clock, .first = &first, .plain = &soon };

	(void)state;
	assert_int_equal(judge_level(CHECK_FIRST_EVENT, &seen, "did not come"),
	    LEVEL_BAD);
	add(&first, 929000, -1);
	assert_int_equal(judge_level(CHECK_FIRST_EVENT, &seen, "after 929 ms"),
	    LEVEL_GOOD);
	first.events[0].at_us = 931000;
	assert_int_equal(judge_level(CHECK_FIRST_EVENT, &seen, NULL),
	    LEVEL_BAD);
	/* A server that is far away is not late. */
	soon.end_us = 200000;
	assert_int_equal(judge_level(CHECK_FIRST_EVENT, &seen, NULL),
	    LEVEL_GOOD);
	sample_deinit(&clock);
	sample_deinit(&first);
}

static void
test_compression(void **state)
{
	char          gzip[] = "gzip", br[] = "br";
	struct sample clock = clock_in_groups(1), coded = clock_in_groups(1);
	struct sample held = clock_in_groups(10), nothing = silent();
	struct seen   seen = { .clock = &clock, .coded = &coded };

	(void)state;
	assert_int_equal(judge_level(CHECK_COMPRESSION, &seen,
			     "not compressed"),
	    LEVEL_GOOD);
	coded.content_encoding = gzip;
	assert_int_equal(judge_level(CHECK_COMPRESSION, &seen, "(gzip)"),
	    LEVEL_NOTE);
	coded.content_encoding = NULL;
	held.content_encoding = br;
	seen.coded = &held;
	assert_int_equal(judge_level(CHECK_COMPRESSION, &seen,
			     "Content-Encoding: br"),
	    LEVEL_BAD);
	held.content_encoding = NULL;
	seen.coded = &nothing;
	assert_int_equal(judge_level(CHECK_COMPRESSION, &seen,
			     "only when the client takes"),
	    LEVEL_BAD);
	sample_deinit(&clock);
	sample_deinit(&coded);
	sample_deinit(&held);
}

static void
test_end(void **state)
{
	struct sample finite = plain(1000000);
	struct seen   seen = { .finite = &finite };

	(void)state;
	assert_int_equal(judge_level(CHECK_END, &seen, NULL), LEVEL_BAD);
	sample_add_event(&finite, 900000, "", "1", "x");
	assert_int_equal(judge_level(CHECK_END, &seen, NULL), LEVEL_BAD);
	sample_add_event(&finite, 900000, "end", "", "x");
	assert_int_equal(judge_level(CHECK_END, &seen, "100 ms after"),
	    LEVEL_GOOD);
	finite.end_us = 5900000;
	assert_int_equal(judge_level(CHECK_END, &seen, "5000 ms after"),
	    LEVEL_BAD);
	finite.end_us = 1000000;
	finite.code = CURLE_PARTIAL_FILE;
	finite.problem = "transfer closed";
	assert_int_equal(judge_level(CHECK_END, &seen, "transfer closed"),
	    LEVEL_BAD);
	sample_deinit(&finite);
}

static void
test_what_lasts(void **state)
{
	struct sample stream = silent();
	struct seen   seen = { .idle = &stream, .lively = &stream };

	(void)state;
	stream.end_us = 35000000;
	/* It lived, but no heartbeat came to be outlived. */
	assert_int_equal(judge_level(CHECK_IDLE, &seen, "0 heartbeats"),
	    LEVEL_NOTE);
	assert_int_equal(judge_level(CHECK_CUT, &seen, "35000 ms"), LEVEL_GOOD);
	stream.comment_count = 2;
	assert_int_equal(judge_level(CHECK_IDLE, &seen, "2 heartbeats"),
	    LEVEL_GOOD);
	stream.is_stopped = false;
	stream.code = CURLE_OK;
	assert_int_equal(judge_level(CHECK_IDLE, &seen,
			     "was cut after 35000 ms"),
	    LEVEL_BAD);
	assert_int_equal(judge_level(CHECK_CUT, &seen,
			     "was cut after 35000 ms"),
	    LEVEL_BAD);
	stream.is_sent_back = true;
	assert_int_equal(judge_level(CHECK_IDLE, &seen, "stream-lifetime"),
	    LEVEL_NOTE);
	assert_int_equal(judge_level(CHECK_CUT, &seen, "stream-lifetime or"),
	    LEVEL_GOOD);
	/* It stops a process that is busy for long. */
	seen.fronts.inner = FRONT_APACHE_FCGID;
	assert_int_equal(judge_level(CHECK_CUT, &seen, "mod_fcgid has stopped"),
	    LEVEL_BAD);
}

static void
test_last_event_id(void **state)
{
	struct sample resumed = silent();
	struct seen   seen = { .resumed = &resumed };

	(void)state;
	assert_int_equal(judge_level(CHECK_LAST_EVENT_ID, &seen, NULL),
	    LEVEL_UNKNOWN);
	sample_add_event(&resumed, 1, "", "3", "x");
	assert_int_equal(judge_level(CHECK_LAST_EVENT_ID, &seen, NULL),
	    LEVEL_GOOD);
	resumed.events[0].num = 1;
	assert_int_equal(judge_level(CHECK_LAST_EVENT_ID, &seen,
			     "does not reach"),
	    LEVEL_BAD);
	sample_deinit(&resumed);
}

/* A stream that is turned away says nothing of the web server. */
static void
test_refused_streams(void **state)
{
	struct sample refused = plain(1000), well = clock_in_groups(1);
	struct seen   seen = { .plain = &refused,
		  .first = &refused,
		  .clock = &refused,
		  .coded = &refused,
		  .finite = &refused,
		  .resumed = &refused,
		  .idle = &refused,
		  .lively = &refused };

	(void)state;
	sample_add_event(&refused, 1, "refused", "", "x");
	for (int check = 0; check <= CHECK_LAST_EVENT_ID; check++)
		assert_int_equal(judge_level((enum check)check, &seen, NULL),
		    check == CHECK_REFUSED_STREAMS ? LEVEL_BAD : -1);
	seen = (struct seen){ .first = &well, .clock = &well };
	assert_int_equal(judge_level(CHECK_REFUSED_STREAMS, &seen, NULL), -1);
	sample_deinit(&refused);
	sample_deinit(&well);
}

static void
test_query(void **state)
{
	struct sample counter = plain(1000), clock = silent();
	struct seen   seen = { .plain = &counter, .clock = &clock };

	(void)state;
	sample_add_event(&counter, 1, "", "1", "x");
	assert_int_equal(judge_level(CHECK_QUERY, &seen, NULL), LEVEL_GOOD);
	sample_add_event(&counter, 2, "end", "", "x");
	assert_int_equal(judge_level(CHECK_QUERY, &seen, NULL), LEVEL_GOOD);
	counter.event_count--;
	/* It goes on; then the clock is not the one that was asked for. */
	assert_int_equal(judge_level(CHECK_LATE_EVENTS, &seen, NULL),
	    LEVEL_BAD);
	sample_add_event(&counter, 2, "", "2", "x");
	assert_int_equal(judge_level(CHECK_QUERY, &seen, "goes on"), LEVEL_BAD);
	assert_int_equal(judge_level(CHECK_LATE_EVENTS, &seen, NULL), -1);
	sample_deinit(&counter);
}

static void
test_rate(void **state)
{
	static const char type[] = "Content-Type: text/event-stream\r\n";
	struct sample     padded = plain(4000000), clock = clock_in_groups(10);
	struct seen       seen = { .padded = &padded, .clock = &clock };

	(void)state;
	sample_take_field(&padded, type, strlen(type));
	padded.byte_count = ASKED_PADDED_BYTES + 100;
	assert_int_equal(judge_level(CHECK_RATE, &seen, NULL), LEVEL_GOOD);
	assert_int_equal(judge_level(CHECK_LATE_EVENTS, &seen, NULL),
	    LEVEL_BAD);
	padded.byte_count = 7000;
	assert_int_equal(judge_level(CHECK_RATE, &seen, NULL), LEVEL_UNKNOWN);
	/* What else is late has the same cause. */
	padded.is_stopped = true;
	assert_int_equal(judge_level(CHECK_RATE, &seen, "131072 bytes 7000"),
	    LEVEL_BAD);
	assert_int_equal(judge_level(CHECK_LATE_EVENTS, &seen, NULL), -1);
	sample_deinit(&padded);
	sample_deinit(&clock);
}

/* The level of a cache that these fields allow. */
static int
level_of_control(const char *field, const char *more, const char *words)
{
	struct sample clock = clock_in_groups(1);
	int           level;

	sample_take_field(&clock, field, strlen(field));
	if (more != NULL)
		sample_take_field(&clock, more, strlen(more));
	level = judge_level(CHECK_CACHE, &(struct seen){ .clock = &clock },
	    words);
	sample_deinit(&clock);
	return level;
}

static void
test_cache(void **state)
{
	static const char own[] = "Cache-Control: no-cache, no-store\r\n";

	(void)state;
	assert_int_equal(level_of_control(own, NULL, NULL), LEVEL_GOOD);
	assert_int_equal(level_of_control(own, "cache-control: no-cache\r\n",
			     NULL),
	    LEVEL_GOOD);
	assert_int_equal(level_of_control(own, "Cache-Control: max-age=0\r\n",
			     NULL),
	    LEVEL_GOOD);
	assert_int_equal(level_of_control("Cache-Control: no-cache\r\n", NULL,
			     "does not arrive"),
	    LEVEL_BAD);
	assert_int_equal(level_of_control(own, "Cache-Control: max-age=9\r\n",
			     "no-store, max-age=9\""),
	    LEVEL_BAD);
	assert_int_equal(level_of_control("Cache-Control: public\r\n", own,
			     "contradicts"),
	    LEVEL_BAD);
}

static void
test_who_has_a_position_is_turned_away(void **state)
{
	struct sample clock = clock_in_groups(1), barred = plain(1000);
	struct seen   seen = { .clock = &clock, .resumed = &barred };

	(void)state;
	barred.status = 403;
	assert_int_equal(judge_level(CHECK_CONNECTIONS, &seen, "turned"),
	    LEVEL_BAD);
	assert_int_equal(judge_level(CHECK_LAST_EVENT_ID, &seen, NULL), -1);
	seen.again = &barred;
	assert_int_equal(judge_level(CHECK_CONNECTIONS, &seen, NULL), -1);
	assert_int_equal(judge_level(CHECK_LAST_EVENT_ID, &seen,
			     "answers 403 to a request with the field"),
	    LEVEL_BAD);
	/* It is not the field where others are turned away, too. */
	seen.first = &barred;
	assert_int_equal(judge_level(CHECK_CONNECTIONS, &seen, "turned"),
	    LEVEL_BAD);
	sample_deinit(&clock);
}

static void
test_what_was_not_looked_at(void **state)
{
	const struct seen seen = { 0 };

	(void)state;
	for (int check = 0; check < CHECK_COUNT; check++)
		assert_int_equal(judge_level((enum check)check, &seen, NULL),
		    -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spacing),
		cmocka_unit_test(test_late_events),
		cmocka_unit_test(test_what_is_not_late),
		cmocka_unit_test(test_nothing_comes),
		cmocka_unit_test(test_first_event),
		cmocka_unit_test(test_compression),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_what_lasts),
		cmocka_unit_test(test_last_event_id),
		cmocka_unit_test(test_refused_streams),
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_cache),
		cmocka_unit_test(test_who_has_a_position_is_turned_away),
		cmocka_unit_test(test_what_was_not_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
