/*
 * What store/store.h promises, of every engine that is here: memory, sqlite,
 * redis.
 */

#include "config.h"

#include "store_contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_HIREDIS
#include "redis_fixture.h"
#endif

bool store_is_shared;
char store_kind[32];

static int
set_up_kind(void **state)
{
	if (store_set_up(state) != 0)
		return -1;
	if (strcmp(store_kind, "sqlite") != 0)
		snprintf(store_url, sizeof(store_url), "%s", store_kind);
#ifdef HAVE_HIREDIS
	if (strcmp(store_kind, "redis+unix") == 0) {
		broker_init();
		broker_start(NULL);
		snprintf(store_url, sizeof(store_url), "%s?db=0&key=fcgi-sse",
		    broker.url);
	}
#endif
	return 0;
}

static int
tear_down_kind(void **state)
{
#ifdef HAVE_HIREDIS
	if (strcmp(store_kind, "redis+unix") == 0)
		broker_deinit();
#endif
	return store_tear_down(state);
}

#define KIND_TEST(name) \
	cmocka_unit_test_setup_teardown(name, set_up_kind, tear_down_kind)

/* What several users of one log see. */

static void
test_several_users_have_one_log(void **state)
{
	struct store_user users[3];
	uint64_t          tag;

	(void)state;
	if (!store_is_shared)
		skip();
	for (int i = 0; i < 3; i++) {
		store_user_open(&users[i], NULL);
		store_user_tail(&users[i], 0, NULL);
	}
	for (int i = 0; i < 9; i++)
		store_user_keep(&users[i % 3], "a", "x");
	tag = store_tag(users[0].store);
	for (int i = 0; i < 3; i++) {
		store_wait(users[i].got_count == 9);
		for (int j = 0; j < 9; j++)
			assert_int_equal(users[i].got[j].position,
			    users[0].got[j].position);
		assert_true(store_tag(users[i].store) == tag);
	}
	for (int i = 2; i >= 0; i--)
		store_user_close(&users[i]);
}

static void
test_a_log_outlives_its_users(void **state)
{
	struct store_user   user;
	struct sent_update  sent = { 0 };
	struct found_update found;
	const char         *topic = "a";
	struct update       update = { .id = "own",
		      .topics = &topic,
		      .topic_count = 1,
		      .bytes = "data: y\n\n",
		      .len_bytes = 9 };
	uint64_t            tag, position;

	(void)state;
	if (!store_is_shared)
		skip();
	store_user_open(&user, NULL);
	store_user_keep(&user, "a", "x");
	store_user_send_as(&user, &sent, &update, "key");
	store_wait(sent.is_done);
	position = sent.receipt.position;
	tag = store_tag(user.store);
	store_user_close(&user);
	store_user_open(&user, NULL);
	store_user_send_as(&user, &sent, &update, "key");
	store_user_find(&user, &found, "own", "a");
	store_wait(sent.is_done && found.is_done);
	assert_true(sent.receipt.is_repeat);
	assert_int_equal(sent.receipt.position, position);
	assert_int_equal(found.position, position);
	assert_true(store_user_keep(&user, "a", "z") > position);
	assert_true(store_tag(user.store) == tag);
	store_user_tail(&user, 0, NULL);
	store_user_settle(&user);
	store_user_assert_got(&user, "x y z");
	store_user_close(&user);
}

static void
test_a_lean_user_reads_its_topics(void **state)
{
	struct store_options options = store_options_of(NULL);
	struct store_user    full, lean;

	(void)state;
	if (!store_is_shared)
		skip();
	store_user_open(&full, NULL);
	store_user_keep(&full, "a", "1");
	options.is_lean = true;
	store_user_open(&lean, &options);
	store_user_tail(&lean, 0, "a");
	store_user_settle(&lean);
	store_user_assert_got(&lean, "1");
	store_user_keep(&full, "b", "2");
	store_user_keep(&full, "a", "3");
	store_wait(lean.got_count == 1);
	store_user_assert_got(&lean, "3");
	store_user_keep(&lean, "a", "4");
	store_wait(lean.got_count == 1);
	store_user_assert_got(&lean, "4");
	store_user_close(&lean);
	store_user_close(&full);
}

/* Whether the engine is here; sets up what the tests have to know of it. */
static bool
choose(const char *name, bool is_shared_kind)
{
	struct store_options options = { .url = name };
	struct store_reader  reader = { .arg = NULL };
	char                 error[512] = "";
	uv_loop_t            loop;

	snprintf(store_kind, sizeof(store_kind), "%s", name);
	store_is_shared = is_shared_kind;
	if (strcmp(name, "sqlite") == 0) {
		/* Without a file it says what is wrong, if it is here. */
		options.url = "sqlite:";
		uv_loop_init(&loop);
		(void)store_open(&loop, &options, &reader, error,
		    sizeof(error));
		uv_loop_close(&loop);
		return strstr(error, "names no file") != NULL;
	}
	return true;
}

static int
run(const char *name)
{
	const struct CMUnitTest tests[] = {
		KIND_TEST(test_an_update_keeps_its_form),
		KIND_TEST(test_a_tail_is_level_and_goes_on),
		KIND_TEST(test_a_tail_begins_behind_its_position_and_anew),
		KIND_TEST(test_a_tail_from_now_on),
		KIND_TEST(test_a_tail_of_some_topics),
		KIND_TEST(test_a_tail_of_very_many_topics),
		KIND_TEST(test_a_hold_hands_over_no_more),
		KIND_TEST(test_a_long_log_comes_in_order_once),
		KIND_TEST(test_a_key_keeps_an_update_once),
		KIND_TEST(test_own_ids_are_found_by_topic_first),
		KIND_TEST(test_a_given_position_is_kept_or_refused),
		KIND_TEST(test_calls_from_within_callbacks),
		KIND_TEST(test_a_close_answers_what_is_in_flight),
		KIND_TEST(test_limits_of_bytes),
		KIND_TEST(test_positions_rise_whatever_the_clock_does),
		KIND_TEST(test_health_counts),
		KIND_TEST(test_a_tag_is_taken),
		KIND_TEST(test_several_users_have_one_log),
		KIND_TEST(test_a_log_outlives_its_users),
		KIND_TEST(test_a_lean_user_reads_its_topics),
	};

	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int
main(void)
{
	int failed_count = 0;

	if (choose("memory", false))
		failed_count += run("memory");
	if (choose("sqlite", true))
		failed_count += run("sqlite");
#ifdef HAVE_HIREDIS
	if (broker_is_there("test_store_contract") &&
	    choose("redis+unix", true))
		failed_count += run("redis+unix");
#endif
	return failed_count;
}
