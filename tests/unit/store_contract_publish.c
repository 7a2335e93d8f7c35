/* What a store promises of publishing, searching and discarding. */

#include "store_contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
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

/* Private, if its id is "secret". */
static uint64_t
keep_with_id(struct store_user *user, const char *topic, const char *id)
{
	struct sent_update sent = { 0 };
	struct update      update = { .id = id,
		     .topics = &topic,
		     .topic_count = 1,
		     .is_private = strcmp(id, "secret") == 0,
		     .bytes = "data: x\n\n",
		     .len_bytes = 9 };

	store_user_send_as(user, &sent, &update, NULL);
	store_wait(sent.is_done);
	assert_int_equal(sent.receipt.result, STORE_KEPT);
	return sent.receipt.position;
}

static void
assert_found(struct store_user *user, const char *id, const char *topic,
    uint64_t position, const char *went_to)
{
	struct found_update found;

	store_user_find(user, &found, id, topic);
	store_wait(found.is_done);
	assert_int_equal(found.position, position);
	assert_string_equal(found.topic, went_to);
	assert_int_equal(found.is_private, strcmp(id, "secret") == 0);
}

void
test_own_ids_are_found_by_topic_first(void **state)
{
	struct store_user   user;
	struct found_update gone;
	uint64_t            first, second, third;

	(void)state;
	store_user_open(&user, NULL);
	first = keep_with_id(&user, "a", "x");
	second = keep_with_id(&user, "b", "x");
	keep_with_id(&user, "b", "x");
	third = keep_with_id(&user, "b", "secret");
	assert_found(&user, "x", "a", first, "a");
	assert_found(&user, "x", "b", second, "b");
	assert_found(&user, "x", "c", first, "a");
	assert_found(&user, "x", NULL, first, "a");
	assert_found(&user, "secret", "a", third, "b");
	assert_found(&user, "z", "a", 0, "");
	assert_found(&user, "", "a", 0, "");
	store_user_find(&user, &gone, "x", "a");
	store_find_cancel(user.store, &gone.find);
	assert_found(&user, "x", "a", first, "a");
	assert_false(gone.is_done);
	store_user_close(&user);
}

void
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

void
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
	if (store_is_shared)
		assert_int_equal(user.got_count, 50);
	store_user_close(&user);
}

void
test_limits_of_bytes(void **state)
{
	struct store_options options = store_options_of(NULL);
	struct store_user    user;
	struct store_health  health;
	uint64_t             first;

	(void)state;
	if (strcmp(store_kind, "redis+unix") == 0)
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

void
test_positions_rise_whatever_the_clock_does(void **state)
{
	struct store_options options;
	struct store_user    user;
	uint64_t             first, second, third;

	(void)state;
	if (strcmp(store_kind, "redis+unix") == 0)
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

void
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
	assert_string_equal(health.engine, store_kind);
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

void
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
