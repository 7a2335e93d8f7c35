#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "places_crowd.h"
#include "stream/places.h"

#define COUNT 4
#define MIN_MS 200
#define MAX_MS 4000
#define START_MS 1000000
#define CLIENT 7

static const struct places_limits limits = { COUNT, MIN_MS, MAX_MS };

static struct places places;

static int
set_up(void **state)
{
	(void)state;
	srandom(1);
	places = (struct places){ 0 };
	places_set_limits(&places, &limits);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	places_deinit(&places);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* So many new clients find no place. */
static void
refuse(int count, int64_t now_ms)
{
	while (count-- > 0)
		places_refuse(&places, CLIENT, COUNT, false, now_ms, now_ms);
}

static void
test_without_a_count_nobody_takes_turns(void **state)
{
	(void)state;
	places_set_limits(&places, &(struct places_limits){ 0 });
	assert_false(places_are_taken(&places, 1000000));
	assert_false(places_arrive(&places, CLIENT, START_MS));
}

static void
test_places_are_taken_from_the_count_on(void **state)
{
	(void)state;
	assert_false(places_are_taken(&places, COUNT - 1));
	assert_true(places_are_taken(&places, COUNT));
	assert_true(places_are_taken(&places, COUNT + 1));
}

static void
test_turns_are_shorter_the_more_clients_there_are(void **state)
{
	(void)state;
	assert_int_equal(places_turn_ms(&places, CLIENT, COUNT), MAX_MS);
	refuse(COUNT, START_MS);
	assert_int_equal(places_turn_ms(&places, CLIENT, COUNT), MAX_MS / 2);
	assert_int_equal(places_round_ms(&places, CLIENT, COUNT), MAX_MS);
	refuse(98 * COUNT, START_MS);
	assert_int_equal(places_turn_ms(&places, CLIENT, COUNT), MIN_MS);
	assert_int_equal(places_round_ms(&places, CLIENT, COUNT),
	    100 * MIN_MS * 5 / 4);
}

static void
test_a_round_has_an_end_however_many_ask(void **state)
{
	(void)state;
	refuse(5000, START_MS);
	assert_int_equal(places_round_ms(&places, CLIENT, COUNT), 60000);
	assert_in_range(places_refuse(&places, CLIENT, COUNT, false, 0,
			    START_MS),
	    100, 60000);
}

static void
test_a_stream_has_its_turn_before_it_is_ended(void **state)
{
	(void)state;
	assert_false(places_had_turn(&places, CLIENT, COUNT, START_MS,
	    START_MS + MAX_MS / 2 - 1));
	assert_true(places_had_turn(&places, CLIENT, COUNT, START_MS,
	    START_MS + MAX_MS / 2));
	refuse(99 * COUNT, START_MS);
	assert_false(places_had_turn(&places, CLIENT, COUNT, START_MS,
	    START_MS + MIN_MS - 1));
	assert_true(places_had_turn(&places, CLIENT, COUNT, START_MS,
	    START_MS + MIN_MS));
}

static void
test_who_was_sent_away_is_awaited_once(void **state)
{
	long wait_ms;

	(void)state;
	assert_false(places_arrive(&places, CLIENT, START_MS));
	wait_ms = places_send_away(&places, CLIENT, COUNT, START_MS - 1000,
	    START_MS);
	assert_in_range(wait_ms, MAX_MS - 1000 - MAX_MS / 20,
	    MAX_MS - 1000 + MAX_MS / 20);
	assert_false(places_arrive(&places, CLIENT, START_MS + wait_ms - 250));
	assert_true(places_arrive(&places, CLIENT, START_MS + wait_ms));
	assert_false(places_arrive(&places, CLIENT, START_MS + wait_ms));
}

static void
test_who_does_not_come_back_is_forgotten(void **state)
{
	(void)state;
	refuse(4 * COUNT, START_MS);
	assert_int_equal(places.wait_count, 4 * COUNT);
	assert_false(places_arrive(&places, CLIENT, START_MS + 100 * MAX_MS));
	assert_int_equal(places.wait_count, 0);
	assert_int_equal(places_turn_ms(&places, CLIENT, COUNT), MAX_MS);
}

static void
test_who_has_waited_is_not_sent_to_the_end(void **state)
{
	(void)state;
	refuse(9 * COUNT, START_MS);
	for (int i = 0; i < 20; i++)
		assert_in_range(places_refuse(&places, CLIENT, COUNT, true,
				    START_MS, START_MS + MIN_MS - 50),
		    100, 50 + MAX_MS / 10);
}

static void
test_other_limits_keep_who_is_awaited(void **state)
{
	(void)state;
	refuse(COUNT, START_MS);
	places_set_limits(&places,
	    &(struct places_limits){ 2 * COUNT, MIN_MS, MAX_MS });
	assert_int_equal(places.wait_count, COUNT);
	places_set_limits(&places, &(struct places_limits){ 0 });
	assert_int_equal(places.wait_count, 0);
}

/* Sixty addresses with a client each, and one that asks all the time. */
static void
test_who_does_not_wait_hurts_itself(void **state)
{
	uint64_t client;

	(void)state;
	refuse(2000, START_MS);
	assert_false(places_is_greedy(&places, CLIENT, COUNT, COUNT));
	for (client = 100; client < 160; client++)
		places_refuse(&places, client, COUNT, false, START_MS,
		    START_MS);
	assert_int_equal(places_round_ms(&places, CLIENT, COUNT), 60000);
	assert_in_range(places_round_ms(&places, 100, COUNT), MAX_MS,
	    MAX_MS * 5 / 4);
	assert_true(places_is_greedy(&places, CLIENT, COUNT, 1));
	assert_false(places_is_greedy(&places, CLIENT, COUNT, 0));
	assert_false(places_is_greedy(&places, 100, COUNT, 1));
	/* It has not taken the place in which others are noted. */
	refuse(5000, START_MS);
	places_refuse(&places, 99, COUNT, false, START_MS, START_MS);
	assert_true(places_arrive(&places, 99, START_MS + MAX_MS * 5 / 4));
}

/* As long as all have their turns in time nobody is told apart. */
static void
test_who_does_no_harm_is_not_greedy(void **state)
{
	(void)state;
	refuse(30, START_MS);
	places_refuse(&places, 100, COUNT, false, START_MS, START_MS);
	assert_false(places_is_greedy(&places, CLIENT, COUNT, COUNT));
	assert_int_equal(places_round_ms(&places, CLIENT, COUNT), MAX_MS);
	assert_int_equal(places_turn_ms(&places, 100, COUNT),
	    places_turn_ms(&places, CLIENT, COUNT));
}

/* One is not taken for another who is due. */
static void
test_each_address_is_awaited_by_itself(void **state)
{
	(void)state;
	refuse(1, START_MS);
	assert_false(places_arrive(&places, 100, START_MS + MAX_MS));
	assert_true(places_arrive(&places, CLIENT, START_MS + MAX_MS));
}

/* The longest turn is at least the shortest. */
static void
test_limits_that_cross(void **state)
{
	(void)state;
	places_set_limits(&places,
	    &(struct places_limits){ COUNT, 9000, 1000 });
	assert_int_equal(places_turn_ms(&places, CLIENT, COUNT), 9000);
	assert_in_range(places_round_ms(&places, CLIENT, COUNT), 9000, 12000);
}

/* 16 places for 200 clients, who each want to be there in 5 seconds. */
static void
assert_fair(int late_percent)
{
	const struct crowd crowd = {
		.limits = { 16, 200, 5000 },
		.client_count = 200,
		.seconds = 60,
		.late_percent = late_percent,
	};
	struct crowd_result result;

	srandom(1);
	crowd_run(&crowd, &result);
	assert_in_range(result.median_ms, 500, 3000);
	assert_in_range(result.p99_ms, result.median_ms, 10000);
	assert_true(result.worst_part < 1.5);
	assert_true(result.refused_part < 0.2);
	assert_true(result.connects_per_second < 80);
}

static void
test_many_clients_share_few_places(void **state)
{
	(void)state;
	assert_fair(0);
}

static void
test_many_clients_that_come_late(void **state)
{
	(void)state;
	assert_fair(50);
}

/* With places for all nobody is sent away. */
static void
test_a_crowd_that_fits(void **state)
{
	const struct crowd crowd = {
		.limits = { 16, 200, 5000 },
		.client_count = 16,
		.seconds = 20,
	};
	struct crowd_result result;

	(void)state;
	crowd_run(&crowd, &result);
	assert_int_equal(result.max_ms, 0);
	assert_true(result.connects_per_second == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_without_a_count_nobody_takes_turns),
		TEST(test_places_are_taken_from_the_count_on),
		TEST(test_turns_are_shorter_the_more_clients_there_are),
		TEST(test_a_round_has_an_end_however_many_ask),
		TEST(test_a_stream_has_its_turn_before_it_is_ended),
		TEST(test_who_was_sent_away_is_awaited_once),
		TEST(test_who_does_not_come_back_is_forgotten),
		TEST(test_who_has_waited_is_not_sent_to_the_end),
		TEST(test_other_limits_keep_who_is_awaited),
		TEST(test_who_does_not_wait_hurts_itself),
		TEST(test_who_does_no_harm_is_not_greedy),
		TEST(test_each_address_is_awaited_by_itself),
		TEST(test_limits_that_cross),
		TEST(test_many_clients_share_few_places),
		TEST(test_many_clients_that_come_late),
		TEST(test_a_crowd_that_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
