#include "config.h"

#include "choose.h"
#include "redis_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * Random calls against an array: what is kept is the log, in the order of its
 * positions, and every user who reads from a position has what is behind it.
 */
#define USER_COUNT 3
#define KEPT_MAX 4000

struct kept {
	uint64_t position;
	char     topic[4];
	char     text[24];
};

static struct kept kept[KEPT_MAX];
static size_t      kept_count;

static struct reading {
	struct store_user user;
	bool              is_open, is_held;
	uint64_t          after;
	char              topic[4]; /* empty: all */
} readings[USER_COUNT];

/* What a reading has to have got by now, at most. */
static void
check(const struct reading *reading, bool is_complete)
{
	size_t i, at = 0;
	char   bytes[40];

	for (i = 0; i < kept_count; i++) {
		if (kept[i].position <= reading->after ||
		    (reading->topic[0] != '\0' &&
			strcmp(kept[i].topic, reading->topic) != 0))
			continue;
		if (at == reading->user.got_count)
			break;
		snprintf(bytes, sizeof(bytes), "data: %s\n\n", kept[i].text);
		assert_int_equal(reading->user.got[at].position,
		    kept[i].position);
		assert_string_equal(reading->user.got[at].bytes, bytes);
		assert_string_equal(reading->user.got[at].topics,
		    kept[i].topic);
		at++;
	}
	assert_int_equal(at, reading->user.got_count);
	if (is_complete)
		assert_int_equal(i, kept_count);
}

static bool
is_complete(const struct reading *reading)
{
	size_t i, count = 0;

	for (i = 0; i < kept_count; i++)
		count += kept[i].position > reading->after &&
		    (reading->topic[0] == '\0' ||
			strcmp(kept[i].topic, reading->topic) == 0);
	return reading->user.got_count >= count;
}

static void
tail(struct reading *reading)
{
	store_user_forget(&reading->user);
	reading->after = kept_count > 0 && choose(4) > 0 ?
	    kept[choose((unsigned)kept_count)].position :
	    0;
	reading->topic[0] = '\0';
	if (choose(2) == 0)
		snprintf(reading->topic, sizeof(reading->topic), "%u",
		    choose(3));
	store_user_tail(&reading->user, reading->after,
	    reading->topic[0] != '\0' ? reading->topic : NULL);
}

static void
reopen(struct reading *reading)
{
	const struct store_options options = { .is_lean = choose(2) == 0 };

	if (reading->is_open)
		store_user_close(&reading->user);
	store_user_open(&reading->user, &options);
	reading->is_open = true;
	reading->is_held = false;
	tail(reading);
}

/* Some at once, from one user, so that their order is known. */
static void
publish_some(struct reading *reading)
{
	struct sent_update sent[20] = { 0 };
	struct kept       *added = kept + kept_count;
	unsigned           i, count = 1 + choose(20);

	if (kept_count + count > KEPT_MAX)
		return;
	for (i = 0; i < count; i++) {
		snprintf(added[i].topic, sizeof(added[i].topic), "%u",
		    choose(3));
		snprintf(added[i].text, sizeof(added[i].text), "%zu",
		    kept_count + i);
		store_user_send(&reading->user, &sent[i], added[i].topic,
		    added[i].text);
	}
	for (i = 0; i < count; i++) {
		store_wait(sent[i].is_done);
		assert_int_equal(sent[i].receipt.result, STORE_KEPT);
		added[i].position = sent[i].receipt.position;
		assert_true(kept_count + i == 0 ||
		    added[i].position > added[(int)i - 1].position);
	}
	kept_count += count;
}

static void
act(void)
{
	struct reading *reading = &readings[choose(USER_COUNT)];

	switch (choose(8)) {
	case 0:
		tail(reading);
		break;
	case 1:
		reopen(reading);
		break;
	case 2:
		reading->is_held = !reading->is_held;
		reading->user.store->engine->hold(reading->user.store,
		    reading->is_held);
		break;
	case 3:
		store_turn_for(choose(8));
		check(reading, false);
		break;
	case 4:
		if (!reading->is_held) {
			store_wait(is_complete(reading));
			check(reading, true);
		}
		break;
	default:
		publish_some(reading);
	}
}

static void
test_random_calls_agree_with_an_array(void **state)
{
	size_t i, step;

	(void)state;
	choose_state = (uint64_t)time(NULL);
	printf("seed %llu\n", (unsigned long long)choose_state);
	broker_start(NULL);
	for (i = 0; i < USER_COUNT; i++)
		reopen(&readings[i]);
	for (step = 0; step < 600; step++)
		act();
	for (i = 0; i < USER_COUNT; i++) {
		readings[i].user.store->engine->hold(readings[i].user.store,
		    false);
		store_wait(is_complete(&readings[i]));
		check(&readings[i], true);
		assert_int_equal(readings[i].user.lost_count, 0);
		store_user_close(&readings[i].user);
	}
	assert_true(kept_count > 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(
	    test_random_calls_agree_with_an_array, redis_set_up,
	    redis_tear_down) };

	if (!broker_is_there("test_store_redis_model"))
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
