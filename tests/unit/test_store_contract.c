/*
 * What store/store.h promises, of every engine that is here: memory, sqlite,
 * redis.
 */

#include "config.h"

#include "store_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_HIREDIS
#include "redis_fixture.h"
#endif

/* Several users of one URL have one log. */
static bool is_shared;
static char kind[32];

static int
set_up_kind(void **state)
{
	if (store_set_up(state) != 0)
		return -1;
	if (strcmp(kind, "sqlite") != 0)
		snprintf(store_url, sizeof(store_url), "%s", kind);
#ifdef HAVE_HIREDIS
	if (strcmp(kind, "redis+unix") == 0) {
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
	if (strcmp(kind, "redis+unix") == 0)
		broker_deinit();
#endif
	return store_tear_down(state);
}

#define KIND_TEST(name) \
	cmocka_unit_test_setup_teardown(name, set_up_kind, tear_down_kind)

static void
assert_form(const struct got_update *got, const struct update *update,
    const char *topics)
{
	assert_string_equal(got->topics, topics);
	assert_int_equal(got->len_bytes, update->len_bytes);
	assert_memory_equal(got->bytes, update->bytes, update->len_bytes);
	assert_int_equal(got->is_private, update->is_private);
	if (update->id == NULL)
		assert_null(got->id);
	else
		assert_string_equal(got->id, update->id);
}

static void
test_an_update_keeps_its_form(void **state)
{
	static const char *const topics[] = { "https://a.example/\xc3\xa4", "b",
		"c,d" };
	struct store_user        user;
	struct sent_update       sent[2] = { 0 };
	struct update            updates[2] = {
			   { .id = "urn:x:1\xff",
			       .topics = topics,
			       .topic_count = 3,
			       .is_private = true,
			       .bytes = "event: x\ndata: \xf0\x9f\x98\x80\n\n",
			       .len_bytes = 21 },
			   { .topics = topics + 1,
			       .topic_count = 1,
			       .bytes = "data\n\n",
			       .len_bytes = 6 },
	};

	(void)state;
	store_user_open(&user, NULL);
	store_user_tail(&user, 0, NULL);
	store_user_send_as(&user, &sent[0], &updates[0], NULL);
	store_user_send_as(&user, &sent[1], &updates[1], NULL);
	store_wait(user.got_count == 2 && sent[0].is_done && sent[1].is_done);
	assert_form(&user.got[0], &updates[0],
	    "https://a.example/\xc3\xa4,b,c,d");
	assert_form(&user.got[1], &updates[1], "b");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sent[i].receipt.result, STORE_KEPT);
		assert_false(sent[i].receipt.is_repeat);
		assert_int_equal(sent[i].receipt.position,
		    user.got[i].position);
	}
	store_user_close(&user);
}

static void
test_a_tail_is_level_and_goes_on(void **state)
{
	struct store_user user;
	uint64_t          last;

	(void)state;
	store_user_open(&user, NULL);
	store_user_keep(&user, "a", "1");
	last = store_user_keep(&user, "b", "2");
	store_user_tail(&user, 0, NULL);
	store_user_settle(&user);
	assert_int_equal(user.level_position, last);
	store_user_assert_got(&user, "1 2");
	last = store_user_keep(&user, "a", "3");
	store_wait(user.got_count == 1);
	assert_int_equal(user.got[0].position, last);
	store_user_assert_got(&user, "3");
	assert_int_equal(user.level_count, 1);
	store_user_close(&user);
}

static void
test_a_tail_begins_behind_its_position_and_anew(void **state)
{
	struct store_user user;
	uint64_t          first, second;

	(void)state;
	store_user_open(&user, NULL);
	first = store_user_keep(&user, "a", "1");
	second = store_user_keep(&user, "a", "2");
	store_user_keep(&user, "a", "3");
	store_user_tail(&user, second, NULL);
	store_user_settle(&user);
	store_user_assert_got(&user, "3");
	store_user_tail(&user, first, NULL);
	store_user_settle(&user);
	store_user_assert_got(&user, "2 3");
	/* The second call is the one that counts. */
	store_user_tail(&user, 0, NULL);
	store_user_tail(&user, second, NULL);
	store_user_settle(&user);
	store_user_keep(&user, "a", "4");
	store_wait(user.got_count == 2);
	store_user_assert_got(&user, "3 4");
	store_user_close(&user);
}

