#include "redis_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pure/position.h"

static struct store_user a, b;

static int
set_up(void **state)
{
	redis_set_up(state);
	broker_start(NULL);
	store_user_open(&a, NULL);
	store_wait(a.up_count == 1);
	return 0;
}

static int
tear_down(void **state)
{
	store_user_close(&a);
	return redis_tear_down(state);
}

static void
test_an_update_reaches_all_and_keeps_its_form(void **state)
{
	const char *const  topics[] = { "one", "two" };
	struct update      update = { .id = "own id",
		     .topics = topics,
		     .topic_count = 2,
		     .is_private = true,
		     .bytes = "event: x\ndata: \xc3\xa4\n\n",
		     .len_bytes = 19 };
	struct sent_update sent = { 0 };

	(void)state;
	store_user_open(&b, NULL);
	store_user_tail(&a, 0, NULL);
	store_user_tail(&b, 0, NULL);
	store_wait(a.level_count == 1 && b.level_count == 1);
	store_user_send_as(&a, &sent, &update, NULL);
	store_wait(sent.is_done && a.got_count == 1 && b.got_count == 1);
	assert_int_equal(sent.receipt.result, STORE_KEPT);
	assert_int_equal(b.got[0].position, sent.receipt.position);
	assert_string_equal(b.got[0].id, "own id");
	assert_string_equal(b.got[0].topics, "one,two");
	assert_string_equal(b.got[0].bytes, "event: x\ndata: \xc3\xa4\n\n");
	assert_true(b.got[0].is_private);
	assert_int_equal(a.store->engine->tag(a.store),
	    b.store->engine->tag(b.store));
	assert_int_not_equal(a.store->engine->tag(a.store), 0);
	store_user_close(&b);
}

static void
test_positions_are_the_brokers_time(void **state)
{
	uint64_t first, second;
	int64_t  wall_ms = (int64_t)time(NULL) * 1000;

	(void)state;
	first = store_user_keep(&a, "t", "1");
	second = store_user_keep(&a, "t", "2");
	assert_true(second > first);
	assert_true(position_ms(first) > wall_ms - 60000);
	assert_true(position_ms(first) < wall_ms + 60000);
}

/* What the broker says of itself, on a connection of its own. */
static long
statistic(const char *section, const char *name)
{
	redisReply *reply = broker_command("INFO %s", section);
	const char *found = strstr(reply->str, name);
	long        number;

	assert_non_null(found);
	number = strtol(found + strlen(name) + 1, NULL, 10);
	freeReplyObject(reply);
	return number;
}

static void
test_a_tail_begins_behind_its_position_and_begins_anew(void **state)
{
	uint64_t positions[3];
	long     connection_count;

	(void)state;
	positions[0] = store_user_keep(&a, "t", "1");
	positions[1] = store_user_keep(&a, "t", "2");
	positions[2] = store_user_keep(&a, "u", "3");
	store_user_tail(&a, positions[0], NULL);
	store_wait(a.level_count == 1);
	assert_int_equal(a.got_count, 2);
	assert_int_equal(a.got[0].position, positions[1]);
	assert_int_equal(a.level_position, positions[2]);
	store_user_forget(&a);
	/* While a read waits: by a new connection, not after that read's time.
	 */
	store_wait(statistic("clients", "blocked_clients") == 1);
	connection_count = statistic("stats", "total_connections_received");
	store_user_tail(&a, 0, "t");
	store_wait(a.level_count == 1);
	assert_int_equal(statistic("stats", "total_connections_received"),
	    connection_count + 2);
	assert_int_equal(a.got_count, 2);
	assert_string_equal(a.got[1].bytes, "data: 2\n\n");
	store_user_keep(&a, "u", "4");
	store_user_keep(&a, "t", "5");
	store_wait(a.got_count == 3);
	assert_string_equal(a.got[2].bytes, "data: 5\n\n");
	assert_int_equal(a.lost_count, 0);
}

