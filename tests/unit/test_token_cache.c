/* Tokens that are known, and what wrong signatures may cost. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/token_budget.h"
#include "auth/token_cache.h"
#include "token_fixture.h"

static struct token_fixture fixture;
static struct signer        slow, fast;
static struct token_cache  *cache;
static struct token_request request;

static int
setup(void **state)
{
	static const char *const specs[] = { "dialect=07,file=@0",
		"dialect=07,alg=HS256,role=subscriber,file=@1" };
	char                    *pem;

	(void)state;
	fixture_init(&fixture);
	signer_init(&slow, "ES384");
	signer_init(&fast, "HS256");
	pem = signer_pem(&slow);
	free(fixture_write(&fixture, pem, 0644));
	free(pem);
	free(fixture_write(&fixture, fast.secret, 0600));
	fixture_set_keys(&fixture, specs, 2);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	signer_deinit(&slow);
	fixture_deinit(&fixture);
	return 0;
}

static int
begin(void **state)
{
	struct token_cache_limits limits = { 4, 100000, 3 };

	(void)state;
	cache = token_cache_new(&limits, fixture.rules.grants);
	request = (struct token_request){ .role = TOKEN_ROLE_SUBSCRIBER,
		.address = "192.0.2.1",
		.wall_ms = WALL_MS,
		.now_ms = 1000 };
	return 0;
}

static int
end(void **state)
{
	(void)state;
	token_cache_free(cache);
	assert_int_equal(grants_count(fixture.rules.grants), 0);
	return 0;
}

/* The result for a text, which stays the caller's. */
static enum token_result
judge(const char *text)
{
	struct token     *token;
	int64_t           wait_ms;
	enum token_result result;

	request.text = text;
	request.len_bytes = strlen(text);
	result = token_cache_judge(cache, &fixture.rules, &request, &token,
	    &wait_ms);
	assert_int_equal(result == TOKEN_OK, token != NULL);
	assert_int_equal(result == TOKEN_LATER, wait_ms > 0);
	token_unref(fixture.rules.grants, token);
	return result;
}

static char *
numbered(const struct signer *signer, unsigned number)
{
	char payload[64];

	snprintf(payload, sizeof(payload), "{\"exp\":1700000100,\"n\":%u}",
	    number);
	return maker_token_07(signer, payload);
}

/* The token with another signature than its own. */
static char *
forged(const struct signer *signer, unsigned number)
{
	char *text = numbered(signer, number);
	char *last = text + strlen(text) - 8;

	*last = *last == 'A' ? 'B' : 'A';
	return text;
}

static void
judge_and_free(char *text, enum token_result expected)
{
	assert_string_equal(token_result_word(judge(text)),
	    token_result_word(expected));
	free(text);
}

static uint64_t
verified(void)
{
	return token_cache_totals(cache)->verify_count;
}

static void
test_same_token_is_verified_once(void **state)
{
	char *text = numbered(&slow, 0);

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(judge(text), TOKEN_OK);
	assert_int_equal(verified(), 1);
	assert_int_equal(token_cache_totals(cache)->hit_count, 99);
	/* For another role it is another token. */
	request.role = TOKEN_ROLE_PUBLISHER;
	assert_int_equal(judge(text), TOKEN_OK);
	assert_int_equal(verified(), 2);
	free(text);
	/* Nor does a key of one role serve for the other. */
	judge_and_free(numbered(&fast, 0), TOKEN_ALGORITHM);
	request.role = TOKEN_ROLE_SUBSCRIBER;
	judge_and_free(numbered(&fast, 0), TOKEN_OK);
}

static void
test_known_token_comes_to_its_end(void **state)
{
	char *text = numbered(&fast, 0);

	(void)state;
	assert_int_equal(judge(text), TOKEN_OK);
	request.wall_ms = INT64_C(1700000099999);
	assert_int_equal(judge(text), TOKEN_OK);
	request.wall_ms++;
	assert_int_equal(judge(text), TOKEN_EXPIRED);
	assert_int_equal(token_cache_totals(cache)->token_count, 0);
	/* The clock is set back. */
	request.wall_ms = WALL_MS;
	assert_int_equal(judge(text), TOKEN_OK);
	free(text);
	text = maker_token_07(&fast, "{\"nbf\":1700000000}");
	assert_int_equal(judge(text), TOKEN_OK);
	request.wall_ms--;
	assert_int_equal(judge(text), TOKEN_NOT_YET);
	free(text);
}