static void
test_a_tail_of_some_topics(void **state)
{
	static const char *const topics[] = { "a", "c" };
	struct store_user        user;
	struct sent_update       sent = { 0 };
	struct update            both = { .topics = topics,
			   .topic_count = 2,
			   .bytes = "data: both\n\n",
			   .len_bytes = 12 };
	uint64_t                 last;

	(void)state;
	store_user_open(&user, NULL);
	store_user_keep(&user, "a", "1");
	store_user_keep(&user, "b", "2");
	store_user_keep(&user, "c", "3");
	last = store_user_keep(&user, "b", "4");
	store_user_tail(&user, 0, "a");
	store_user_settle(&user);
	assert_int_equal(user.level_position, last);
	store_user_assert_got(&user, "1");
	store_tail(user.store, 0, topics, 2);
	user.last = 0;
	user.level_count = 0;
	store_user_settle(&user);
	store_user_keep(&user, "b", "5");
	store_user_send_as(&user, &sent, &both, NULL);
	store_wait(sent.is_done && user.got_count == 3);
	store_user_assert_got(&user, "1 3 both");
	store_user_close(&user);
}

/* More than a page, and more topics than what one looks up. */
static void
test_a_tail_of_very_many_topics(void **state)
{
	struct store_user  user;
	struct sent_update sent[90] = { 0 };
	char               names[100][8];
	const char        *topics[100];

	(void)state;
	store_user_open(&user, NULL);
	for (int i = 0; i < 100; i++) {
		snprintf(names[i], sizeof(names[i]), "t%d", i);
		topics[i] = names[i];
	}
	for (int i = 0; i < 90; i++)
		store_user_send(&user, &sent[i], names[99 - i], names[99 - i]);
	for (int i = 0; i < 90; i++)
		store_wait(sent[i].is_done);
	store_tail(user.store, 0, topics, 50);
	store_user_settle(&user);
	assert_int_equal(user.got_count, 40);
	assert_string_equal(user.got[0].topics, "t49");
	assert_string_equal(user.got[39].topics, "t10");
	store_user_close(&user);
}

static void
test_a_hold_hands_over_no_more(void **state)
{
	struct store_user user;

	(void)state;
	store_user_open(&user, NULL);
	store_user_tail(&user, 0, NULL);
	store_user_settle(&user);
	store_hold(user.store, true);
	store_user_keep(&user, "a", "1");
	store_user_keep(&user, "a", "2");
	store_turn_for(50);
	assert_int_equal(user.got_count, 0);
	store_hold(user.store, false);
	store_wait(user.got_count == 2);
	store_user_keep(&user, "a", "3");
	store_wait(user.got_count == 3);
	store_user_assert_got(&user, "1 2 3");
	store_user_close(&user);
}

#define LONG_COUNT 3000

/* Some of them large: pages end by count and by bytes. */
static void
test_a_long_log_comes_in_order_once(void **state)
{
	struct sent_update *sent = calloc(LONG_COUNT, sizeof(*sent));
	char               *bytes = calloc(1, 300000);
	const char         *topic = "a";
	struct store_user   user;
	struct update       update = { .topics = &topic,
		      .topic_count = 1,
		      .bytes = bytes };
	size_t              count;

	(void)state;
	store_user_open(&user, NULL);
	memset(bytes, 'x', 300000);
	for (size_t i = 0; i < LONG_COUNT; i++) {
		snprintf(bytes, 32, "data: %zu %zu", i, i);
		update.len_bytes = i % 500 == 0 ? 300000 : 30;
		memcpy(bytes + update.len_bytes - 2, "\n\n", 2);
		store_user_send_as(&user, &sent[i], &update, NULL);
		memset(bytes + update.len_bytes - 2, 'x', 2);
		store_wait(i < 900 || sent[i - 900].is_done);
	}
	store_wait(sent[LONG_COUNT - 1].is_done);
	store_user_tail(&user, 0, NULL);
	store_wait(user.level_count > 0);
	assert_int_equal(user.got_count, LONG_COUNT);
	for (count = 0; count < LONG_COUNT; count++) {
		assert_int_equal(user.got[count].position,
		    sent[count].receipt.position);
		assert_int_equal(user.got[count].len_bytes,
		    count % 500 == 0 ? 300000 : 30);
		assert_int_equal(atol(user.got[count].bytes + 6), count);
	}
	store_user_close(&user);
	free(sent);
	free(bytes);
}

