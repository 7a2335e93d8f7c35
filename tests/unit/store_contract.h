#ifndef TESTS_UNIT_STORE_CONTRACT_H
#define TESTS_UNIT_STORE_CONTRACT_H

#include "store_fixture.h"

/* Of the engine under test: several users of one URL have one log. */
extern bool store_is_shared;

/* The scheme of its URL. */
extern char store_kind[32];

/* The tests; test_store_contract.c runs them on each engine. */
void test_an_update_keeps_its_form(void **state);
void test_a_tail_is_level_and_goes_on(void **state);
void test_a_tail_begins_behind_its_position_and_anew(void **state);
void test_a_tail_from_now_on(void **state);
void test_a_tail_of_some_topics(void **state);
void test_a_tail_of_very_many_topics(void **state);
void test_a_hold_hands_over_no_more(void **state);
void test_a_long_log_comes_in_order_once(void **state);
void test_calls_from_within_callbacks(void **state);
void test_a_key_keeps_an_update_once(void **state);
void test_own_ids_are_found_by_topic_first(void **state);
void test_a_given_position_is_kept_or_refused(void **state);
void test_a_close_answers_what_is_in_flight(void **state);
void test_limits_of_bytes(void **state);
void test_positions_rise_whatever_the_clock_does(void **state);
void test_health_counts(void **state);
void test_a_tag_is_taken(void **state);

#endif
