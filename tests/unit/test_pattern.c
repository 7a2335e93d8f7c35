#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "pure/url.h"

#include "hub_fixture.h"

#define CLIENT "192.0.2.1"

static struct topic *
follow(const char *text)
{
	const char   *why;
	struct topic *topic = hub_follow(&hub, SELECTOR_TOPIC, text, CLIENT,
	    NULL, &why);

	assert_null(why);
	return topic;
}

static void
test_a_template_gets_what_its_topics_get(void **state)
{
	struct reader reader;

	(void)state;
	reader_open(&reader, 'r', follow("/books/{id}"));
	put("/books/1", "one");
	put("/films/1", "film");
	put_on(TOPICS("/films/2", "/books/2", "/books/3"), "two", "two");
	put("/books/{id}", "itself");
	turns_settle();
	assert_had(&reader, "onetwoitself");
	cursor_close(&reader.cursor);
}

static void
test_the_first_subscription_gets_what_is_kept(void **state)
{
	struct reader reader, late;

	(void)state;
	for (int i = 0; i < 4; i++)
		put("/books/1", "abcd" + i);
	put("/films/1", "film");
	put("/books/2", "x");
	reader_open_from_start(&reader, 'r', follow("/books/{id}"));
	turns_settle();
	assert_had(&reader, "bcdcddx");
	/* As the topic has dropped one, so has the pattern. */
	assert_true(topic_dropped(follow("/books/{id}"))->position == 1);
	reader_open_from_start(&late, 'l', follow("/books/{id}"));
	turns_settle();
	assert_had(&late, "bcdcddx");
	cursor_close(&late.cursor);
	cursor_close(&reader.cursor);
}

static void
test_a_pattern_and_a_topic_give_an_update_once(void **state)
{
	struct topic *topics[3];
	struct reader reader;

	(void)state;
	hub.shares.bytes_max = 1000000;
	topics[0] = follow("/{x}");
	topics[1] = follow("/a");
	topics[2] = follow("{+x}");
	reader_open_on(&reader, 'r', topics, 3, 0);
	put("/a", "1");
	put("/b", "2");
	put("/b/c", "3");
	turns_settle();
	assert_had(&reader, "123");
	cursor_close(&reader.cursor);
}

static void
test_subscribers_of_a_pattern_share_it(void **state)
{
	const char *why;

	(void)state;
	hub.shares.bytes_max = 1000000;
	assert_ptr_equal(follow("/{x}"), follow("/{x}"));
	assert_ptr_not_equal(follow("/{x}"), follow("/{y}"));
	/* What is no template is a name. */
	assert_ptr_equal(follow("/{x"), hub_topic(&hub, "/{x", NULL, NULL));
	assert_ptr_equal(follow("*"), hub.all);
	assert_ptr_equal(hub_follow(&hub, SELECTOR_EXACT, "/{x}", NULL, NULL,
			     &why),
	    hub_topic(&hub, "/{x}", NULL, NULL));
	assert_null(hub_follow(&hub, SELECTOR_EXACT, "\x7f", NULL, NULL, &why));
	assert_non_null(why);
}

static void
test_url_patterns_have_the_hub_for_their_base(void **state)
{
	static const char hub_url[] = "https://hub.example/.well-known/mercure";
	struct url        base = { 0 };
	struct reader     reader;
	const char       *why;

	(void)state;
	assert_int_equal(url_parse(&base, hub_url, strlen(hub_url), NULL, 0),
	    0);
	hub.base = &base;
	assert_null(hub_follow(&hub, SELECTOR_URL_PATTERN, "(", CLIENT, NULL,
	    &why));
	assert_non_null(why);
	reader_open(&reader, 'r',
	    hub_follow(&hub, SELECTOR_URL_PATTERN, "/books/:id", CLIENT, NULL,
		&why));
	put("https://hub.example/books/1", "1");
	put("/books/2", "2");
	put("https://example.com/books/3", "3");
	put("/books/4/5", "4");
	turns_settle();
	assert_had(&reader, "12");
	cursor_close(&reader.cursor);
	hub.base = NULL;
	url_deinit(&base);
}