static void
test_a_hold_reads_no_further(void **state)
{
	(void)state;
	a.store->engine->hold(a.store, true);
	store_user_tail(&a, 0, NULL);
	store_user_keep(&a, "t", "1");
	store_turn_for(30);
	assert_int_equal(a.got_count, 0);
	a.store->engine->hold(a.store, false);
	store_wait(a.got_count == 1);
	assert_int_equal(a.level_count, 1);
}

static void
test_a_long_log_comes_in_order_once(void **state)
{
	enum { COUNT = 3000 };
	struct sent_update *sent = calloc(COUNT, sizeof(*sent));
	char                text[16];
	size_t              i, done = 0, kept = 0;

	(void)state;
	for (i = 0; i < COUNT; i++) {
		snprintf(text, sizeof(text), "%zu", i);
		store_user_send(&a, &sent[i], "t", text);
		if (i % 500 == 499)
			store_wait(sent[i].is_done);
	}
	for (i = 0; i < COUNT; i++) {
		done += sent[i].is_done;
		kept += sent[i].receipt.result == STORE_KEPT;
	}
	assert_int_equal(done, COUNT);
	assert_int_equal(kept, COUNT);
	store_user_tail(&a, 0, NULL);
	store_wait(a.level_count == 1);
	assert_int_equal(a.got_count, COUNT);
	for (i = 0; i < COUNT; i++)
		assert_int_equal(a.got[i].position, sent[i].receipt.position);
	free(sent);
}

static void
test_publishes_in_flight_are_bounded(void **state)
{
	enum { COUNT = 1100 };
	struct sent_update *sent = calloc(COUNT, sizeof(*sent));
	size_t              i, refused = 0, done = 0;

	(void)state;
	for (i = 0; i < COUNT; i++)
		store_user_send(&a, &sent[i], "t", "x");
	store_wait(sent[999].is_done && sent[COUNT - 1].is_done);
	for (i = 0; i < COUNT; i++) {
		done += sent[i].is_done;
		refused += sent[i].receipt.result == STORE_NOT_KEPT;
	}
	assert_int_equal(done, COUNT);
	assert_int_equal(refused, 100);
	assert_string_equal(sent[1050].why, "too many publishes under way");
	assert_int_not_equal(sent[1050].receipt.retry_after_s, 0);
	free(sent);
}

static void
test_a_key_keeps_an_update_once(void **state)
{
	const char        *topic = "t";
	struct update      update = { .topics = &topic,
		     .topic_count = 1,
		     .id = "mine",
		     .bytes = "data: 1\n\n",
		     .len_bytes = 9 };
	struct sent_update sent[50] = { 0 };
	size_t             i, repeats = 0;

	(void)state;
	for (i = 0; i < 50; i++)
		store_user_send_as(&a, &sent[i], &update,
		    "key \x01 of somebody");
	store_wait(sent[49].is_done);
	for (i = 0; i < 50; i++) {
		assert_int_equal(sent[i].receipt.result, STORE_KEPT);
		assert_int_equal(sent[i].receipt.position,
		    sent[0].receipt.position);
		repeats += sent[i].receipt.is_repeat;
		if (sent[i].receipt.is_repeat)
			assert_string_equal(sent[i].id, "mine");
	}
	assert_int_equal(repeats, 49);
	assert_int_equal(broker_number("XLEN fcgi-sse{log}"), 1);
	update.id = NULL;
	store_user_send_as(&a, &sent[0], &update, "another");
	store_user_send_as(&a, &sent[1], &update, "another");
	store_wait(sent[1].is_done);
	assert_false(sent[0].receipt.is_repeat);
	assert_true(sent[1].receipt.is_repeat);
	assert_null(sent[1].receipt.id);
}

/* Publishes under an own id; returns the position. */
static uint64_t
keep_with_id(const char *id, const char *topic)
{
	struct update      update = { .topics = &topic,
		     .topic_count = 1,
		     .id = id,
		     .bytes = "data: 1\n\n",
		     .len_bytes = 9 };
	struct sent_update sent = { 0 };

	store_user_send_as(&a, &sent, &update, NULL);
	store_wait(sent.is_done);
	assert_int_equal(sent.receipt.result, STORE_KEPT);
	return sent.receipt.position;
}