static void
test_a_key_keeps_an_update_once(void **state)
{
	const char        *topic = "a";
	struct store_user  user;
	struct sent_update first = { 0 }, second = { 0 }, third = { 0 };
	struct update      update = { .id = "own",
		     .topics = &topic,
		     .topic_count = 1,
		     .bytes = "data: x\n\n",
		     .len_bytes = 9 };

	(void)state;
	store_user_open(&user, NULL);
	store_user_tail(&user, 0, NULL);
	store_user_send_as(&user, &first, &update, "me 1");
	store_user_send_as(&user, &second, &update, "me 1");
	store_wait(first.is_done && second.is_done);
	assert_false(first.receipt.is_repeat);
	assert_true(second.receipt.is_repeat);
	assert_int_equal(second.receipt.result, STORE_KEPT);
	assert_int_equal(second.receipt.position, first.receipt.position);
	assert_string_equal(second.id, "own");
	update.id = NULL;
	store_user_send_as(&user, &second, &update, "me 1");
	store_user_send_as(&user, &third, &update, "me 2");
	store_wait(second.is_done && third.is_done);
	assert_true(second.receipt.is_repeat);
	assert_string_equal(second.id, "own");
	assert_false(third.receipt.is_repeat);
	store_user_send_as(&user, &second, &update, "me 2");
	store_wait(second.is_done);
	assert_true(second.receipt.is_repeat);
	assert_string_equal(second.id, "");
	store_wait(user.got_count >= 2);
	store_user_assert_got(&user, "x x");
	store_user_close(&user);
}

static uint64_t
keep_with_id(struct store_user *user, const char *topic, const char *id)
{
	struct sent_update sent = { 0 };
	struct update      update = { .id = id,
		     .topics = &topic,
		     .topic_count = 1,
		     .bytes = "data: x\n\n",
		     .len_bytes = 9 };

	store_user_send_as(user, &sent, &update, NULL);
	store_wait(sent.is_done);
	assert_int_equal(sent.receipt.result, STORE_KEPT);
	return sent.receipt.position;
}

static void
assert_found(struct store_user *user, const char *id, const char *topic,
    uint64_t position)
{
	struct found_update found;

	store_user_find(user, &found, id, topic);
	store_wait(found.is_done);
	assert_int_equal(found.position, position);
}

static void
test_own_ids_are_found_by_topic_first(void **state)
{
	struct store_user   user;
	struct found_update gone;
	uint64_t            first, second;

	(void)state;
	store_user_open(&user, NULL);
	first = keep_with_id(&user, "a", "x");
	second = keep_with_id(&user, "b", "x");
	keep_with_id(&user, "b", "x");
	keep_with_id(&user, "b", "y");
	assert_found(&user, "x", "a", first);
	assert_found(&user, "x", "b", second);
	assert_found(&user, "x", "c", first);
	assert_found(&user, "x", NULL, first);
	assert_found(&user, "z", "a", 0);
	assert_found(&user, "", "a", 0);
	store_user_find(&user, &gone, "x", "a");
	store_find_cancel(user.store, &gone.find);
	assert_found(&user, "x", "a", first);
	assert_false(gone.is_done);
	store_user_close(&user);
}

static void
test_a_given_position_is_kept_or_refused(void **state)
{
	const char        *topic = "a";
	struct store_user  user;
	struct sent_update sent = { 0 };
	struct update      update = { .topics = &topic,
		     .topic_count = 1,
		     .bytes = "data: x\n\n",
		     .len_bytes = 9 };

	(void)state;
	store_user_open(&user, NULL);
	update.position = UINT64_C(1000) << 20 | 5;
	store_user_send_as(&user, &sent, &update, NULL);
	store_wait(sent.is_done);
	assert_int_equal(sent.receipt.result, STORE_KEPT);
	assert_int_equal(sent.receipt.position, update.position);
	store_user_send_as(&user, &sent, &update, NULL);
	store_wait(sent.is_done);
	assert_int_equal(sent.receipt.result, STORE_NOT_KEPT);
	update.position++;
	store_user_send_as(&user, &sent, &update, NULL);
	store_wait(sent.is_done);
	assert_int_equal(sent.receipt.result, STORE_KEPT);
	store_user_tail(&user, 0, NULL);
	store_user_settle(&user);
	store_user_assert_got(&user, "x x");
	store_user_close(&user);
}

static void
tail_anew(struct store_user *user)
{
	user->then = NULL;
	store_user_tail(user, 0, "b");
}

static int again_count;

static void
send_again(struct sent_update *sent)
{
	if (++again_count < 5)
		store_user_send(sent->user, sent, "b", "again");
}

static void
test_calls_from_within_callbacks(void **state)
{
	struct store_user  user;
	struct sent_update sent = { .then = send_again };

	(void)state;
	again_count = 0;
	store_user_open(&user, NULL);
	user.then = tail_anew;
	store_user_tail(&user, 0, NULL);
	store_user_keep(&user, "a", "1");
	store_wait(user.got_count == 1);
	store_user_forget(&user);
	store_user_send(&user, &sent, "b", "2");
	store_wait(user.got_count == 5);
	store_user_assert_got(&user, "2 again again again again");
	store_user_close(&user);
}

