/* What a store promises of its tail. */

#include "store_contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void
test_an_update_keeps_its_form(void **state)
{
	static const char *const topics[] = { "https://a.example/\xc3\xa4", "b",
		"c,d" };
	struct store_user        user;
	struct sent_update       sent[2] = { 0 };
	struct update            updates[2] = {
			   { .id = "urn:x:1\xc3\xbf",
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

void
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

void
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

void
test_a_tail_from_now_on(void **state)
{
	struct store_user user;
	uint64_t          last;

	(void)state;
	store_user_open(&user, NULL);
	store_user_tail(&user, STORE_FROM_NOW, NULL);
	store_user_settle(&user);
	store_user_keep(&user, "a", "1");
	last = store_user_keep(&user, "b", "2");
	store_wait(user.got_count == 2);
	store_user_assert_got(&user, "1 2");
	store_user_tail(&user, STORE_FROM_NOW, "a");
	store_user_settle(&user);
	assert_int_equal(user.level_position, last);
	store_user_assert_got(&user, "");
	store_user_keep(&user, "b", "3");
	store_user_keep(&user, "a", "4");
	store_wait(user.got_count == 1);
	store_user_assert_got(&user, "4");
	store_user_close(&user);
}

void
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
void
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

void
test_a_hold_hands_over_no_more(void **state)
{
	struct store_user user;
	size_t            count;

	(void)state;
	store_user_open(&user, NULL);
	store_user_tail(&user, 0, NULL);
	store_user_settle(&user);
	store_hold(user.store, true);
	store_user_keep(&user, "a", "1");
	store_turn_for(50);
	/* A read that was under way may have found it. */
	count = user.got_count;
	assert_in_range(count, 0, 1);
	store_user_keep(&user, "a", "2");
	store_turn_for(50);
	assert_int_equal(user.got_count, count);
	store_hold(user.store, false);
	store_wait(user.got_count == 2);
	store_user_keep(&user, "a", "3");
	store_wait(user.got_count == 3);
	store_user_assert_got(&user, "1 2 3");
	store_user_close(&user);
}

#define LONG_COUNT 3000

/* Some of them large: pages end by count and by bytes. */
void
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

void
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