static void
test_a_pattern_keeps_what_its_topics_drop(void **state)
{
	struct reader slow;

	(void)state;
	reader_open(&slow, 's', follow("/{x}"));
	reader_stall(&slow);
	for (int i = 0; i < 6; i++)
		put("/a", "abcdef" + i);
	turns_settle();
	assert_int_equal(slow.overrun_count, 0);
	reader_resume(&slow);
	turns_settle();
	assert_had(&slow, "abcdefbcdefcdefdefeff");
	cursor_close(&slow.cursor);
	/* Unused for a time it is freed, and with it what only it had. */
	assert_int_equal(hub.update_count, 6);
	hub.limits.age_ms = 1000000;
	pass_ms(29999);
	assert_int_equal(hub.update_count, 6);
	pass_ms(1);
	assert_int_equal(hub.update_count, 3);
	assert_true(hub_next_ms(&hub) > hand_ms() + 100000);
}

static void
test_age_and_bytes_end_what_a_pattern_has(void **state)
{
	char          text[600];
	struct reader reader;

	(void)state;
	reader_open(&reader, 'r', follow("/{x}"));
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 200; i++) {
		put("/a", text);
		turns_settle();
		*reader.text = '\0';
	}
	assert_true(hub_bytes(&hub) <= hub.limits.bytes_max);
	assert_int_equal(topic_frame_count(follow("/{x}")), hub.update_count);
	assert_int_equal(reader.overrun_count, 0);
	pass_ms(AGE_MS);
	assert_int_equal(topic_frame_count(follow("/{x}")), 0);
	cursor_close(&reader.cursor);
}

static void
test_a_client_pays_for_its_patterns(void **state)
{
	char        text[32];
	const char *why;
	int         count = 0;

	(void)state;
	do {
		snprintf(text, sizeof(text), "/%d/{x}", count++);
		hub_begin_follow(&hub);
	} while (count < 100 &&
	    hub_follow(&hub, SELECTOR_TOPIC, text, CLIENT, NULL, &why) != NULL);
	/* Those that nobody uses make room for new ones. */
	assert_int_equal(count, 100);
	assert_true(hub.shares.bytes <= hub.shares.bytes_max / 2);
}

/* What one subscriber names does not make room for what else it names. */
static void
test_patterns_of_one_subscriber_stay(void **state)
{
	struct topic *topics[100];
	struct reader reader;
	char          text[32];
	size_t        count = 0;

	(void)state;
	hub_begin_follow(&hub);
	do {
		snprintf(text, sizeof(text), "/%zu/{x}", count);
		topics[count] = follow(text);
	} while (topics[count] != NULL && ++count < 100);
	assert_in_range(count, 1, 99);
	assert_ptr_equal(follow("/0/{x}"), topics[0]);
	reader_open_on(&reader, 'r', topics, count, 0);
	put("/0/a", "1");
	turns_settle();
	assert_had(&reader, "1");
	cursor_close(&reader.cursor);
	/* Another subscriber may have their room. */
	hub_begin_follow(&hub);
	assert_non_null(follow(text));
}

static void
test_who_may_take_no_more_keeps_the_newest(void **state)
{
	struct reader reader;

	(void)state;
	reader_open(&reader, 'r', follow("/{x}"));
	hub.shares.bytes_max = 0;
	hub.limits.event_count_max = 100;
	for (int i = 0; i < 40; i++) {
		put("/a", "u");
		turns_settle();
	}
	assert_int_equal(strlen(reader.text) > 0, 1);
	assert_int_equal(topic_frame_count(follow("/{x}")), 16);
	assert_int_equal(reader.overrun_count, 0);
	cursor_close(&reader.cursor);
}

