/*
 * Several stores of one log in SQLite against an array: what is done is
 * chosen at random, and after each few steps every reader has had what the
 * array says. STORE_SEED and STORE_STEPS choose another run.
 */

#include "store_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pure/position.h"

#define USER_COUNT 3
#define TOPIC_COUNT 5
#define ROW_MAX 20000

static const char *const topic_names[TOPIC_COUNT] = { "a", "b", "c", "d", "e" };

/* The log as it has to be: rows in the order of their positions. */
static struct row {
	uint64_t position;
	unsigned topics; /* a bit each */
	int      number; /* in its text */
	int      id;     /* 0: none */
} rows[ROW_MAX];
static size_t row_count;

/* A user, and what it has to get. */
static struct member {
	struct store_user user;
	int64_t           wall_ms; /* ahead of the others by this */
	bool              is_tailing;
	bool              is_held;
	uint64_t          after; /* of its tail */
	unsigned          topics;
	bool              is_lean;
} members[USER_COUNT];

static int64_t base_ms;
static int     current; /* whose clock is asked */
static int     last_number;

static int64_t
wall_ms(void)
{
	return base_ms + members[current].wall_ms;
}

static unsigned
any(unsigned count)
{
	return (unsigned)random() % count;
}

static size_t
list_topics(unsigned topics, const char **names)
{
	size_t count = 0;

	for (int i = 0; i < TOPIC_COUNT; i++) {
		if ((topics >> i & 1) != 0)
			names[count++] = topic_names[i];
	}
	return count;
}

static void
open_member(struct member *member)
{
	struct store_options options = { .wall_ms = wall_ms };

	member->is_lean = any(3) == 0;
	options.is_lean = member->is_lean;
	store_user_open(&member->user, &options);
	member->is_tailing = member->is_held = false;
}

static void
tail(struct member *member)
{
	const char *names[TOPIC_COUNT];
	size_t      count;

	member->topics = any(3) == 0 ? 0 : 1 + any((1 << TOPIC_COUNT) - 1);
	member->after = 0;
	/* Also between two updates, but not ahead of the log. */
	if (row_count > 1 && any(3) > 0)
		member->after = rows[any((unsigned)row_count - 1)].position +
		    any(2);
	store_user_forget(&member->user);
	member->user.last = member->after;
	member->user.level_count = 0;
	count = list_topics(member->topics, names);
	store_tail(member->user.store, member->after, names, count);
	member->is_tailing = true;
}

static void
hold(struct member *member)
{
	member->is_held = !member->is_held;
	store_hold(member->user.store, member->is_held);
}

/* What is under way at once. */
#define BURST_MAX 8
static struct sent_update sent[BURST_MAX];
static struct row         sent_rows[BURST_MAX];

static int
compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->position < y->position ? -1 : x->position > y->position;
}

static void
publish_burst(struct member *member)
{
	const char   *names[TOPIC_COUNT];
	char          bytes[400], id[16];
	struct update update = { .topics = names, .bytes = bytes };
	unsigned      count = 1 + any(BURST_MAX);

	for (unsigned i = 0; i < count; i++) {
		struct row *row = &sent_rows[i];

		row->topics = 1 + any((1 << TOPIC_COUNT) - 1);
		row->number = ++last_number;
		row->id = any(3) == 0 ? (int)(1 + any(20)) : 0;
		update.topic_count = list_topics(row->topics, names);
		snprintf(id, sizeof(id), "id-%d", row->id);
		update.id = row->id > 0 ? id : NULL;
		memset(bytes, 'x', sizeof(bytes));
		bytes[snprintf(bytes, 64, "data: %d", row->number)] = ' ';
		update.len_bytes = 64 + any(300);
		memcpy(bytes + update.len_bytes - 2, "\n\n", 2);
		store_user_send_as(&member->user, &sent[i], &update, NULL);
		store_turn();
	}
	for (unsigned i = 0; i < count; i++) {
		store_wait(sent[i].is_done);
		if (sent[i].receipt.result != STORE_KEPT)
			fail_msg("not kept: %s", sent[i].why);
		sent_rows[i].position = sent[i].receipt.position;
		assert_true(row_count < ROW_MAX);
		assert_true(row_count == 0 ||
		    sent_rows[i].position > rows[row_count - 1].position);
		rows[row_count++] = sent_rows[i];
	}
	qsort(rows, row_count, sizeof(rows[0]), compare_rows);
}