static void
test_a_close_answers_what_is_in_flight(void **state)
{
	struct store_user   user;
	struct sent_update  sent[50] = { 0 };
	struct found_update found;

	(void)state;
	store_user_open(&user, NULL);
	store_user_tail(&user, 0, NULL);
	for (int i = 0; i < 50; i++)
		store_user_send(&user, &sent[i], "a", "x");
	store_user_find(&user, &found, "x", "a");
	store_user_close(&user);
	for (int i = 0; i < 50; i++) {
		assert_true(sent[i].is_done);
		assert_int_equal(sent[i].receipt.result, STORE_KEPT);
	}
	assert_true(found.is_done);
	store_user_open(&user, NULL);
	store_user_tail(&user, 0, NULL);
	store_user_settle(&user);
	if (is_shared)
		assert_int_equal(user.got_count, 50);
	store_user_close(&user);
}

static void
test_limits_of_bytes(void **state)
{
	struct store_options options = store_options_of(NULL);
	struct store_user    user;
	struct store_health  health;
	uint64_t             first;

	(void)state;
	if (strcmp(kind, "redis+unix") == 0)
		skip(); /* whose memory is the broker's, in larger pieces */
	options.bytes_max = 2000;
	store_user_open(&user, &options);
	first = store_user_keep(&user, "a", "0");
	for (int i = 0; i < 300; i++)
		store_user_keep(&user, "a", "x");
	/* Discarding may come a second later, with whatever is published. */
	do {
		store_user_keep(&user, "a", "y");
		store_turn_for(20);
		health = store_user_health(&user);
	} while (health.byte_count > 2050);
	store_user_tail(&user, first, NULL);
	store_user_settle(&user);
	assert_true(user.got_count >= 100 && user.got_count < 250);
	assert_int_equal(user.lost_count, 1);
	assert_true(user.lost_up_to > first &&
	    user.lost_up_to < user.got[0].position);
	store_user_close(&user);
}

static void
test_positions_rise_whatever_the_clock_does(void **state)
{
	struct store_options options;
	struct store_user    user;
	uint64_t             first, second, third;

	(void)state;
	if (strcmp(kind, "redis+unix") == 0)
		skip(); /* which has the broker's clock */
	store_hand_ms = INT64_C(1700000000000);
	options = store_options_of(NULL);
	store_user_open(&user, &options);
	first = store_user_keep(&user, "a", "1");
	assert_int_equal(first, (uint64_t)store_hand_ms << 20);
	store_hand_ms -= 3600000;
	second = store_user_keep(&user, "a", "2");
	assert_int_equal(second, first + 1);
	store_hand_ms += 2 * 3600000;
	third = store_user_keep(&user, "a", "3");
	assert_int_equal(third, (uint64_t)store_hand_ms << 20);
	store_user_close(&user);
}

static void
test_health_counts(void **state)
{
	struct store_user   user;
	struct store_health health;
	uint64_t            last;

	(void)state;
	store_user_open(&user, NULL);
	store_user_keep(&user, "a", "1");
	last = store_user_keep(&user, "a", "2");
	health = store_user_health(&user);
	assert_string_equal(health.engine, kind);
	assert_string_equal(health.name, store_url);
	assert_int_equal(health.state, STORE_UP);
	assert_null(health.why);
	assert_int_equal(health.down_ms, 0);
	assert_int_equal(health.newest, last);
	assert_int_equal(health.update_count, 2);
	assert_int_equal(health.published_count, 2);
	assert_int_equal(health.failed_count, 0);
	assert_true(store_tag(user.store) != 0);
	store_user_close(&user);
}

static void
test_a_tag_is_taken(void **state)
{
	struct store_options options = store_options_of(NULL);
	struct store_user    user;

	(void)state;
	options.tag = 0x123456789;
	store_user_open(&user, &options);
	store_wait(store_tag(user.store) != 0);
	assert_int_equal(store_tag(user.store), 0x123456789);
	store_user_close(&user);
}

/* From here on: what several users of one log see. */

static void
test_several_users_have_one_log(void **state)
{
	struct store_user users[3];
	uint64_t          tag;

	(void)state;
	if (!is_shared)
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
	if (!is_shared)
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
	if (!is_shared)
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

	snprintf(kind, sizeof(kind), "%s", name);
	is_shared = is_shared_kind;
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