static uint64_t
find(const char *id, const char *topic)
{
	struct found_update found;

	store_user_find(&a, &found, id, topic);
	store_wait(found.is_done);
	return found.position;
}

static void
test_own_ids_are_found_by_topic_first(void **state)
{
	uint64_t first, second;

	(void)state;
	first = keep_with_id("same", "one");
	second = keep_with_id("same", "two");
	keep_with_id("same", "two");
	assert_int_equal(find("same", "two"), second);
	assert_int_equal(find("same", "three"), first);
	assert_int_equal(find("same", NULL), first);
	assert_int_equal(find("other", "one"), 0);
	assert_int_equal(find("", NULL), 0);
	freeReplyObject(broker_command("XTRIM fcgi-sse{log} MAXLEN 2"));
	assert_int_equal(find("same", NULL), second);
	freeReplyObject(broker_command("XTRIM fcgi-sse{log} MAXLEN 0"));
	assert_int_equal(find("same", NULL), 0);
}

static void
test_ids_that_we_made_are_found_too(void **state)
{
	char id[POSITION_ID_BYTES];

	(void)state;
	position_to_id(4711, a.store->engine->tag(a.store), id);
	assert_int_equal(find(id, NULL), 4711);
	position_to_id(4711, a.store->engine->tag(a.store) ^ 1, id);
	assert_int_equal(find(id, NULL), 0);
}

static void
test_many_updates_with_one_id_are_bounded(void **state)
{
	uint64_t first = 0;
	size_t   i;

	(void)state;
	for (i = 0; i < 70; i++)
		if (i == 0)
			first = keep_with_id("same", "t");
		else
			keep_with_id("same", "t");
	assert_int_equal(broker_number("LLEN fcgi-sse{log}:id:same"), 64);
	assert_int_equal(find("same", "t"), first);
	freeReplyObject(broker_command("XTRIM fcgi-sse{log} MAXLEN 1"));
	keep_with_id("same", "t");
	assert_int_equal(broker_number("LLEN fcgi-sse{log}:id:same"), 1);
}

static void
test_a_find_can_be_cancelled(void **state)
{
	struct found_update found, other;

	(void)state;
	store_user_find(&a, &found, "x", NULL);
	a.store->engine->find_cancel(a.store, &found.find);
	store_user_find(&a, &other, "x", NULL);
	store_wait(other.is_done);
	assert_false(found.is_done);
}

static void
test_a_given_position_is_kept_or_refused(void **state)
{
	const char        *topic = "t";
	struct update      update = { .position = position_at(1000) + 7,
		     .topics = &topic,
		     .topic_count = 1,
		     .bytes = "data: 1\n\n",
		     .len_bytes = 9 };
	struct sent_update sent = { 0 };

	(void)state;
	store_user_send_as(&a, &sent, &update, NULL);
	store_wait(sent.is_done);
	assert_int_equal(sent.receipt.result, STORE_KEPT);
	assert_int_equal(sent.receipt.position, update.position);
	store_user_send_as(&a, &sent, &update, NULL);
	store_wait(sent.is_done);
	assert_int_equal(sent.receipt.result, STORE_NOT_KEPT);
	assert_string_equal(sent.why,
	    "the position lies behind the log's newest");
	update.position++;
	store_user_send_as(&a, &sent, &update, "with a key");
	store_wait(sent.is_done);
	assert_int_equal(sent.receipt.position, update.position);
	assert_int_equal(a.state, STORE_UP);
}