static void
assert_same(const struct got_update *got, const struct row *row)
{
	const char *names[TOPIC_COUNT];
	char        topics[32] = "", id[16];
	size_t      count = list_topics(row->topics, names);

	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			strcat(topics, ",");
		strcat(topics, names[i]);
	}
	assert_int_equal(got->position, row->position);
	assert_int_equal(atoi(got->bytes + 6), row->number);
	assert_string_equal(got->topics, topics);
	snprintf(id, sizeof(id), "id-%d", row->id);
	if (row->id == 0)
		assert_null(got->id);
	else
		assert_string_equal(got->id, id);
}

static bool
is_wanted(const struct member *member, const struct row *row)
{
	return row->position > member->after &&
	    (member->topics == 0 || (member->topics & row->topics) != 0);
}

/* Whether it has had the newest that it wants. */
static bool
is_up_to_date(const struct member *member)
{
	size_t at = row_count;

	while (at > 0 && !is_wanted(member, &rows[at - 1]))
		at--;
	return at == 0 ||
	    (member->user.got_count > 0 &&
		member->user.got[member->user.got_count - 1].position ==
		    rows[at - 1].position) ||
	    rows[at - 1].position <= member->user.lost_up_to;
}

/* Each once, in order; only what was discarded may be missing. */
static void
check(struct member *member)
{
	struct store_user *user = &member->user;
	uint64_t           gone;
	size_t             at = 0;

	if (!member->is_tailing || member->is_held)
		return;
	store_wait(user->level_count > 0 && is_up_to_date(member));
	gone = user->lost_up_to;
	/* A tail from the start begins with the oldest that is there. */
	if (member->after == 0 && user->got_count > 0 &&
	    user->got[0].position > gone)
		gone = user->got[0].position - 1;
	for (size_t i = 0; i < row_count; i++) {
		if (!is_wanted(member, &rows[i]))
			continue;
		if (at < user->got_count &&
		    user->got[at].position == rows[i].position)
			assert_same(&user->got[at++], &rows[i]);
		else if (rows[i].position > gone)
			fail_msg("update %d is missing", rows[i].number);
	}
	assert_int_equal(at, user->got_count);
}

/* The oldest of that id that is kept; what was discarded cannot be found. */
static void
find(struct member *member)
{
	struct found_update found;
	char                id[16];
	int                 wanted = (int)(1 + any(20));
	unsigned            topic = any(TOPIC_COUNT);

	snprintf(id, sizeof(id), "id-%d", wanted);
	store_user_find(&member->user, &found, id, topic_names[topic]);
	store_wait(found.is_done);
	if (found.position == 0)
		return;
	for (size_t i = 0; i < row_count; i++) {
		if (rows[i].position != found.position)
			continue;
		assert_int_equal(rows[i].id, wanted);
		return;
	}
	fail_msg("found what was never published");
}

static void
step_clock(struct member *member)
{
	static const int64_t steps[] = { -3600000, -1000, 1, 50, 1000, 3600000,
		86400000 };

	if (any(4) == 0)
		member->wall_ms = any(3) == 0 ? steps[any(7)] : 0;
	else
		base_ms += steps[any(5)];
}

static void
set_limits(struct member *member)
{
	static const int64_t ages_ms[] = { 0, 60000, 3600000 };

	store_set_limits(member->user.store,
	    any(2) == 0 ? 0 : 10000 + any(100000), ages_ms[any(3)]);
}

static void
step(void)
{
	struct member *member;

	current = (int)any(USER_COUNT);
	member = &members[current];
	switch (any(16)) {
	case 0:
		store_user_close(&member->user);
		open_member(member);
		break;
	case 1:
	case 2:
		tail(member);
		break;
	case 3:
		hold(member);
		break;
	case 4:
	case 5:
		find(member);
		break;
	case 6:
		step_clock(member);
		break;
	case 7:
		if (any(4) == 0)
			set_limits(member);
		break;
	default:
		publish_burst(member);
		break;
	}
}

