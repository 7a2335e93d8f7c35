#include "config.h"

#include "redis_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One publishes, the other reads, while the broker is killed. */
static struct store_user a, b;

static void
open_up(struct store_user *user)
{
	store_user_open(user, NULL);
	store_wait(user->up_count == 1);
}

/* Publishes on until the time is over; what was sent is kept in memory. */
struct load {
	struct sent_update *sent;
	size_t              count, size;
};

static void
publish_more(struct load *load, const char *once_prefix)
{
	const char   *topic = "t";
	struct update update = { .topics = &topic, .topic_count = 1 };
	char          bytes[64], once[64];

	assert_true(load->count < load->size);
	snprintf(bytes, sizeof(bytes), "data: %zu\n\n", load->count);
	snprintf(once, sizeof(once), "%s%zu", once_prefix, load->count);
	update.bytes = bytes;
	update.len_bytes = strlen(bytes);
	store_user_send_as(&a, &load->sent[load->count++], &update,
	    once_prefix[0] != '\0' ? once : NULL);
}

static bool
all_done(const struct load *load)
{
	size_t i;

	for (i = load->count > 1200 ? load->count - 1200 : 0; i < load->count;
	     i++)
		if (!load->sent[i].is_done)
			return false;
	return true;
}

/* How many of the last so many are answered. */
static size_t
done_count(const struct load *load, size_t last_count)
{
	size_t count = 0;

	for (size_t i = load->count - last_count; i < load->count; i++)
		count += load->sent[i].is_done;
	return count;
}

/*
 * Kills and restarts the broker under load, once it has answered some of it,
 * however busy the machine is.
 */
static void
run_load(struct load *load, const char *once_prefix)
{
	static const char *const words[] = { "--appendonly", "yes",
		"--appendfsync", "always", NULL };
	size_t                   round, i;

	load->size = 20000;
	load->sent = calloc(load->size, sizeof(*load->sent));
	broker_start(words);
	open_up(&a);
	open_up(&b);
	store_user_tail(&b, 0, NULL);
	for (round = 0; round < 4; round++) {
		store_wait(a.state == STORE_UP && b.state == STORE_UP);
		for (i = 0; i < 300; i++) {
			publish_more(load, once_prefix);
			store_turn();
			if (i != 250)
				continue;
			store_wait(done_count(load, 250) >= 150);
			broker_kill();
		}
		store_wait(all_done(load));
		broker_start(words);
	}
	store_wait(a.state == STORE_UP);
}

static void
test_nothing_acknowledged_is_lost(void **state)
{
	struct load load = { 0 };
	uint64_t    last;
	size_t      i, at = 0, kept = 0, unknown = 0;

	(void)state;
	run_load(&load, "");
	last = store_user_keep(&a, "t", "last");
	store_wait(b.got_count > 0 && b.got[b.got_count - 1].position == last);
	for (i = 0; i < load.count; i++) {
		unknown += load.sent[i].receipt.result == STORE_MAYBE_KEPT;
		if (load.sent[i].receipt.result != STORE_KEPT)
			continue;
		kept++;
		while (at < b.got_count &&
		    b.got[at].position != load.sent[i].receipt.position)
			at++;
		assert_true(at < b.got_count);
	}
	assert_true(kept >= 500);
	assert_true(b.got_count <= kept + unknown + 1);
	for (i = 1; i < b.got_count; i++)
		assert_true(b.got[i].position > b.got[i - 1].position);
	assert_int_equal(b.lost_count, 0);
	free(load.sent);
	store_user_close(&b);
	store_user_close(&a);
}

/*
 * The log has each of so many updates once. Entries that are none may be
 * between them: marks, which are handed over to nobody.
 */
static void
assert_each_once(size_t count)
{
	static struct store_user fresh;
	bool                    *is_there = calloc(count, sizeof(*is_there));
	size_t                   i;

	open_up(&fresh);
	store_user_tail(&fresh, 0, NULL);
	store_wait(fresh.level_count > 0);
	assert_int_equal(fresh.got_count, count);
	for (i = 0; i < count; i++) {
		size_t number = strtoul(fresh.got[i].bytes + 6, NULL, 10);

		assert_true(number < count && !is_there[number]);
		is_there[number] = true;
	}
	free(is_there);
	store_user_close(&fresh);
}

static void
test_repeats_under_a_key_are_kept_exactly_once(void **state)
{
	struct load   load = { 0 };
	const char   *topic = "t";
	char          bytes[64], once[64];
	struct update update = { .topics = &topic,
		.topic_count = 1,
		.bytes = bytes };
	size_t        i, again = 0, repeats = 0;

	(void)state;
	run_load(&load, "k");
	for (i = 0; i < load.count; i++) {
		if (load.sent[i].receipt.result == STORE_KEPT)
			continue;
		snprintf(bytes, sizeof(bytes), "data: %zu\n\n", i);
		snprintf(once, sizeof(once), "k%zu", i);
		update.len_bytes = strlen(bytes);
		store_user_send_as(&a, &load.sent[i], &update, once);
		store_wait(load.sent[i].is_done);
		assert_int_equal(load.sent[i].receipt.result, STORE_KEPT);
		again++;
		repeats += load.sent[i].receipt.is_repeat;
	}
	assert_true(again > 0);
	assert_true(repeats <= again);
	/* What was read and not acknowledged may have died with the broker. */
	store_wait(b.got_count >= load.count);
	for (i = 1; i < b.got_count; i++)
		assert_true(b.got[i].position > b.got[i - 1].position);
	assert_each_once(load.count);
	free(load.sent);
	store_user_close(&b);
	store_user_close(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, redis_set_up, redis_tear_down)
		TEST(test_nothing_acknowledged_is_lost),
		TEST(test_repeats_under_a_key_are_kept_exactly_once)
	};

	if (!broker_is_there("test_store_redis_fire"))
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
