/* What is kept, by whom it is paid, and what is dropped first. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "hub/ring.h"
#include "hub/update.h"
#include "hub_fixture.h"
#include "pure/url.h"

/* Those who come and go push out what they did before, and nothing else. */
static void
test_announcements_have_room_of_their_own(void **state)
{
	static char text[200];
	struct url  base = { 0 };
	char        name[64];
	size_t      full_count = 0;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	assert_int_equal(url_parse(&base, "https://e/hub", 13, NULL,
			     URL_ANY_HOST),
	    0);
	hub.base = &base;
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "/hub/subscriptions/%d", i);
		put_on(TOPICS(name), NULL, text);
		if (i == 50)
			put("a", "1");
		if (i == 100)
			full_count = hub.update_count;
	}
	assert_kept("a", "1");
	assert_int_equal(hub.update_count, hub.announced_count + 1);
	assert_true(hub.announced_count > 5 && full_count <= 101);
	assert_true(hub.announced_bytes <= 8 * 1024);
	/* Nor do others push these out. */
	full_count = hub.announced_count;
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "/hubs/%d", i);
		put_on(TOPICS(name), NULL, text);
	}
	assert_int_equal(hub.announced_count, full_count);
	assert_true(hub_bytes(&hub) <= 64 * 1024 + 8 * 1024);
	assert_true(hub_bytes(&hub) > 60 * 1024);
	pass_ms(AGE_MS);
	assert_int_equal(hub.announced_count + hub.update_count, 0);
	assert_int_equal(hub.announced_bytes, 0);
	hub.base = NULL;
	url_deinit(&base);
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
	assert_true(topic_dropped(hub_topic(&hub, "a", NULL, NULL))->position ==
	    2);
}

/* The names of its topics take memory, and so do the slots of their rings. */
static void
test_each_topic_of_an_update_costs(void **state)
{
	const char *names[] = { "a", "b", "c", "d", "e", NULL };
	const char *one[] = { "a", NULL };
	size_t      before_bytes, one_bytes, all_bytes;

	(void)state;
	put_on(names, "0", "-");
	before_bytes = hub_bytes(&hub);
	put_on(one, "1", "-");
	one_bytes = hub_bytes(&hub) - before_bytes;
	before_bytes = hub_bytes(&hub);
	put_on(names, "2", "-");
	all_bytes = hub_bytes(&hub) - before_bytes;
	assert_true(all_bytes - one_bytes >=
	    4 * (sizeof(names[0]) + sizeof(struct ring_slot)));
}

/* Nobody would be sent it, so it takes no memory either. */
static void
test_what_no_topic_replays_is_freed(void **state)
{
	char id[2] = "";

	(void)state;
	put("quiet", "q");
	for (id[0] = '1'; id[0] <= '9'; id[0]++)
		put("busy", id);
	assert_int_equal(hub.update_count, 4);
	assert_true(find("busy", "1") == 0);
	/* But for the id before the first that is replayed. */
	assert_true(find("busy", "6") == 7);
	assert_kept("quiet", "q");
	assert_false(hub_has_all_since(&hub, &hub.all, 1, 1, NULL));
	assert_true(hub_has_all_since(&hub, &hub.all, 1, 7, NULL));
	/* It stays as long as one of its topics has it. */
	put_on(TOPICS("busy", "quiet"), "both", "both");
	put("busy", "x");
	put("busy", "y");
	put("busy", "z");
	assert_kept("busy", "xyz");
	assert_kept("quiet", "qboth");
	assert_int_equal(hub.update_count, 5);
	assert_kept(HUB_ALL, "qbothxyz");
}

/* While somebody follows all topics, all updates are replayed to such. */
static void
test_who_follows_all_keeps_all(void **state)
{
	struct reader reader;
	char          id[2] = "";

	(void)state;
	reader_open(&reader, 'r', hub_topic(&hub, HUB_ALL, NULL, NULL));
	for (id[0] = '1'; id[0] <= '6'; id[0]++)
		put("a", id);
	turns_settle();
	assert_had(&reader, "123456");
	assert_kept("a", "456");
	assert_kept(HUB_ALL, "123456");
	assert_true(find("b", "2") == 2);
	cursor_close(&reader.cursor);
	/* It may come back. */
	hub_wall_ms = -1000000;
	hub.limits.age_ms = 1000000;
	pass_ms(0);
	pass_ms(59999);
	assert_int_equal(hub.update_count, 6);
	pass_ms(1);
	assert_int_equal(hub.update_count, 3);
	assert_kept("a", "456");
}