/* What the pattern keeps, less the private updates. */
static void
assert_public_of(const char *text, const char *expected)
{
	struct reader reader;
	const char   *from;
	char          kept[64] = "";
	size_t        count = 0;

	reader_open_from_start(&reader, 'k', follow(text));
	turns_settle();
	for (from = reader.text; *from != '\0'; from++) {
		if (strncmp(from, "id: ", 4) == 0)
			from = strchr(from, '\n');
		else if (*from != 'x' && count < sizeof(kept) - 1)
			kept[count++] = *from;
	}
	assert_string_equal(kept, expected);
	cursor_close(&reader.cursor);
}

/* Nobody finds out by its share, or by what is kept, how many come. */
static void
test_private_updates_change_nothing_for_others(void **state)
{
	struct reader reader;
	char          id[2] = "";
	size_t        before_bytes;

	(void)state;
	hub.limits.event_count_max = 100;
	reader_open(&reader, 'r', follow("/{x}"));
	for (id[0] = 'a'; id[0] < 'a' + 16; id[0]++)
		put("/public", id);
	before_bytes = hub.shares.bytes;
	for (int i = 0; i < 40; i++)
		put_private("/private");
	assert_int_equal(hub.shares.bytes, before_bytes);
	assert_int_equal(hub.hidden.bytes, (40 - 16) * 64);
	assert_public_of("/{x}", "abcdefghijklmnop");
	/* Nor when there is no room for more, of either kind. */
	hub.shares.bytes_max = hub.hidden.bytes_max = 0;
	reader.text[0] = '\0';
	for (int i = 0; i < 40; i++)
		put_private("/private");
	assert_int_equal(hub.hidden.bytes, 0);
	assert_public_of("/{x}", "abcdefghijklmnop");
	put("/public", "q");
	assert_public_of("/{x}", "bcdefghijklmnopq");
	turns_settle();
	assert_int_equal(reader.overrun_count, 0);
	cursor_close(&reader.cursor);
}

/* Vast texts of both, so that each match costs as much as one may. */
static void
fill_vast(char *pattern, char *topic, size_t len_bytes)
{
	for (size_t i = 0; i + 4 < len_bytes; i += 4)
		memcpy(pattern + i, "{x}a", 5);
	memset(topic, 'a', len_bytes - 1);
	topic[len_bytes - 3] = '!';
	topic[len_bytes - 1] = '\0';
}

static void
test_a_costly_pattern_ends(void **state)
{
	char          pattern[4000], topic[4000];
	struct reader costly, cheap;
	const char   *why;

	(void)state;
	fill_vast(pattern, topic, sizeof(topic));
	hub.shares.bytes_max = 1000000;
	hub.limits.bytes_max = 1000000;
	reader_open(&cheap, 'c', follow("{+x}"));
	reader_open(&costly, 'd', follow(pattern));
	for (int i = 0; i < 20 && costly.overrun_count == 0; i++) {
		put(topic, "u");
		turns_settle();
	}
	assert_int_equal(costly.overrun_count, 1);
	assert_int_equal(cheap.overrun_count, 0);
	cursor_close(&costly.cursor);
	/* It is not matched any more, and nobody may come back to it. */
	assert_null(follow(pattern));
	put(topic, "v");
	turns_settle();
	assert_int_equal(cheap.overrun_count, 0);
	assert_true(strchr(cheap.text, 'v') != NULL);
	cursor_close(&cheap.cursor);
	hub.limits.age_ms = 1000000;
	pass_ms(30000);
	assert_non_null(hub_follow(&hub, SELECTOR_TOPIC, pattern, CLIENT, NULL,
	    &why));
}

static void
test_filling_a_costly_pattern_ends_too(void **state)
{
	char   pattern[4000], topic[4000];
	size_t count = 0;

	(void)state;
	fill_vast(pattern, topic, sizeof(topic));
	hub.shares.bytes_max = 1000000;
	hub.limits.bytes_max = 1000000;
	for (int i = 0; i < 20; i++) {
		topic[0] = (char)('a' + i);
		put(topic, "u");
	}
	while (count < 5 && follow(pattern + 4 * count) == NULL)
		count++;
	assert_int_equal(count, 5);
}

