/* Topics that come and go, ids, and ages by clocks that are set by hand. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "hub_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
test_nothing_is_kept_at_first(void **state)
{
	(void)state;
	assert_int_equal(hub_bytes(&hub), 0);
	assert_true(hub_next_ms(&hub) == INT64_MAX);
	assert_kept("a", "");
	assert_kept(HUB_ALL, "");
	assert_true(find("a", "1") == 0);
}

static void
test_the_old_goes(void **state)
{
	(void)state;
	put("a", "1");
	assert_true(hub_next_ms(&hub) == 1000 + AGE_MS);
	pass_ms(AGE_MS - 1);
	put("b", "2");
	assert_kept("a", "1");
	assert_true(hub_next_ms(&hub) == 1000 + AGE_MS);
	pass_ms(1);
	assert_kept("a", "");
	assert_kept("b", "2");
	assert_true(find("a", "1") == 0);
	assert_true(hub_next_ms(&hub) == 1999 + AGE_MS);
	pass_ms(AGE_MS);
	assert_int_equal(hub_bytes(&hub), 0);
	assert_int_equal(hub.topic_count, 0);
	assert_true(hub_next_ms(&hub) == INT64_MAX);
}

static void
test_idle_topics_disappear(void **state)
{
	struct reader reader;

	(void)state;
	reader_open(&reader, 'r', hub_topic(&hub, "a", NULL, NULL));
	hub_topic(&hub, "b", NULL, NULL);
	put("c", "1");
	turns_settle();
	hub_run(&hub, hand_ms());
	assert_int_equal(hub.topic_count, 2);
	cursor_close(&reader.cursor);
	assert_int_equal(hub.topic_count, 2);
	hub_run(&hub, hand_ms());
	assert_int_equal(hub.topic_count, 1);
	pass_ms(AGE_MS);
	assert_int_equal(hub.topic_count, 0);
	assert_int_equal(hub.topic_bytes, 0);
}

static void
test_a_topic_that_is_used_again_stays(void **state)
{
	struct reader reader;
	struct topic *topic = hub_topic(&hub, "a", NULL, NULL);

	(void)state;
	reader_open(&reader, 'r', topic);
	cursor_close(&reader.cursor);
	reader_open(&reader, 'r', hub_topic(&hub, "a", NULL, NULL));
	turns_settle();
	hub_run(&hub, hand_ms());
	assert_ptr_equal(hub_topic(&hub, "a", NULL, NULL), topic);
	put("a", "1");
	turns_settle();
	assert_had(&reader, "1");
	pass_ms(AGE_MS);
	assert_int_equal(hub.topic_count, 1);
	cursor_close(&reader.cursor);
	put("a", "2");
	hub_run(&hub, hand_ms());
	assert_kept("a", "2");
}

static void
test_one_sample_for_each_update(void **state)
{
	struct topic *topics[2];
	struct reader readers[3];

	(void)state;
	topics[0] = hub_topic(&hub, "a", NULL, NULL);
	topics[1] = hub_topic(&hub, "b", NULL, NULL);
	reader_open(&readers[0], '0', topics[0]);
	reader_open(&readers[1], '1', topics[1]);
	reader_open_on(&readers[2], '2', topics, 2, CURSOR_FROM_NOW);
	turns_settle();
	put_on(TOPICS("a", "b"), NULL, "x");
	hand_us += 10;
	put("a", "y");
	hand_us += 1000;
	turns_run(&turns, hand_ms(), 1);
	put("b", "z");
	assert_int_equal(hub.latency.total_count, 0);
	turns_settle();
	assert_int_equal(hub.latency.total_count, 3);
	assert_int_equal(hub.latency.sum_us, 1010 + 1000 + 0);
	for (size_t i = 0; i < COUNT(readers); i++)
		cursor_close(&readers[i].cursor);
	/* Nobody is there to have it. */
	put("a", "!");
	turns_settle();
	assert_int_equal(hub.latency.total_count, 3);
}

