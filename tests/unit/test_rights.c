/* What grants allow, in both dialects. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auth/rights.h"
#include "hub/update.h"
#include "pure/selector.h"
#include "pure/url.h"

#define HUB "/.well-known/mercure"

static struct url     base;
static struct grants *grants;

static int
setup(void **state)
{
	(void)state;
	grants = grants_new();
	return selector_base_parse(&base, HUB, strlen(HUB));
}

static int
teardown(void **state)
{
	(void)state;
	url_deinit(&base);
	grants_free(grants);
	return 0;
}

static struct grant *
get(enum grant_match match, const char *text)
{
	struct grant_selector selector = { match, text };

	return grants_get(grants,
	    match == GRANT_MATCH_TOPIC ? TOKEN_DIALECT_07 : TOKEN_DIALECT_08,
	    TOKEN_ROLE_SUBSCRIBER, &selector, 1);
}

/* Asks twice, since the second answer is the one that was kept. */
static bool
allows(enum grant_match match, const char *text, const char *topic)
{
	struct grant *grant = get(match, text);
	bool          first = rights_allow(grant, &base, topic);

	assert_int_equal(rights_allow(grant, &base, topic), first);
	grant_unref(grants, grant);
	return first;
}

static void
test_each_kind_of_selector(void **state)
{
	(void)state;
	assert_true(allows(GRANT_MATCH_TOPIC, "a", "a"));
	assert_false(allows(GRANT_MATCH_TOPIC, "a", "ab"));
	assert_true(allows(GRANT_MATCH_TOPIC, "/u/{id}", "/u/1"));
	assert_true(allows(GRANT_MATCH_TOPIC, "/u/{id}", "/u/{id}"));
	assert_false(allows(GRANT_MATCH_TOPIC, "/u/{id}", "/u/1/2"));
	assert_false(allows(GRANT_MATCH_EXACT, "/u/{id}", "/u/1"));
	assert_true(allows(GRANT_MATCH_EXACT, "/u/{id}", "/u/{id}"));
	assert_true(allows(GRANT_MATCH_URLPATTERN, "/u/:id", "/u/1"));
	assert_false(allows(GRANT_MATCH_URLPATTERN, "/u/:id", "/u/1/2"));
	assert_false(allows(GRANT_MATCH_URLPATTERN, "/u/:id", "u/1"));
	assert_true(allows(GRANT_MATCH_URLPATTERN, "*", "http://[bad"));
	assert_true(allows(GRANT_MATCH_TOPIC, "*", "anything"));
}

static void
test_no_selector_allows_nothing(void **state)
{
	const char *const topics[] = { "a" };
	struct update     update = { 1, NULL, topics, 1, true, "", 0 };
	struct grant     *grant = grants_get(grants, TOKEN_DIALECT_07,
		TOKEN_ROLE_SUBSCRIBER, NULL, 0);

	(void)state;
	assert_false(rights_allow(grant, &base, "a"));
	assert_false(rights_allow_update(grant, &base, &update));
	assert_false(rights_allow_update(NULL, &base, &update));
	update.is_private = false;
	assert_true(rights_allow_update(grant, &base, &update));
	assert_true(rights_allow_update(NULL, &base, &update));
	grant_unref(grants, grant);
}

static void
test_one_topic_of_an_update_is_enough(void **state)
{
	const char *const mine[] = { "a", "b", "/u/7" };
	const char *const others[] = { "a", "b", "/v/7" };
	struct update     update = { 1, NULL, mine, 3, true, "", 0 };
	struct grant     *grant = get(GRANT_MATCH_TOPIC, "/u/{id}");

	(void)state;
	assert_true(rights_allow_update(grant, &base, &update));
	assert_true(rights_allow_update(grant, &base, &update));
	/* What was found out is not taken for another update. */
	update.topics = others;
	assert_false(rights_allow_update(grant, &base, &update));
	update.position = 2;
	assert_false(rights_allow_update(grant, &base, &update));
	update.topics = mine;
	assert_true(rights_allow_update(grant, &base, &update));
	/* An update that has no position yet is looked at each time. */
	update.position = 0;
	assert_true(rights_allow_update(grant, &base, &update));
	update.topic_count = 2;
	assert_false(rights_allow_update(grant, &base, &update));
	grant_unref(grants, grant);
}

