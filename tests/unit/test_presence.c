/* What is told of subscribers, and when. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "auth/access.h"
#include "hub/turns.h"
#include "presence/announcement.h"
#include "presence/presence.h"
#include "presence/subscriber.h"
#include "store_fixture.h"

#define SECOND_US 1000000

static int64_t           hand_us;
static struct turns      turns;
static struct access    *access_rights;
static struct presence   presence;
static struct store_user user;

static int64_t
now_us(void)
{
	return hand_us;
}

static int
set_up(void **state)
{
	const struct store_options options = store_options_of("memory");

	store_set_up(state);
	store_user_open(&user, &options);
	store_user_tail(&user, 0, NULL);
	store_user_settle(&user);
	hand_us = 60 * (int64_t)SECOND_US;
	turns_init(&turns, now_us);
	access_rights = access_new("https://hub.example/a/hub");
	presence_init(&presence, user.store, &turns, access_rights);
	presence.shapes = ANNOUNCEMENT_07;
	return 0;
}

static int
tear_down(void **state)
{
	presence_deinit(&presence);
	access_free(access_rights);
	turns_deinit(&turns);
	store_user_close(&user);
	return store_tear_down(state);
}

/* Until nothing more happens at this time. */
static void
run(void)
{
	size_t got_count;

	turns_begin(&turns);
	do {
		got_count = user.got_count;
		presence_run(&presence);
		store_turn_for(20);
	} while (user.got_count > got_count);
}

static void
pass_ms(int64_t ms)
{
	hand_us += ms * 1000;
	run();
}

static struct subscriber *
join(const char *address, const char *topic)
{
	return presence_join(&presence, address,
	    &(struct presence_selector){ SELECTOR_TOPIC, topic, 0 }, 1, NULL);
}

/* What was told: "+" or "-" and the selector, in order. Forgets it. */
static void
assert_told(const char *expected)
{
	char        told[256] = "";
	const char *topic, *end;

	for (size_t i = 0; i < user.got_count; i++) {
		assert_true(user.got[i].is_private);
		assert_non_null(strstr(user.got[i].bytes,
		    "\"id\":\"/a/hub/subscriptions/"));
		topic = strstr(user.got[i].bytes, "\"topic\":\"");
		assert_non_null(topic);
		topic += strlen("\"topic\":\"");
		end = strchr(topic, '"');
		strcat(told,
		    strstr(user.got[i].bytes, "\"active\":true") == NULL ? "-" :
									   "+");
		strncat(told, topic, (size_t)(end - topic));
	}
	assert_string_equal(told, expected);
	store_user_forget(&user);
}

/* All are gone: what is left is told, and nothing stays behind. */
static void
close_all(void)
{
	presence_close(&presence);
	run();
	assert_false(presence_is_busy(&presence));
	assert_int_equal(presence.selector_count, 0);
	assert_int_equal(presence.byte_count, 0);
	assert_int_equal(presence.sending_count, 0);
}

static void
test_join_and_leave(void **state)
{
	struct subscriber *a = join("192.0.2.1", "a");

	(void)state;
	assert_told("");
	run();
	assert_told("+a");
	assert_int_equal(presence_next_ms(&presence), INT64_MAX);
	presence_leave(a);
	pass_ms(500);
	assert_told("");
	assert_int_equal(presence_next_ms(&presence), 61000);
	pass_ms(500);
	assert_told("-a");
	pass_ms(1000);
	assert_told("");
	assert_false(presence_is_busy(&presence));
}

/* Those who are there, whatever was told of them. */
static void
test_who_is_there(void **state)
{
	struct subscriber           *a = join("192.0.2.1", "a");
	struct subscriber           *b = join("192.0.2.1", "b");
	const struct presence_entry *first, *last;

	(void)state;
	first = list_entry(presence.there.next, struct presence_entry, node);
	last = list_entry(presence.there.prev, struct presence_entry, node);
	assert_int_equal(first->selector_count, 1);
	assert_string_equal(first->selectors[0].text, "a");
	assert_string_equal(last->selectors[0].text, "b");
	assert_string_not_equal(first->id, last->id);
	run();
	presence_leave(a);
	assert_ptr_equal(presence.there.next, &last->node);
	assert_ptr_equal(presence.there.prev, &last->node);
	presence_leave(b);
	assert_true(list_is_empty(&presence.there));
	close_all();
}

static void
test_no_client_waits_for_another(void **state)
{
	struct subscriber *a = join("192.0.2.1", "a"), *b, *c;

	(void)state;
	run();
	b = join("192.0.2.1", "b");
	c = join("192.0.2.2", "c");
	run();
	assert_told("+a+c");
	pass_ms(1000);
	assert_told("+b");
	presence_leave(a);
	presence_leave(b);
	presence_leave(c);
	close_all();
	assert_int_equal(user.got_count, 3);
}

