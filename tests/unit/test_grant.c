/* Grants with equal rights are one. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "auth/grant.h"

static struct grant *
get(struct grants *grants, const struct grant_selector *selectors, size_t count)
{
	return grants_get(grants, TOKEN_DIALECT_07, TOKEN_ROLE_SUBSCRIBER,
	    selectors, count);
}

static void
test_equal_rights_are_one_grant(void **state)
{
	char                  b[] = "b";
	struct grant_selector one[] = { { GRANT_MATCH_TOPIC, "a" },
		{ GRANT_MATCH_TOPIC, b } };
	struct grant_selector other[] = { { GRANT_MATCH_TOPIC, "b" },
		{ GRANT_MATCH_TOPIC, "a" }, { GRANT_MATCH_TOPIC, "b" } };
	struct grants        *grants = grants_new();
	struct grant         *first = get(grants, one, 2), *second, *third;
	uint64_t              id = first->id;

	(void)state;
	/* The texts are copies. */
	b[0] = 'x';
	second = get(grants, other, 3);
	assert_ptr_equal(first, second);
	assert_int_equal(first->ref_count, 2);
	third = get(grants, other, 1);
	assert_ptr_not_equal(first, third);
	assert_int_not_equal(first->id, third->id);
	assert_int_equal(grants_count(grants), 2);
	grant_unref(grants, first);
	assert_int_equal(grants_count(grants), 2);
	grant_unref(grants, second);
	assert_int_equal(grants_count(grants), 1);
	/* An id is not used again. */
	first = get(grants, other, 3);
	assert_true(first->id > id);
	grant_unref(grants, first);
	grant_unref(grants, third);
	grant_unref(grants, NULL);
	grants_free(grants);
}

static void
test_what_makes_a_difference(void **state)
{
	struct grant_selector exact = { GRANT_MATCH_EXACT, "a" };
	struct grant_selector pattern = { GRANT_MATCH_URLPATTERN, "a" };
	struct grants        *grants = grants_new();
	struct grant         *held[4];

	(void)state;
	held[0] = grants_get(grants, TOKEN_DIALECT_08, TOKEN_ROLE_SUBSCRIBER,
	    &exact, 1);
	held[1] = grants_get(grants, TOKEN_DIALECT_08, TOKEN_ROLE_SUBSCRIBER,
	    &pattern, 1);
	held[2] = grants_get(grants, TOKEN_DIALECT_08, TOKEN_ROLE_PUBLISHER,
	    &exact, 1);
	held[3] = grants_get(grants, TOKEN_DIALECT_07, TOKEN_ROLE_SUBSCRIBER,
	    &exact, 1);
	assert_int_equal(grants_count(grants), 4);
	for (size_t i = 0; i < 4; i++)
		grant_unref(grants, held[i]);
	grants_free(grants);
}

static void
test_all_covers_the_rest(void **state)
{
	struct grant_selector selectors[] = { { GRANT_MATCH_TOPIC, "a" },
		{ GRANT_MATCH_TOPIC, "*" }, { GRANT_MATCH_TOPIC, "*" } };
	struct grants        *grants = grants_new();
	struct grant         *grant = get(grants, selectors, 3);
	struct grant         *none = get(grants, NULL, 0);

	(void)state;
	assert_int_equal(grant->selector_count, 1);
	assert_int_equal(grant->selectors[0].match, GRANT_MATCH_ALL);
	assert_int_equal(none->selector_count, 0);
	grant_unref(grants, grant);
	grant_unref(grants, none);
	grants_free(grants);
}

static void
test_many(void **state)
{
	static struct grant  *held[10000];
	char                  text[32];
	struct grant_selector selector = { GRANT_MATCH_TOPIC, text };
	struct grants        *grants = grants_new();

	(void)state;
	for (size_t i = 0; i < 10000; i++) {
		snprintf(text, sizeof(text), "/users/%zu", i * 7919 % 10000);
		held[i] = get(grants, &selector, 1);
	}
	assert_int_equal(grants_count(grants), 10000);
	for (size_t i = 0; i < 10000; i++)
		grant_unref(grants, held[i]);
	assert_int_equal(grants_count(grants), 0);
	grants_free(grants);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_rights_are_one_grant),
		cmocka_unit_test(test_what_makes_a_difference),
		cmocka_unit_test(test_all_covers_the_rest),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