/* More topics than are kept, in an order that replaces them all the time. */
static void
test_results_are_not_mixed_up(void **state)
{
	struct grant *grant = get(GRANT_MATCH_TOPIC, "/even/{id}");
	char          topic[32];

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(topic, sizeof(topic), "/%s/%u",
		    i % 2 == 0 ? "even" : "odd", i * 2654435761u % 40);
		assert_int_equal(rights_allow(grant, &base, topic), i % 2 == 0);
	}
	grant_unref(grants, grant);
}

static void
test_what_is_valid(void **state)
{
	(void)state;
	assert_true(rights_is_valid(GRANT_MATCH_TOPIC, "/{", &base));
	assert_true(rights_is_valid(GRANT_MATCH_URLPATTERN, "/:id", &base));
	assert_false(rights_is_valid(GRANT_MATCH_URLPATTERN, "(", &base));
	assert_false(rights_is_valid(GRANT_MATCH_EXACT, "a\xe2\x80\x8d",
	    &base));
	assert_true(rights_is_valid(GRANT_MATCH_TOPIC, "a\xe2\x80\x8d", &base));
}

/* What one grant's selectors may cost for one topic has one limit. */
static void
test_costly_selectors_have_one_limit(void **state)
{
	static char           texts[100][4000], topic[4001];
	struct grant_selector selectors[100];
	struct grant         *grant;
	clock_t               begin;

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		for (size_t at = 0; at + 4 <= 3990; at += 4)
			memcpy(&texts[i][at], "a{x}", 4);
		snprintf(&texts[i][3900], 16, "!%zu{x}", i);
		selectors[i] = (struct grant_selector){ GRANT_MATCH_TOPIC,
			texts[i] };
	}
	memset(topic, 'a', 4000);
	grant = grants_get(grants, TOKEN_DIALECT_07, TOKEN_ROLE_SUBSCRIBER,
	    selectors, 100);
	begin = clock();
	assert_false(rights_allow(grant, &base, topic));
	/* All of them would take some 300 ms. */
	assert_true(clock() - begin < CLOCKS_PER_SEC / 10);
	grant_unref(grants, grant);
}

/* Compiled once, and no more is spent than was allowed. */
static void
test_a_match_has_a_budget(void **state)
{
	struct grant_selector two[] = { { GRANT_MATCH_URLPATTERN, "/a/:x" },
		{ GRANT_MATCH_URLPATTERN, "/b/:x" } };
	struct rights        *kept = NULL, *first;
	uint64_t              left = 100000, cost = 0, before;

	(void)state;
	assert_true(rights_match(&kept, two, 2, &base, "/b/1", &left, &cost));
	assert_true(left < 100000 && cost > 100000 - left);
	first = kept;
	before = cost;
	assert_false(rights_match(&kept, two, 2, &base, "/c/1", &left, &cost));
	assert_ptr_equal(kept, first);
	assert_true(cost > before && cost < 100000);
	left = 0;
	before = cost;
	assert_false(rights_match(&kept, two, 2, &base, "/b/1", &left, &cost));
	assert_true(cost == before);
	rights_free(kept);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_kind_of_selector),
		cmocka_unit_test(test_no_selector_allows_nothing),
		cmocka_unit_test(test_one_topic_of_an_update_is_enough),
		cmocka_unit_test(test_results_are_not_mixed_up),
		cmocka_unit_test(test_what_is_valid),
		cmocka_unit_test(test_costly_selectors_have_one_limit),
		cmocka_unit_test(test_a_match_has_a_budget),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