static void
test_ids_that_hold_their_position(void **state)
{
	char     id[POSITION_ID_BYTES], text[100];
	uint64_t position;

	(void)state;
	assert_false(hub_id(&hub, 7, id));
	hub.tag = 12345;
	put_on(TOPICS("a"), NULL, "x");
	assert_true(hub_id(&hub, 1, id));
	snprintf(text, sizeof(text), "id: %s\nx", id);
	assert_null(hub.ids.tree);
	assert_true(find("a", id) == 1);
	assert_true(find("nobody's", id) == 1);
	/* Of what is to come, too; but not of another store. */
	assert_true(hub_id(&hub, 99, id));
	assert_true(find("a", id) == 99);
	hub.tag = 54321;
	assert_true(find("a", id) == 0);
	assert_true(hub_id(&hub, 0, id));
	assert_true(hub_find(&hub, id, &hub.all, 1, NULL, &position));
	assert_true(position == 0);
}

static void
test_an_update_out_of_order_is_passed_over(void **state)
{
	(void)state;
	put("a", "1");
	last_position--;
	put("a", "2");
	assert_kept("a", "1");
	assert_int_equal(hub.published_count, 1);
}

/* A topic that was freed has not forgotten that it had something. */
static void
test_what_is_gone_is_known(void **state)
{
	struct topic *topic;

	(void)state;
	put("a", "1");
	put("a", "2");
	pass_ms(AGE_MS);
	assert_int_equal(hub.topic_count, 0);
	topic = hub_topic(&hub, "a", NULL, NULL);
	assert_false(hub_has_all_since(&hub, &topic, 1, 1, NULL));
	assert_true(hub_has_all_since(&hub, &topic, 1, 2, NULL));
	hub_lose(&hub, 5);
	assert_false(hub_has_all_since(&hub, &topic, 1, 4, NULL));
	assert_true(hub_has_all_since(&hub, &topic, 1, 5, NULL));
}

static bool
may_have_topic(const void *arg, const struct update *update)
{
	return strcmp(update->topics[0], arg) == 0;
}

static void
put_private_on(const char *const *topics, int64_t ms)
{
	struct update update = {
		.position = last_position = position_at(ms),
		.topics = topics,
		.is_private = true,
		.bytes = "x",
		.len_bytes = 1,
	};

	while (topics[update.topic_count] != NULL)
		update.topic_count++;
	hub_ingest(&hub, &update, 1, hand_ms(), 0);
}

static void
put_private_at(const char *topic, int64_t ms)
{
	put_private_on(TOPICS(topic), ms);
}

/* Up to where the reader is told that something is gone, in ms. */
static int64_t
told_ms(const char *name, struct update_reader reader)
{
	struct topic *topic = hub_topic(&hub, name, NULL, NULL);
	int64_t       ms = 0;

	while (!hub_has_all_since(&hub, &topic, 1, position_at(ms), &reader))
		ms++;
	return ms;
}

/* Nobody finds out, by trying ids, when others had something. */
static void
test_what_is_gone_is_told_to_its_readers(void **state)
{
	const struct update_reader stranger = { may_have_topic, "", 0 },
				   owner = { may_have_topic, "a",
					   UPDATE_REACH_SOME },
				   other = { may_have_topic, "b",
					   UPDATE_REACH_SOME },
				   all = { may_have_topic, "",
					   UPDATE_REACH_ALL };

	(void)state;
	put_on(TOPICS("a"), NULL, "public");
	for (int64_t ms = 61000; ms < 61007; ms++)
		put_private_at("a", ms);
	for (int round = 0; round < 3; round++) {
		/* It keeps three, then none, then is a topic that is new. */
		assert_int_equal(told_ms("a", stranger), 1);
		assert_int_equal(told_ms("a", owner),
		    round == 0 ? 61003 : 61006);
		assert_int_equal(told_ms("a", all), round == 0 ? 61003 : 61006);
		assert_int_equal(told_ms("a", other), 1);
		if (round == 0)
			hub_drop_all(&hub);
		else
			pass_ms(AGE_MS);
	}
	assert_int_equal(told_ms("*", other), 120000);
	assert_int_equal(told_ms("new", stranger), 1);
	assert_int_equal(told_ms("new", other), 1);
	/* One that has a right to another topic of it may have had this. */
	put_private_on(TOPICS("a", "b"), 61007);
	hub_drop_all(&hub);
	assert_int_equal(told_ms("a", stranger), 1);
	assert_int_equal(told_ms("a", other), 120000);
	hub_lose(&hub, position_at(123456));
	assert_int_equal(told_ms("new", stranger), 180000);
	assert_int_equal(told_ms("new", all), 123456);
}