/* Each match costs what is usual, and all together do not. */
static void
test_filling_from_very_many_topics_ends_too(void **state)
{
	char pattern[80], vast[4000], topic[4000];

	(void)state;
	fill_vast(pattern, topic, sizeof(pattern));
	fill_vast(vast, topic, sizeof(topic));
	hub.shares.bytes_max = hub.limits.bytes_max = 10000000;
	for (int i = 0; i < 100; i++) {
		topic[0] = (char)('A' + i % 26);
		topic[1] = (char)('A' + i / 26);
		put(topic, "u");
		if (i == 10)
			assert_non_null(follow(pattern + 4));
	}
	assert_null(follow(pattern));
}

/* Not the one that happens to go over what the client may spend. */
static void
test_the_costliest_of_a_clients_patterns_ends(void **state)
{
	char          patterns[2][4000], topics[2][4000];
	struct reader readers[2];

	(void)state;
	hub.shares.bytes_max = hub.limits.bytes_max = 1000000;
	for (size_t i = 0; i < 2; i++) {
		memcpy(patterns[i], i == 0 ? "1/" : "2/", 2);
		memcpy(topics[i], patterns[i], 2);
		fill_vast(patterns[i] + 2, topics[i] + 2,
		    sizeof(topics[i]) - 2);
		reader_open(&readers[i], 'r', follow(patterns[i]));
	}
	for (int i = 0; i < 3; i++)
		put(topics[0], "u");
	turns_settle();
	assert_int_equal(readers[0].overrun_count, 0);
	for (int i = 0; i < 2; i++)
		put(topics[1], "u");
	turns_settle();
	assert_int_equal(readers[0].overrun_count, 1);
	assert_int_equal(readers[1].overrun_count, 0);
	cursor_close(&readers[1].cursor);
}

/* Its text is not taken again until what it cost has been worked off. */
static void
test_a_costly_pattern_that_nobody_follows(void **state)
{
	char pattern[4000], topic[4000];
	int  i = 0;

	(void)state;
	fill_vast(pattern, topic, sizeof(topic));
	hub.shares.bytes_max = hub.limits.bytes_max = 1000000;
	hub.limits.age_ms = 1000000;
	assert_non_null(follow(pattern));
	pass_ms(29000);
	for (; i < 20 && follow(pattern) != NULL; i++)
		put(topic, "u");
	assert_true(i < 20);
	pass_ms(29999);
	assert_null(follow(pattern));
	pass_ms(1);
	assert_non_null(follow(pattern));
}

static void
test_ids_are_found_on_a_pattern(void **state)
{
	struct topic *topic;
	uint64_t      position = 0;

	(void)state;
	put("/films/1", "7");
	put("/books/1", "7");
	topic = follow("/books/{id}");
	assert_true(hub_find(&hub, "7", &topic, 1, NULL, &position));
	assert_true(position == 2);
	assert_false(hub_find(&hub, "8", &topic, 1, NULL, &position));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		HUB_TEST(test_a_template_gets_what_its_topics_get),
		HUB_TEST(test_the_first_subscription_gets_what_is_kept),
		HUB_TEST(test_a_pattern_and_a_topic_give_an_update_once),
		HUB_TEST(test_subscribers_of_a_pattern_share_it),
		HUB_TEST(test_url_patterns_have_the_hub_for_their_base),
		HUB_TEST(test_a_pattern_keeps_what_its_topics_drop),
		HUB_TEST(test_age_and_bytes_end_what_a_pattern_has),
		HUB_TEST(test_a_client_pays_for_its_patterns),
		HUB_TEST(test_patterns_of_one_subscriber_stay),
		HUB_TEST(test_who_may_take_no_more_keeps_the_newest),
		HUB_TEST(test_private_updates_change_nothing_for_others),
		HUB_TEST(test_a_costly_pattern_ends),
		HUB_TEST(test_filling_a_costly_pattern_ends_too),
		HUB_TEST(test_filling_from_very_many_topics_ends_too),
		HUB_TEST(test_the_costliest_of_a_clients_patterns_ends),
		HUB_TEST(test_a_costly_pattern_that_nobody_follows),
		HUB_TEST(test_ids_are_found_on_a_pattern),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