static void
test_nothing_is_told_of_who_was_gone(void **state)
{
	struct subscriber *a;

	(void)state;
	for (int i = 0; i < 1000; i++)
		presence_leave(join("192.0.2.1", "a"));
	run();
	assert_told("");
	a = join("192.0.2.1", "a");
	pass_ms(1000);
	presence_leave(join("192.0.2.1", "a"));
	presence_leave(a);
	presence_leave(join("192.0.2.1", "a"));
	pass_ms(1000);
	assert_told("+a-a");
	close_all();
	assert_told("");
}

static void
test_shapes(void **state)
{
	const struct presence_selector selectors[] = {
		{ SELECTOR_TOPIC, "a", 0 },
		{ SELECTOR_TOPIC, "{b}", 0 },
		{ SELECTOR_EXACT, "{c}", 0 },
		{ SELECTOR_URL_PATTERN, "d", 0 },
	};
	static const size_t counts[] = { 0, 3, 3, 6 };
	struct subscriber  *one;

	(void)state;
	for (unsigned shapes = 0; shapes < 4; shapes++) {
		presence.shapes = shapes;
		one = presence_join(&presence, "192.0.2.1", selectors, 4, NULL);
		pass_ms(1000);
		assert_int_equal(user.got_count, counts[shapes]);
		/* What was told is taken back, whatever holds by then. */
		presence.shapes = 3 - shapes;
		presence_leave(one);
		pass_ms(1000);
		assert_int_equal(user.got_count, 2 * counts[shapes]);
		store_user_forget(&user);
	}
	close_all();
}

/* A text that is named in two ways is announced once. */
static void
test_the_same_in_two_ways(void **state)
{
	const struct presence_selector selectors[] = {
		{ SELECTOR_TOPIC, "a", 0 },
		{ SELECTOR_EXACT, "a", 0 },
		{ SELECTOR_URL_PATTERN, "a", 0 },
		{ SELECTOR_TOPIC, "{b}", 0 },
		{ SELECTOR_EXACT, "{b}", 0 },
	};
	struct subscriber *one;

	(void)state;
	presence.shapes = ANNOUNCEMENT_07 | ANNOUNCEMENT_08;
	one = presence_join(&presence, "192.0.2.1", selectors, 5, NULL);
	run();
	assert_int_equal(user.got_count, 5);
	presence_leave(one);
	close_all();
	assert_int_equal(user.got_count, 10);
}

/* What is out is summed up, from when the store gets it. */
static void
test_what_is_out(void **state)
{
	struct subscriber *a = join("192.0.2.1", "a"), *b;
	uint64_t           digest;

	(void)state;
	assert_int_equal(presence.told_count, 0);
	presence_run(&presence);
	assert_int_equal(presence.told_count, 1);
	digest = presence.told_digest;
	assert_true(digest != 0);
	run();
	b = join("192.0.2.2", "b");
	run();
	assert_int_equal(presence.told_count, 2);
	assert_true(presence.told_digest != digest);
	presence_leave(b);
	pass_ms(1000);
	assert_int_equal(presence.told_count, 1);
	assert_true(presence.told_digest == digest);
	presence_leave(a);
	pass_ms(1000);
	assert_int_equal(presence.told_count, 0);
	assert_true(presence.told_digest == 0);
	assert_true(list_is_empty(&presence.told));
	close_all();
}

/* What others end ends here too, and is then announced with another id. */
static void
test_what_others_end(void **state)
{
	const struct presence_selector selectors[] = {
		{ SELECTOR_TOPIC, "a", 0 },
		{ SELECTOR_TOPIC, "b", 0 },
	};
	struct subscriber   *one = presence_join(&presence, "192.0.2.1",
	      selectors, 2, NULL);
	struct subscriber   *other;
	struct subscriber_id id = one->number;

	(void)state;
	run();
	other = join("192.0.2.2", "c");
	run();
	assert_told("+a+b+c");
	/* Nothing was there so early, and only one of them later. */
	presence_doubt(&presence, one->joined_at);
	pass_ms(1000);
	assert_told("");
	presence_doubt(&presence, other->joined_at);
	assert_int_equal(presence.told_count, 1);
	/* A second one says the same. */
	presence_doubt(&presence, other->joined_at);
	pass_ms(1000);
	assert_told("-b-a");
	presence_doubt(&presence, other->joined_at);
	pass_ms(1000);
	assert_told("+a+b");
	presence_doubt(&presence, other->joined_at);
	pass_ms(2000);
	assert_told("");
	assert_int_equal(presence.told_count, 3);
	assert_true(id.high != one->number.high);
	presence_leave(other);
	presence_leave(one);
	close_all();
	assert_told("-c-b-a");
	assert_true(presence.told_digest == 0);
}