/* A publisher's id of elsewhere is known as long as nothing is gone that the
 * reader could have had. */
static void
test_ids_do_not_tell_what_is_gone(void **state)
{
	const struct update_reader stranger = { may_have_topic, "", 0 };
	struct topic              *topic = hub_topic(&hub, "a", NULL, NULL);
	uint64_t                   position;

	(void)state;
	put("b", "elsewhere");
	for (int64_t ms = 1000; ms < 1009; ms++)
		put_private_at("a", ms);
	assert_true(hub_find(&hub, "elsewhere", &topic, 1, &stranger,
	    &position));
	assert_false(hub_find(&hub, "elsewhere", &topic, 1, NULL, &position));
}

/* Read from a log, it is as old as its position says. */
static void
test_age_is_that_of_the_log(void **state)
{
	(void)state;
	last_position = position_at(10000) - 1;
	hub_wall_ms = 10000 + AGE_MS - 10;
	put("a", "1");
	assert_int_equal(hub_next_ms(&hub), hand_ms() + 10);
	pass_ms(9);
	assert_kept("a", "1");
	pass_ms(1);
	assert_kept("a", "");
}

static void
test_an_update_to_several_topics(void **state)
{
	struct topic *topics[2];
	struct reader reader;

	(void)state;
	topics[0] = hub_topic(&hub, "a", NULL, NULL);
	topics[1] = hub_topic(&hub, "b", NULL, NULL);
	reader_open_on(&reader, 'r', topics, 2, CURSOR_FROM_NOW);
	turns_settle();
	put_on(TOPICS("b", "a", "c"), "1", "1");
	put("c", "2");
	put("b", "3");
	turns_settle();
	assert_had(&reader, "13");
	cursor_close(&reader.cursor);
	assert_kept("a", "1");
	assert_kept("b", "13");
	assert_kept("c", "12");
	assert_kept(HUB_ALL, "123");
	assert_true(find("a", "1") == 1 && find("c", "1") == 1);
	assert_true(find("a", "3") == 3 && find(HUB_ALL, "3") == 3);
}

static void
test_of_a_repeated_id_the_oldest_counts(void **state)
{
	(void)state;
	put("a", "x");
	pass_ms(AGE_MS / 2);
	put("b", "x");
	put("a", "x");
	put("a", "y");
	assert_true(find("a", "x") == 1);
	assert_true(find("b", "x") == 2);
	assert_true(find(HUB_ALL, "x") == 1);
	/* On another topic it is a place in the whole hub all the same. */
	assert_true(find("c", "x") == 1);
	/* The id of the newest that is gone is known still. */
	pass_ms(AGE_MS / 2);
	assert_true(find("a", "x") == 1);
	assert_true(find("b", "x") == 2);
	put("b", "x");
	pass_ms(AGE_MS / 2);
	assert_true(find("b", "x") == 2);
	/* It might have been one of this topic that is gone. */
	assert_true(find("a", "x") == 0);
	pass_ms(AGE_MS / 2);
	assert_true(find("b", "x") == 0);
	put("b", "x");
	assert_true(find("b", "x") == 6);
}