/* What only those have who follow all topics is dropped first. */
static void
test_bytes_of_all(void **state)
{
	static char text[10001];
	char        id[2] = "";

	(void)state;
	memset(text, '.', sizeof(text) - 1);
	hub_topic(&hub, HUB_ALL, NULL, NULL);
	put("quiet", "q");
	for (id[0] = 'a'; id[0] <= 'h'; id[0]++) {
		put_on(TOPICS("busy"), id, text);
		assert_true(hub_bytes(&hub) <= 64 * 1024);
	}
	assert_true(find("quiet", "q") != 0);
	assert_true(find("busy", "b") == 0);
	assert_true(find("busy", "c") != 0);
}

/* A busy topic drops its own events, and those of the largest. */
static void
test_the_largest_makes_room_for_bytes(void **state)
{
	static char text[10001];
	char        id[3] = "";

	(void)state;
	hub.limits.event_count_max = 100;
	memset(text, '.', sizeof(text) - 1);
	put("quiet", "q");
	for (int i = 0; i < 20; i++) {
		snprintf(id, sizeof(id), "%d", i);
		put_on(TOPICS("busy"), id, text);
		assert_true(hub_bytes(&hub) <= 64 * 1024);
	}
	assert_kept("quiet", "q");
	assert_int_equal(topic_frame_count(hub_topic(&hub, "busy", NULL, NULL)),
	    6);
	for (int i = 20; i < 40; i++) {
		snprintf(id, sizeof(id), "%d", i);
		put_on(TOPICS("other"), id, text);
	}
	/* Who comes later is not left with nothing. */
	assert_in_range(topic_frame_count(hub_topic(&hub, "busy", NULL, NULL)),
	    2, 4);
	assert_in_range(topic_frame_count(hub_topic(&hub, "other", NULL, NULL)),
	    2, 4);
	assert_kept("quiet", "q");
}

static void
test_an_update_larger_than_all(void **state)
{
	static char text[100001];

	(void)state;
	memset(text, '.', sizeof(text) - 1);
	put("a", "1");
	put_on(TOPICS("a"), "2", text);
	assert_int_equal(hub.update_count, 1);
	put("a", "3");
	assert_int_equal(hub.update_count, 1);
	assert_kept("a", "3");
}

/* A client that takes all it can, by names of this length and letter. */
static size_t
take_topics(const char *client, char letter, size_t name_bytes)
{
	char   name[256];
	size_t count = 0;

	memset(name, letter, sizeof(name));
	for (count = 0; count < 100; count++) {
		snprintf(name, sizeof(name), "%c%03zu%*s", letter, count,
		    (int)name_bytes, "");
		if (hub_topic(&hub, name, client, NULL) == NULL)
			break;
	}
	return count;
}

static void
test_empty_topics_are_paid_by_their_client(void **state)
{
	(void)state;
	/* 812 bytes each, of 16 KiB. */
	assert_int_equal(take_topics("192.0.2.1", 'a', 146), 7);
	assert_int_equal(hub.topic_count, 7);
	/* What is there costs nobody anything, so it has 4 of its own. */
	assert_int_equal(take_topics("192.0.2.2", 'a', 146), 7 + 4);
	assert_int_equal(hub_bytes(&hub), 0);
}

static void
test_a_client_cannot_take_the_room_of_another(void **state)
{
	char   client[16];
	size_t count;

	(void)state;
	assert_int_equal(take_topics("192.0.2.1", 'a', 146), 7);
	count = take_topics("192.0.2.2", 'b', 146);
	assert_in_range(count, 4, 5);
	for (int i = 3; i < 7; i++) {
		snprintf(client, sizeof(client), "192.0.2.%d", i);
		assert_true(take_topics(client, (char)('a' + i), 146) >= 1);
	}
	/* Nor keep a publisher from anything. */
	put("z", "1");
	assert_kept("z", "1");
	assert_true(hub.shares.bytes <= 16 * 1024);
}

