/*
 * What is kept of the updates, and for how long: by count, by bytes, by age on
 * a clock that is set by hand; topics that come and go; ids.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "hub/hub.h"

#include "topic_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AGE_MS 1000
#define TOPICS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct hub hub;

static int
set_up(void **state)
{
	int result = topic_set_up(state);

	hub_init(&hub, &turns,
	    &(const struct hub_limits){
		.event_count_max = 3,
		.topic_count_max = 8,
		.bytes_max = 64 * 1024,
		.age_ms = AGE_MS,
	    });
	return result;
}

static int
tear_down(void **state)
{
	hub_deinit(&hub);
	if (hub_bytes(&hub) != 0)
		return -1;
	return topic_tear_down(state);
}

#define HISTORY_TEST(name) \
	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int
put_on(const char *const *topics, const char *id, const char *text)
{
	struct update_spec spec = {
		.topics = topics,
		.id = id,
		.bytes = text,
		.len_bytes = strlen(text),
	};

	while (topics[spec.topic_count] != NULL)
		spec.topic_count++;
	return hub_publish(&hub, &spec);
}

/* An update whose text is its id. */
static void
put(const char *topic, const char *id)
{
	assert_int_equal(put_on(TOPICS(topic), id, id), 0);
}

/* What somebody is sent who comes now and asks for all that is kept. */
static void
assert_kept(const char *name, const char *text)
{
	struct topic *topic = hub_topic(&hub, name);
	struct reader reader;

	assert_non_null(topic);
	reader_open_from_start(&reader, 'k', topic);
	turns_settle();
	assert_took(&reader, text);
	cursor_close(&reader.cursor);
}

/* Where the id stands for those who follow the topic; 0: nowhere. */
static uint64_t
find(const char *name, const char *id)
{
	struct topic *topic = hub_topic(&hub, name);
	uint64_t      seq = 0;
	bool          is_found;

	is_found = hub_find(&hub, id, &topic, 1, &seq);
	assert_true(is_found == (seq != 0));
	return seq;
}

static void
pass_ms(int64_t ms)
{
	hand_us += ms * 1000;
	hub_run(&hub);
}

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
test_each_topic_keeps_so_many(void **state)
{
	char id[2] = "";

	(void)state;
	for (id[0] = '1'; id[0] <= '5'; id[0]++)
		put("a", id);
	put("b", "x");
	assert_kept("a", "345");
	assert_kept("b", "x");
	assert_kept(HUB_ALL, "12345x");
	assert_true(topic_dropped_position(hub_topic(&hub, "a")) == 2);
	/* An id is known for longer, and leads to what is there. */
	assert_true(find("a", "1") == 1);
}

static void
test_the_oldest_makes_room_for_bytes(void **state)
{
	static char text[10001];
	char        id[2] = "";
	size_t      kept;

	(void)state;
	memset(text, '.', sizeof(text) - 1);
	for (id[0] = 'a'; id[0] <= 'z'; id[0]++) {
		assert_int_equal(put_on(TOPICS(id[0] % 2 == 0 ? "even" : "odd"),
				     id, text),
		    0);
		assert_true(hub_bytes(&hub) <= 64 * 1024);
	}
	kept = hub.update_count;
	assert_int_equal(kept, 6);
	assert_true(find(HUB_ALL, "u") != 0);
	assert_true(find(HUB_ALL, "t") == 0);
	assert_true(topic_dropped_position(hub.all) == 20);
}

static void
test_an_update_larger_than_all(void **state)
{
	static char text[100001];

	(void)state;
	memset(text, '.', sizeof(text) - 1);
	put("a", "1");
	assert_int_equal(put_on(TOPICS("a"), "2", text), 0);
	assert_int_equal(hub.update_count, 1);
	put("a", "3");
	assert_int_equal(hub.update_count, 1);
	assert_kept("a", "3");
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
	reader_open(&reader, 'r', hub_topic(&hub, "a"));
	hub_topic(&hub, "b");
	put("c", "1");
	turns_settle();
	hub_run(&hub);
	assert_int_equal(hub.topic_count, 2);
	cursor_close(&reader.cursor);
	assert_int_equal(hub.topic_count, 2);
	hub_run(&hub);
	assert_int_equal(hub.topic_count, 1);
	pass_ms(AGE_MS);
	assert_int_equal(hub.topic_count, 0);
	assert_int_equal(hub.topic_bytes, 0);
}