/* Somebody who is just being announced, or who leaves just then. */
static void
test_what_others_end_meanwhile(void **state)
{
	struct subscriber *comes = join("192.0.2.1", "a"), *leaves, *late;
	uint64_t           position;

	(void)state;
	presence_run(&presence);
	presence_doubt(&presence, UINT64_MAX);
	run();
	assert_told("+a");
	pass_ms(1000);
	assert_told("-a");
	pass_ms(1000);
	assert_told("+a");
	/* One whose update came behind that is none of them. */
	position = comes->joined_at;
	late = join("192.0.2.2", "b");
	presence_run(&presence);
	presence_doubt(&presence, position);
	pass_ms(2000);
	assert_told("+b");
	leaves = join("192.0.2.3", "c");
	run();
	presence_leave(leaves);
	presence_doubt(&presence, UINT64_MAX);
	presence_leave(comes);
	presence_leave(late);
	close_all();
	assert_int_equal(user.got_count, 4);
	assert_true(presence.told_digest == 0);
}

static void
test_many_are_told_one_after_another(void **state)
{
	static struct subscriber *all[600];

	(void)state;
	for (size_t i = 0; i < 600; i++)
		all[i] = join("192.0.2.1", "a");
	run();
	assert_true(user.got_count > 0 && user.got_count <= 256);
	for (int i = 0; i < 20; i++)
		pass_ms(1000);
	assert_int_equal(user.got_count, 600);
	store_user_forget(&user);
	for (size_t i = 0; i < 600; i++)
		presence_leave(all[i]);
	close_all();
	assert_int_equal(user.got_count, 600);
}

/* What comes and goes pushes no more out of the history than so much. */
static void
test_what_is_large_waits_longer(void **state)
{
	static char text[4001];
	size_t      byte_count = 0;

	(void)state;
	memset(text, '/', sizeof(text) - 1);
	for (size_t second = 0; second < 100; second++) {
		struct subscriber *all[20];

		for (size_t i = 0; i < 20; i++)
			all[i] = join("192.0.2.1", text);
		pass_ms(1000);
		for (size_t i = 0; i < 20; i++)
			presence_leave(all[i]);
		for (size_t i = 0; i < user.got_count; i++)
			byte_count += strlen(user.got[i].bytes);
		store_user_forget(&user);
	}
	assert_true(byte_count > 0);
	assert_true(byte_count < (size_t)100 * 128 * 1024);
	close_all();
}

/* Where the store does not answer, a process ends all the same. */
static void
test_give_up(void **state)
{
	struct subscriber *told = join("192.0.2.1", "a"), *flying;

	(void)state;
	run();
	flying = join("192.0.2.2", "b");
	presence_run(&presence);
	presence_leave(told);
	presence_leave(flying);
	presence_leave(join("192.0.2.4", "d"));
	presence_close(&presence);
	presence_give_up(&presence);
	assert_true(presence_is_busy(&presence));
	store_turn_for(20);
	assert_told("+a+b");
	assert_false(presence_is_busy(&presence));
}

static void
test_limit(void **state)
{
	const size_t              max = presence_limits.byte_count_max / 2;
	static struct subscriber *all[5000];
	static char               text[4001];
	size_t                    count = 0;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	while (presence.unheard_count == 0)
		all[count++] = join("192.0.2.1", text);
	assert_true(presence.byte_count <= max);
	assert_true(presence.byte_count > max - sizeof(text));
	/* There is room for others, and then for this one again. */
	presence_leave(join("192.0.2.2", text));
	assert_int_equal(presence.unheard_count, 1);
	while (count > 0)
		presence_leave(all[--count]);
	presence_leave(join("192.0.2.1", text));
	assert_int_equal(presence.unheard_count, 1);
	close_all();
	assert_told("");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_join_and_leave),
		TEST(test_who_is_there),
		TEST(test_no_client_waits_for_another),
		TEST(test_nothing_is_told_of_who_was_gone),
		TEST(test_shapes),
		TEST(test_the_same_in_two_ways),
		TEST(test_what_is_out),
		TEST(test_what_others_end),
		TEST(test_what_others_end_meanwhile),
		TEST(test_many_are_told_one_after_another),
		TEST(test_what_is_large_waits_longer),
		TEST(test_give_up),
		TEST(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