static void
test_entries_of_others_are_skipped(void **state)
{

	(void)state;
	store_user_tail(&a, 0, NULL);
	freeReplyObject(broker_command("XADD fcgi-sse{log} * x y"));
	freeReplyObject(broker_command("XADD fcgi-sse{log} * t a"));
	freeReplyObject(broker_command("XADD fcgi-sse{log} * m 1"));
	freeReplyObject(broker_command("XADD fcgi-sse{log} * t a d %s", "bad"));
	freeReplyObject(broker_command("XADD fcgi-sse{log} * t %b d %s", "a\0a",
	    (size_t)3, "data: 1\n\n"));
	freeReplyObject(broker_command("XADD fcgi-sse{log} * t %b d %s", "a\0",
	    (size_t)2, "data: 1\n\n"));
	freeReplyObject(broker_command("XADD fcgi-sse{log} * t a d %s i %s",
	    "data: 1\n\n", "1\n2"));
	freeReplyObject(broker_command("XADD fcgi-sse{log} * t a d %s i %s",
	    "data: 1\n\n", "\xff"));
	freeReplyObject(broker_command("XADD fcgi-sse{log} * t %s d %s",
	    "\xc0\xaf", "data: 1\n\n"));
	store_user_keep(&a, "t", "good");
	store_wait(a.got_count == 1);
	assert_string_equal(a.got[0].bytes, "data: good\n\n");
	assert_int_equal(a.lost_count, 0);
}

static void
test_a_lean_store_connects_when_it_is_needed(void **state)
{
	const struct store_options lean = { .is_lean = true };

	(void)state;
	store_user_open(&b, &lean);
	store_turn_for(30);
	assert_int_equal(b.up_count, 0);
	assert_int_equal(b.store->engine->tag(b.store), 0);
	store_user_keep(&b, "t", "1"); /* waits for the connection */
	assert_int_equal(b.up_count, 1);
	assert_int_equal(b.got_count, 0);
	store_user_tail(&b, 0, "t");
	store_wait(b.got_count == 1);
	store_user_close(&b);
}

static void
test_limits_trim_the_log(void **state)
{
	const struct store_options small = { .bytes_max = 100000 };
	struct sent_update        *sent = calloc(1000, sizeof(*sent));
	char                       bytes[1000];
	const char                *topic = "t";
	struct update              update = { .topics = &topic,
			     .topic_count = 1,
			     .bytes = bytes,
			     .len_bytes = sizeof(bytes) };
	size_t                     i;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes + sizeof(bytes) - 2, "\n\n", 2);
	store_user_open(&b, &small);
	store_wait(b.up_count == 1);
	for (i = 0; i < 500; i++)
		store_user_send_as(&b, &sent[i], &update, NULL);
	store_wait(sent[499].is_done);
	store_wait(broker_number("XLEN fcgi-sse{log}") < 150);
	assert_true(broker_number("XLEN fcgi-sse{log}") > 20);
	store_user_close(&b);
	free(sent);
}

static void
test_age_is_judged_by_the_broker(void **state)
{
	const struct store_options aged = { .age_ms = 3600000 };
	size_t                     i;

	(void)state;
	for (i = 0; i < 250; i++)
		freeReplyObject(broker_command(
		    "XADD fcgi-sse{log} 1000-%d t a d x", (int)i));
	freeReplyObject(broker_command("DEL fcgi-sse{log}:turn"));
	store_user_open(&b, &aged);
	store_wait(b.up_count == 1);
	store_user_keep(&b, "t", "1");
	store_wait(broker_number("XLEN fcgi-sse{log}") == 1);
	store_user_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_an_update_reaches_all_and_keeps_its_form),
		TEST(test_positions_are_the_brokers_time),
		TEST(test_a_tail_begins_behind_its_position_and_begins_anew),
		TEST(test_a_hold_reads_no_further),
		TEST(test_a_long_log_comes_in_order_once),
		TEST(test_publishes_in_flight_are_bounded),
		TEST(test_a_key_keeps_an_update_once),
		TEST(test_own_ids_are_found_by_topic_first),
		TEST(test_ids_that_we_made_are_found_too),
		TEST(test_many_updates_with_one_id_are_bounded),
		TEST(test_a_find_can_be_cancelled),
		TEST(test_a_given_position_is_kept_or_refused),
		TEST(test_entries_of_others_are_skipped),
		TEST(test_a_lean_store_connects_when_it_is_needed),
		TEST(test_limits_trim_the_log),
		TEST(test_age_is_judged_by_the_broker)
	};

	if (!broker_is_there("test_store_redis"))
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