/* Who has one address of an IPv6 network has them all. */
static void
test_addresses_of_a_network_share(void **state)
{
	(void)state;
	assert_int_equal(take_topics("2001:db8:0:1::1", 'a', 146), 7);
	assert_int_equal(take_topics("2001:db8:0:1:ffff::2", 'b', 146), 0);
	assert_true(take_topics("2001:db8:0:2::1", 'c', 146) > 0);
}

static void
test_a_topic_with_an_update_is_not_the_clients(void **state)
{
	struct reader reader;

	(void)state;
	reader_open(&reader, 'r', hub_topic(&hub, "a", "192.0.2.1", NULL));
	assert_int_equal(hub.shares.bytes, 514);
	put("a", "1");
	assert_int_equal(hub.shares.bytes, 0);
	assert_null(hub.shares.tree);
	turns_settle();
	cursor_close(&reader.cursor);
	pass_ms(AGE_MS);
	assert_int_equal(hub.topic_count, 0);
	/* One that is freed gives its bytes back. */
	hub_topic(&hub, "b", "192.0.2.1", NULL);
	assert_int_equal(hub.shares.bytes, 514);
	pass_ms(0);
	assert_int_equal(hub.shares.bytes, 0);
}

static bool
may_have_all_or_none(const void *arg, const struct update *update)
{
	return !update->is_private || *(const bool *)arg;
}

/* What the client pays when it asks for the topic, as all see that do so. */
static size_t
price(const char *name, bool may_have)
{
	const struct update_reader reader = { may_have_all_or_none, &may_have,
		may_have ? UPDATE_REACH_SOME : UPDATE_REACH_PUBLIC };
	const size_t               before_bytes = hub.shares.bytes;

	assert_non_null(hub_topic(&hub, name, "192.0.2.1", &reader));
	return hub.shares.bytes - before_bytes;
}

/* Nobody finds out by its share which topics have private updates. */
static void
test_private_updates_are_not_told_by_the_price(void **state)
{
	struct reader reader;

	(void)state;
	put_private("a");
	assert_int_equal(price("a", false), 514);
	assert_int_equal(price("b", false), 514);
	assert_int_equal(price("a", false) + price("b", false), 0);
	/* Nor does one that comes change anything, */
	put_private("b");
	assert_int_equal(hub.shares.bytes, 2 * 514);
	pass_ms(0);
	assert_int_equal(hub.shares.bytes, 0);
	/* or one that is freed. */
	reader_open(&reader, 'r', hub_topic(&hub, "a", NULL, NULL));
	assert_int_equal(price("b", false), 514);
	cursor_close(&reader.cursor);
	pass_ms(AGE_MS);
	assert_int_equal(hub.shares.bytes, 0);
	assert_int_equal(hub.topic_count, 0);
}

/* Who may have them knows of them, and pays for no topic that has any. */
static void
test_who_may_have_private_updates_does_not_pay(void **state)
{
	(void)state;
	put_private("a");
	assert_int_equal(price("a", true), 0);
	assert_int_equal(price("b", true), 514);
	/* To others both look the same. */
	assert_int_equal(price("a", false) + price("b", false), 0);
	put_private("b");
	assert_int_equal(hub.shares.bytes, 0);
	assert_int_equal(price("b", false), 0);
	pass_ms(0);
	assert_int_equal(price("b", false), 514);
}

/* A topic is as good as gone for others when its public updates are. */
static void
test_a_topic_whose_public_updates_are_gone(void **state)
{
	(void)state;
	put("a", "1");
	hand_us += 500 * 1000;
	put_private("a");
	assert_int_equal(price("a", false), 0);
	pass_ms(AGE_MS - 500);
	assert_int_equal(hub.update_count, 1);
	assert_int_equal(price("a", false), 514);
	put("a", "2");
	assert_int_equal(hub.shares.bytes, 0);
	assert_int_equal(price("a", false), 0);
}

/* However many there are: what they keep is limited by bytes. */
static void
test_publishers_are_never_refused(void **state)
{
	char name[16];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "topic %d", i);
		put(name, name);
		assert_true(hub_bytes(&hub) <= 64 * 1024);
		hub_run(&hub, hand_ms());
		assert_int_equal(hub.topic_count, hub.update_count);
	}
	assert_in_range(hub.update_count, 70, 90);
	assert_kept("topic 999", "topic 999");
}