/* Also one that is not the oldest of all. */
static void
test_a_repeated_id_that_is_freed_between(void **state)
{
	(void)state;
	put("a", "x");
	put("b", "x");
	put("b", "1");
	put("b", "2");
	put("b", "3");
	assert_true(find("b", "x") == 2);
	put("c", "x");
	put("a", "4");
	put("a", "5");
	put("a", "6");
	assert_true(find(HUB_ALL, "x") == 1);
	put("a", "7");
	assert_true(find(HUB_ALL, "x") == 2);
	assert_true(find("b", "x") == 2);
	put("b", "8");
	put("b", "9");
	assert_true(find(HUB_ALL, "x") == 6);
	assert_true(find("b", "x") == 0);
}

static void
test_spaces_around_an_id_do_not_count(void **state)
{
	(void)state;
	put("a", "  x y ");
	assert_true(find("a", "x y") == 1);
	assert_true(find("a", " x y   ") == 1);
	assert_true(find("a", "xy") == 0);
	assert_true(find("a", "x") == 0);
	assert_true(find("a", "") == 0);
}

static void
test_many_ids(void **state)
{
	char id[16];

	(void)state;
	hub.limits.event_count_max = 1000;
	hub.limits.bytes_max = 1000000;
	for (unsigned i = 1; i <= 200; i++) {
		snprintf(id, sizeof(id), "%u", i * 7919 % 50);
		put(i % 2 == 0 ? "a" : "b", id);
		assert_true(find(HUB_ALL, id) != 0);
		if (i % 40 == 0)
			pass_ms(AGE_MS / 2);
	}
	assert_true(find(HUB_ALL, "1") > 120);
	pass_ms(AGE_MS);
	assert_null(hub.ids.tree);
}

static void
test_it_begins_anew(void **state)
{
	struct reader reader;

	(void)state;
	reader_open(&reader, 'r', hub_topic(&hub, HUB_ALL, NULL, NULL));
	for (int i = 0; i < 5; i++)
		put("a", (char[]){ (char)('1' + i), '\0' });
	put_on(TOPICS("b"), NULL, "x");
	hub_lose(&hub, hub.position);
	cursor_close(&reader.cursor);
	hub_reset(&hub);
	assert_int_equal(hub.topic_count, 0);
	assert_int_equal(hub.update_count, 0);
	assert_int_equal(hub_bytes(&hub), 0);
	assert_null(hub.ids.tree);
	assert_int_equal(hub.position, 0);
	assert_kept("a", "");
	assert_true(hub_has_all_since(&hub, &hub.all, 1, 1, NULL));
	put("a", "6");
	assert_kept("a", "6");
	assert_kept(HUB_ALL, "6");
}

static void
test_what_was_sent_is_dropped(void **state)
{
	struct reader reader;

	(void)state;
	reader_open(&reader, 'r', hub_topic(&hub, "a", NULL, NULL));
	turns_settle();
	put("a", "1");
	put("a", "2");
	turns_settle();
	hub_drop_all(&hub);
	assert_int_equal(hub.update_count, 0);
	put("a", "3");
	turns_settle();
	assert_had(&reader, "123");
	cursor_close(&reader.cursor);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		HUB_TEST(test_nothing_is_kept_at_first),
		HUB_TEST(test_the_old_goes),
		HUB_TEST(test_idle_topics_disappear),
		HUB_TEST(test_a_topic_that_is_used_again_stays),
		HUB_TEST(test_one_sample_for_each_update),
		HUB_TEST(test_ids_that_hold_their_position),
		HUB_TEST(test_an_update_out_of_order_is_passed_over),
		HUB_TEST(test_what_is_gone_is_known),
		HUB_TEST(test_what_is_gone_is_told_to_its_readers),
		HUB_TEST(test_ids_do_not_tell_what_is_gone),
		HUB_TEST(test_age_is_that_of_the_log),
		HUB_TEST(test_an_update_to_several_topics),
		HUB_TEST(test_of_a_repeated_id_the_oldest_counts),
		HUB_TEST(test_a_repeated_id_that_is_freed_between),
		HUB_TEST(test_spaces_around_an_id_do_not_count),
		HUB_TEST(test_many_ids),
		HUB_TEST(test_it_begins_anew),
		HUB_TEST(test_what_was_sent_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