static unsigned
number_of(const char *name, unsigned otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static void
test_against_an_array(void **state)
{
	unsigned seed = number_of("STORE_SEED", (unsigned)time(NULL));
	unsigned step_count = number_of("STORE_STEPS", 1200);

	(void)state;
	print_message("STORE_SEED=%u\n", seed);
	srandom(seed);
	base_ms = INT64_C(1700000000000);
	for (current = 0; current < USER_COUNT; current++)
		open_member(&members[current]);
	current = 0;
	for (unsigned i = 0; i < step_count && row_count < ROW_MAX - BURST_MAX;
	     i++) {
		step();
		if (i % 4 == 3) {
			for (int j = 0; j < USER_COUNT; j++)
				check(&members[j]);
		}
	}
	for (int j = 0; j < USER_COUNT; j++)
		store_user_close(&members[j].user);
	print_message("%zu updates\n", row_count);
}

/* A clock that is a day ahead in one process discards nothing of others. */
static void
test_a_clock_ahead_discards_nothing(void **state)
{
	struct store_options options = { .wall_ms = wall_ms,
		.age_ms = 3600000 };
	struct store_health  health;

	(void)state;
	base_ms = INT64_C(1700000000000);
	for (current = 0; current < 2; current++) {
		members[current].wall_ms = 0;
		store_user_open(&members[current].user, &options);
	}
	current = 0;
	for (int i = 0; i < 10; i++)
		store_user_keep(&members[0].user, "a", "x");
	current = 1;
	members[1].wall_ms = 86400000;
	store_turn_for(1100);
	store_user_keep(&members[1].user, "a", "y");
	health = store_user_health(&members[1].user);
	assert_int_equal(health.update_count, 11);
	/* Once the other's clock says so too, it is so. */
	members[0].wall_ms = 86400000 + 7200000;
	members[1].wall_ms = 86400000 + 7200000;
	current = 0;
	store_user_keep(&members[0].user, "a", "z");
	store_turn_for(1100);
	current = 1;
	store_user_keep(&members[1].user, "a", "z");
	store_turn_for(20);
	health = store_user_health(&members[1].user);
	assert_int_equal(health.update_count, 2);
	for (current = 0; current < 2; current++)
		store_user_close(&members[current].user);
}

/* By age, though nobody publishes any more. */
static void
test_old_updates_are_discarded_in_time(void **state)
{
	struct store_options options = { .wall_ms = wall_ms, .age_ms = 2000 };
	struct store_user    user;

	(void)state;
	base_ms = INT64_C(1700000000000);
	current = 0;
	members[0].wall_ms = 0;
	store_user_open(&user, &options);
	for (int i = 0; i < 1200; i++)
		store_user_keep(&user, "a", "x");
	base_ms += 10000;
	store_wait(store_user_health(&user).update_count == 0);
	store_user_tail(&user, 0, NULL);
	store_user_settle(&user);
	assert_int_equal(user.got_count, 0);
	assert_int_equal(user.lost_count, 0);
	store_user_close(&user);
}

static void
test_keys_are_forgotten_after_a_day(void **state)
{
	struct store_options options = { .wall_ms = wall_ms };
	const char          *topic = "a";
	struct store_user    user;
	struct sent_update   one = { 0 };
	struct update        update = { .topics = &topic,
		       .topic_count = 1,
		       .bytes = "data: x\n\n",
		       .len_bytes = 9 };

	(void)state;
	base_ms = INT64_C(1700000000000);
	current = 0;
	members[0].wall_ms = 0;
	store_user_open(&user, &options);
	store_user_send_as(&user, &one, &update, "key");
	store_wait(one.is_done);
	base_ms += INT64_C(23) * 3600000;
	store_user_send_as(&user, &one, &update, "key");
	store_wait(one.is_done);
	assert_true(one.receipt.is_repeat);
	base_ms += INT64_C(2) * 3600000;
	store_user_send_as(&user, &one, &update, "key");
	store_wait(one.is_done);
	assert_false(one.receipt.is_repeat);
	store_user_send_as(&user, &one, &update, "key");
	store_wait(one.is_done);
	assert_true(one.receipt.is_repeat);
	store_user_close(&user);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_against_an_array),
		STORE_TEST(test_a_clock_ahead_discards_nothing),
		STORE_TEST(test_old_updates_are_discarded_in_time),
		STORE_TEST(test_keys_are_forgotten_after_a_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