static void
test_bounds(void **state)
{
	char *first = numbered(&fast, 0);

	(void)state;
	assert_int_equal(judge(first), TOKEN_OK);
	for (unsigned i = 1; i < 100; i++) {
		judge_and_free(numbered(&fast, i), TOKEN_OK);
		assert_true(token_cache_totals(cache)->token_count <= 4);
	}
	assert_int_equal(verified(), 100);
	judge_and_free(numbered(&fast, 99), TOKEN_OK);
	judge_and_free(numbered(&fast, 96), TOKEN_OK);
	assert_int_equal(verified(), 100);
	/* The first is the longest unused. */
	assert_int_equal(judge(first), TOKEN_OK);
	assert_int_equal(verified(), 101);
	free(first);
	judge_and_free(numbered(&fast, 97), TOKEN_OK);
	assert_int_equal(verified(), 102);
}

static void
test_bound_in_bytes(void **state)
{
	struct token_cache_limits limits = { 1000, 3000, 0 };
	char                      payload[1200], *text;

	(void)state;
	token_cache_free(cache);
	cache = token_cache_new(&limits, fixture.rules.grants);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(payload, sizeof(payload),
		    "{\"mercure\":{\"payload\":\"%0900u\"}}", i);
		text = maker_token_07(&fast, payload);
		judge_and_free(text, TOKEN_OK);
		assert_true(token_cache_totals(cache)->bytes <= 3000);
	}
	assert_int_equal(token_cache_totals(cache)->token_count, 2);
	/* Failures are not kept at all. */
	judge_and_free(forged(&fast, 0), TOKEN_SIGNATURE);
	judge_and_free(forged(&fast, 0), TOKEN_SIGNATURE);
	assert_int_equal(verified(), 22);
}

static void
test_clear(void **state)
{
	char *good = numbered(&fast, 0), *bad = forged(&fast, 0);

	(void)state;
	assert_int_equal(judge(good), TOKEN_OK);
	assert_int_equal(judge(bad), TOKEN_SIGNATURE);
	assert_int_equal(judge(bad), TOKEN_SIGNATURE);
	assert_int_equal(verified(), 2);
	token_cache_clear(cache);
	assert_int_equal(token_cache_totals(cache)->bytes, 0);
	assert_int_equal(judge(good), TOKEN_OK);
	assert_int_equal(judge(bad), TOKEN_SIGNATURE);
	assert_int_equal(verified(), 4);
	free(good);
	free(bad);
}

/* A browser that comes back for ever with the same bad token. */
static void
test_same_failure_costs_nothing(void **state)
{
	char *bad = forged(&slow, 0);

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(judge(bad), TOKEN_SIGNATURE);
	assert_int_equal(verified(), 1);
	free(bad);
	/* So a new one behind the same address is judged at once. */
	judge_and_free(numbered(&slow, 1), TOKEN_OK);
}

static void
test_budget_of_an_address(void **state)
{
	char    *good = numbered(&slow, 0), *late = numbered(&slow, 1);
	unsigned count = 0, number = 100;
	char    *bad;

	(void)state;
	assert_int_equal(judge(good), TOKEN_OK);
	for (;; count++) {
		enum token_result result;

		bad = forged(&slow, number++);
		result = judge(bad);
		free(bad);
		if (result == TOKEN_LATER)
			break;
		assert_int_equal(result, TOKEN_SIGNATURE);
	}
	assert_int_equal(count, 7);
	/* What is known to be good, what is cheap, and who else is there. */
	assert_int_equal(judge(good), TOKEN_OK);
	judge_and_free(numbered(&fast, 7), TOKEN_OK);
	judge_and_free(forged(&fast, 8), TOKEN_SIGNATURE);
	assert_int_equal(judge(late), TOKEN_LATER);
	request.address = "192.0.2.2";
	judge_and_free(numbered(&slow, 2), TOKEN_OK);
	/* After the time that it was told, the rest of that address as well. */
	request.address = "192.0.2.1";
	request.now_ms += 110;
	assert_int_equal(judge(late), TOKEN_OK);
	free(good);
	free(late);
}