static void
test_a_topic_that_is_used_again_stays(void **state)
{
	struct reader reader;
	struct topic *topic = hub_topic(&hub, "a");

	(void)state;
	reader_open(&reader, 'r', topic);
	cursor_close(&reader.cursor);
	reader_open(&reader, 'r', hub_topic(&hub, "a"));
	turns_settle();
	hub_run(&hub);
	assert_ptr_equal(hub_topic(&hub, "a"), topic);
	put("a", "1");
	turns_settle();
	assert_took(&reader, "1");
	pass_ms(AGE_MS);
	assert_int_equal(hub.topic_count, 1);
	cursor_close(&reader.cursor);
	put("a", "2");
	hub_run(&hub);
	assert_kept("a", "2");
}

static void
test_too_many_topics(void **state)
{
	char name[2] = "";

	(void)state;
	for (name[0] = 'a'; name[0] < 'a' + 8; name[0]++)
		put(name, "1");
	assert_null(hub_topic(&hub, "z"));
	assert_int_equal(put_on(TOPICS("a", "z"), "2", "2"), -1);
	assert_int_equal(hub.published_count, 8);
	assert_kept("a", "1");
	put("a", "3");
	assert_kept("a", "13");
	assert_non_null(hub_topic(&hub, HUB_ALL));
	pass_ms(AGE_MS);
	put("z", "4");
}

static void
test_topics_take_a_quarter_of_the_bytes(void **state)
{
	static char name[4001];

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	for (name[0] = 'a'; name[0] < 'c'; name[0]++)
		assert_true((hub_topic(&hub, name) == NULL) ==
		    (name[0] == 'b'));
	assert_non_null(hub_topic(&hub, "short"));
	assert_true(hub_bytes(&hub) <= 16 * 1024);
	assert_true(hub_bytes(&hub) > 2 * 4000);
	hub_run(&hub);
	assert_int_equal(hub_bytes(&hub), 0);
}

static void
test_an_update_to_several_topics(void **state)
{
	struct topic *topics[2];
	struct reader reader;

	(void)state;
	topics[0] = hub_topic(&hub, "a");
	topics[1] = hub_topic(&hub, "b");
	reader_open_on(&reader, 'r', topics, 2, CURSOR_FROM_NOW);
	turns_settle();
	assert_int_equal(put_on(TOPICS("b", "a", "c"), "1", "1"), 0);
	put("c", "2");
	put("b", "3");
	turns_settle();
	assert_took(&reader, "13");
	cursor_close(&reader.cursor);
	assert_kept("a", "1");
	assert_kept("b", "13");
	assert_kept("c", "12");
	assert_kept(HUB_ALL, "123");
	assert_true(find("a", "1") == 1 && find("c", "1") == 1);
	assert_true(find("a", "3") == 0 && find(HUB_ALL, "3") == 3);
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
	pass_ms(AGE_MS / 2);
	assert_true(find("a", "x") == 3);
	assert_true(find(HUB_ALL, "x") == 2);
	put("b", "x");
	pass_ms(AGE_MS / 2);
	assert_true(find("a", "x") == 0);
	assert_true(find("b", "x") == 5);
	pass_ms(AGE_MS / 2);
	put("b", "x");
	assert_true(find("b", "x") == 6);
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
	for (unsigned i = 1; i <= 200; i++) {
		snprintf(id, sizeof(id), "%u", i * 7919 % 50);
		put(i % 2 == 0 ? "a" : "b", id);
		assert_true(find(HUB_ALL, id) != 0);
		if (i % 40 == 0)
			pass_ms(AGE_MS / 2);
	}
	assert_true(find(HUB_ALL, "1") > 120);
	pass_ms(AGE_MS);
	assert_null(hub.ids);
}

static void
test_other_limits(void **state)
{
	struct hub_limits limits = hub.limits;

	(void)state;
	put("a", "1");
	put("a", "2");
	limits.age_ms = 10;
	limits.event_count_max = 1;
	hub_set_limits(&hub, &limits);
	put("b", "3");
	put("b", "4");
	assert_kept("a", "12");
	assert_kept("b", "4");
	assert_true(hub_next_ms(&hub) == 1010);
	pass_ms(10);
	assert_int_equal(hub.update_count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		HISTORY_TEST(test_nothing_is_kept_at_first),
		HISTORY_TEST(test_each_topic_keeps_so_many),
		HISTORY_TEST(test_the_oldest_makes_room_for_bytes),
		HISTORY_TEST(test_an_update_larger_than_all),
		HISTORY_TEST(test_the_old_goes),
		HISTORY_TEST(test_idle_topics_disappear),
		HISTORY_TEST(test_a_topic_that_is_used_again_stays),
		HISTORY_TEST(test_too_many_topics),
		HISTORY_TEST(test_topics_take_a_quarter_of_the_bytes),
		HISTORY_TEST(test_an_update_to_several_topics),
		HISTORY_TEST(test_of_a_repeated_id_the_oldest_counts),
		HISTORY_TEST(test_spaces_around_an_id_do_not_count),
		HISTORY_TEST(test_many_ids),
		HISTORY_TEST(test_other_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