static void
test_a_slow_reader_costs_others_nothing(void **state)
{
	static char   text[2001];
	struct reader slow;
	struct topic *busy;

	(void)state;
	memset(text, '.', sizeof(text) - 1);
	put("quiet", "q");
	busy = hub_topic(&hub, "busy", NULL, NULL);
	reader_open(&slow, 's', busy);
	turns_settle();
	reader_stall(&slow);
	/* For a time it may be late, as far as there is room. */
	for (int i = 0; i < 20; i++)
		put_on(TOPICS("busy"), NULL, text);
	assert_int_equal(topic_frame_count(busy), 20);
	assert_int_equal(slow.overrun_count, 0);
	for (int i = 0; i < 20; i++)
		put_on(TOPICS("busy"), NULL, text);
	assert_int_equal(slow.overrun_count, 1);
	put_on(TOPICS("busy"), NULL, text);
	assert_int_equal(topic_frame_count(busy), 3);
	assert_kept("quiet", "q");
}

static void
test_a_slow_reader_is_waited_for_so_long(void **state)
{
	struct reader slow;
	struct topic *busy = hub_topic(&hub, "busy", NULL, NULL);

	(void)state;
	hub.limits.age_ms = 1000000;
	reader_open(&slow, 's', busy);
	turns_settle();
	reader_stall(&slow);
	for (int i = 0; i < 8; i++)
		put("busy", "x");
	assert_int_equal(topic_frame_count(busy), 8);
	assert_int_equal(hub_next_ms(&hub), hand_ms() + 2000);
	pass_ms(1999);
	assert_int_equal(topic_frame_count(busy), 8);
	assert_int_equal(slow.overrun_count, 0);
	pass_ms(1);
	assert_int_equal(topic_frame_count(busy), 3);
	assert_int_equal(slow.overrun_count, 1);
	assert_int_equal(hub.update_count, 3);
}

/* Nothing is left of the patience when the reader has caught up. */
static void
test_who_keeps_up_late_loses_nothing(void **state)
{
	struct reader late;
	struct topic *busy = hub_topic(&hub, "busy", NULL, NULL);

	(void)state;
	hub.limits.age_ms = 1000000;
	reader_open(&late, 'l', busy);
	turns_settle();
	reader_stall(&late);
	for (int i = 0; i < 8; i++)
		put("busy", (char[]){ (char)('1' + i), '\0' });
	pass_ms(1000);
	reader_resume(&late);
	turns_settle();
	assert_had(&late, "12345678");
	put("busy", "9");
	pass_ms(1000);
	assert_int_equal(topic_frame_count(busy), 3);
	assert_true(hub_next_ms(&hub) > hand_ms() + 100000);
	cursor_close(&late.cursor);
	turns_settle();
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
		HUB_TEST(test_each_topic_keeps_so_many),
		HUB_TEST(test_each_topic_of_an_update_costs),
		HUB_TEST(test_what_no_topic_replays_is_freed),
		HUB_TEST(test_who_follows_all_keeps_all),
		HUB_TEST(test_bytes_of_all),
		HUB_TEST(test_the_largest_makes_room_for_bytes),
		HUB_TEST(test_an_update_larger_than_all),
		HUB_TEST(test_empty_topics_are_paid_by_their_client),
		HUB_TEST(test_a_client_cannot_take_the_room_of_another),
		HUB_TEST(test_addresses_of_a_network_share),
		HUB_TEST(test_a_topic_with_an_update_is_not_the_clients),
		HUB_TEST(test_private_updates_are_not_told_by_the_price),
		HUB_TEST(test_who_may_have_private_updates_does_not_pay),
		HUB_TEST(test_a_topic_whose_public_updates_are_gone),
		HUB_TEST(test_publishers_are_never_refused),
		HUB_TEST(test_a_slow_reader_costs_others_nothing),
		HUB_TEST(test_a_slow_reader_is_waited_for_so_long),
		HUB_TEST(test_who_keeps_up_late_loses_nothing),
		HUB_TEST(test_other_limits),
		HUB_TEST(test_announcements_have_room_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