static void
test_budget_over_time(void **state)
{
	unsigned judged_count = 0;

	(void)state;
	/* One each ms for 10 s: the burst, and then one in 112 ms. */
	for (unsigned i = 0; i < 10000; i++, request.now_ms++) {
		struct token_budget *budget = *state;

		if (token_budget_wait_ms(budget, "::1", 1120, request.now_ms) >
		    0)
			continue;
		judged_count++;
		token_budget_spend(budget, "::1", 1120, request.now_ms);
	}
	assert_in_range(judged_count, 90, 98);
	token_budget_free(*state);
}

static int
begin_budget(void **state)
{
	*state = token_budget_new();
	request.now_ms = 1000;
	return 0;
}

static int64_t
wait_ms(struct token_budget *budget, const char *address)
{
	return token_budget_wait_ms(budget, address, 1000, 1000);
}

static void
test_addresses(void **state)
{
	struct token_budget *budget = *state;

	for (unsigned i = 0; i < 8; i++) {
		token_budget_spend(budget, "2001:db8::1", 1000, 1000);
		token_budget_spend(budget, "::ffff:192.0.2.1", 1000, 1000);
		token_budget_spend(budget, NULL, 1000, 1000);
	}
	assert_int_equal(wait_ms(budget, "2001:db8::1"), 100);
	assert_int_equal(wait_ms(budget, "2001:db8:0:0:ffff::2"), 100);
	assert_int_equal(wait_ms(budget, "2001:db8:0:1::1"), 0);
	assert_int_equal(wait_ms(budget, "192.0.2.1"), 100);
	assert_int_equal(wait_ms(budget, "192.0.2.2"), 0);
	assert_int_equal(wait_ms(budget, "::ffff:192.0.2.2"), 0);
	assert_int_equal(wait_ms(budget, NULL), 100);
	assert_int_equal(wait_ms(budget, ""), 100);
	/* What costs more than a whole burst has its turn as well. */
	assert_int_equal(token_budget_wait_ms(budget, "192.0.2.3", 50000, 1000),
	    0);
	assert_int_equal(token_budget_wait_ms(budget, "192.0.2.1", 50000, 1000),
	    800);
	assert_int_equal(token_budget_wait_ms(budget, "192.0.2.1", 50000, 1800),
	    0);
	/* Nobody waits longer than until he is forgotten. */
	token_budget_spend(budget, "192.0.2.1", 1000000, 1800);
	assert_int_equal(token_budget_wait_ms(budget, "192.0.2.1", 50000, 1800),
	    10000);
	token_budget_free(budget);
}

/* Whoever has many addresses takes no more memory, and no more time. */
static void
test_many_addresses(void **state)
{
	struct token_budget *budget = *state;
	char                 address[32];

	for (unsigned i = 0; i < 30000; i++) {
		snprintf(address, sizeof(address), "2001:db8:%x:%x::1", i >> 16,
		    i & 0xffff);
		for (unsigned j = 0; j < 8; j++)
			token_budget_spend(budget, address, 1000, 1000);
	}
	assert_int_equal(wait_ms(budget, address), 100);
	assert_int_equal(wait_ms(budget, "2001:db8:0:1::1"), 0);
	token_budget_free(budget);
}

int
main(void)
{
#define CACHE_TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		CACHE_TEST(test_same_token_is_verified_once),
		CACHE_TEST(test_known_token_comes_to_its_end),
		CACHE_TEST(test_bounds),
		CACHE_TEST(test_bound_in_bytes),
		CACHE_TEST(test_clear),
		CACHE_TEST(test_same_failure_costs_nothing),
		CACHE_TEST(test_budget_of_an_address),
		cmocka_unit_test_setup(test_budget_over_time, begin_budget),
		cmocka_unit_test_setup(test_addresses, begin_budget),
		cmocka_unit_test_setup(test_many_addresses, begin_budget),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
