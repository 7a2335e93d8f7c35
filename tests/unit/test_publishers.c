/* Who may publish: keys, and the rate of public topics by a hand-set clock. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "auth/publishers.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define KEY "Bearer k3y"

static char  chat[] = "chat", board[] = "board";
static char *public_topics[] = { chat, board };

static int64_t now_ms;

static struct publishers *
make(const char *keys)
{
	now_ms = 1000;
	return publishers_new(keys, public_topics, COUNT(public_topics));
}

/* Somebody with that field and address publishes to one topic. */
static enum publish_verdict
judge(struct publishers *publishers, const char *authorization,
    const char *client, const char *topic)
{
	return publishers_judge(publishers, authorization, client, &topic, 1,
	    now_ms);
}

static void
test_keys(void **state)
{
	static const char *const wrong[] = {
		NULL,
		"",
		"Bearer",
		"Bearer ",
		"k3y",
		"Basic k3y",
		"Bearer k3",
		"Bearer k3y ",
		"Bearer k3yk3y",
		"Bearer K3Y",
		"Bearer another",
		"Bearer k3y\nanother key",
		"Bearer \n",
		"Bearerk3y",
	};
	static const char *const right[] = {
		KEY,
		"bearer k3y",
		"BEARER k3y",
		"Bearer another key",
	};
	struct publishers *publishers = make("k3y\nanother key\n");

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_int_equal(judge(publishers, wrong[i], "::1", "t"),
		    PUBLISH_NO_KEY);
	for (size_t i = 0; i < COUNT(right); i++)
		assert_int_equal(judge(publishers, right[i], "::1", "t"),
		    PUBLISH_ALLOWED);
	publishers_free(publishers);
}

static void
test_without_keys_publishing_is_off(void **state)
{
	struct publishers *publishers = make(NULL);

	(void)state;
	assert_int_equal(judge(publishers, NULL, "::1", "t"), PUBLISH_OFF);
	assert_int_equal(judge(publishers, KEY, "::1", "t"), PUBLISH_OFF);
	assert_int_equal(judge(publishers, "Bearer ", "::1", "t"), PUBLISH_OFF);
	assert_int_equal(judge(publishers, NULL, "::1", chat),
	    PUBLISH_ALLOWED_TO_ALL);
	publishers_free(publishers);
}

static void
test_all_topics_have_to_be_public(void **state)
{
	static const char *const both[] = { "board", "chat", "secret" };
	struct publishers       *publishers = make("k3y\n");

	(void)state;
	assert_int_equal(publishers_judge(publishers, NULL, "::1", both, 2,
			     now_ms),
	    PUBLISH_ALLOWED_TO_ALL);
	assert_int_equal(publishers_judge(publishers, NULL, "::1", both, 3,
			     now_ms),
	    PUBLISH_NO_KEY);
	assert_int_equal(publishers_judge(publishers, KEY, "::1", both, 3,
			     now_ms),
	    PUBLISH_ALLOWED);
	assert_int_equal(judge(publishers, NULL, "::1", "Chat"),
	    PUBLISH_NO_KEY);
	publishers_free(publishers);
}

/* How many are allowed at this moment. */
static unsigned
burst(struct publishers *publishers, const char *client)
{
	unsigned count = 0;

	while (judge(publishers, NULL, client, chat) == PUBLISH_ALLOWED_TO_ALL)
		count++;
	assert_int_equal(judge(publishers, NULL, client, board),
	    PUBLISH_TOO_OFTEN);
	return count;
}

static void
test_ten_at_once_then_one_in_half_a_second(void **state)
{
	struct publishers *publishers = make("k3y\n");

	(void)state;
	assert_int_equal(burst(publishers, "::1"), 10);
	now_ms += 499;
	assert_int_equal(burst(publishers, "::1"), 0);
	now_ms += 1;
	assert_int_equal(burst(publishers, "::1"), 1);
	now_ms += 1700;
	assert_int_equal(burst(publishers, "::1"), 3);
	now_ms += 300;
	assert_int_equal(burst(publishers, "::1"), 1);
	now_ms += 1000000;
	assert_int_equal(burst(publishers, "::1"), 10);
	/* With a key there is no rate. */
	for (int i = 0; i < 100; i++)
		assert_int_equal(judge(publishers, KEY, "::1", chat),
		    PUBLISH_ALLOWED);
	assert_int_equal(burst(publishers, "::1"), 0);
	publishers_free(publishers);
}

static void
test_each_address_by_itself(void **state)
{
	struct publishers *publishers = make(NULL);

	(void)state;
	assert_int_equal(burst(publishers, "192.0.2.1"), 10);
	assert_int_equal(burst(publishers, "192.0.2.2"), 10);
	assert_int_equal(burst(publishers, "192.0.2.11"), 10);
	/* Those without an address are one. */
	assert_int_equal(burst(publishers, NULL), 10);
	assert_int_equal(judge(publishers, NULL, NULL, chat),
	    PUBLISH_TOO_OFTEN);
	publishers_free(publishers);
}

static void
test_half_a_burst_is_not_forgotten_too_soon(void **state)
{
	struct publishers *publishers = make(NULL);

	(void)state;
	/* Steady use at twice the rate, beyond the time of forgetting. */
	unsigned count = 0;
	for (int i = 0; i < 400; i++, now_ms += 250)
		if (judge(publishers, NULL, "::1", chat) ==
		    PUBLISH_ALLOWED_TO_ALL)
			count++;
	assert_in_range(count, 200, 211);
	publishers_free(publishers);
}

/* Whoever has one address of a net has them all. */
static void
test_addresses_of_one_net_are_one_client(void **state)
{
	struct publishers *publishers = make(NULL);
	char               client[64];
	unsigned           count = 0;

	(void)state;
	for (unsigned i = 0; i < 60; i++) {
		snprintf(client, sizeof(client), "2001:db8:1:2:%x::%x", i, i);
		count += judge(publishers, NULL, client, chat) ==
		    PUBLISH_ALLOWED_TO_ALL;
	}
	assert_int_equal(count, 10);
	assert_int_equal(burst(publishers, "2001:db8:1:3::1"), 10);
	assert_int_equal(burst(publishers, "::ffff:192.0.2.1"), 10);
	assert_int_equal(burst(publishers, "192.0.2.1"), 0);
	publishers_free(publishers);
}

static void
test_a_hundred_thousand_addresses(void **state)
{
	struct publishers *publishers = make(NULL);
	char               client[32];

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(client, sizeof(client), "2001:db8:%x:%x::1", i >> 8,
		    i & 0xff);
		assert_int_equal(judge(publishers, NULL, client, chat),
		    PUBLISH_ALLOWED_TO_ALL);
		now_ms++;
	}
	now_ms += 10000;
	assert_int_equal(burst(publishers, "2001:db8:1:1::1"), 10);
	publishers_free(publishers);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_without_keys_publishing_is_off),
		cmocka_unit_test(test_all_topics_have_to_be_public),
		cmocka_unit_test(test_ten_at_once_then_one_in_half_a_second),
		cmocka_unit_test(test_each_address_by_itself),
		cmocka_unit_test(test_half_a_burst_is_not_forgotten_too_soon),
		cmocka_unit_test(test_addresses_of_one_net_are_one_client),
		cmocka_unit_test(test_a_hundred_thousand_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
