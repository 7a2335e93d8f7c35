/*
 * The hub against a model: updates are published to some topics, and
 * subscribers come, stall, leave and come back with the id of their last
 * event, at random. They follow topics, a pattern and "*". Each sees exactly
 * the model's list, or is told that it has fallen behind when the model says
 * so.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "hub/hub.h"
#include "hub/pattern.h"
#include "hub/update.h"

#include "choose.h"
#include "topic_fixture.h"

#define SEED_COUNT 300
#define STEP_COUNT 1500
#define TOPIC_COUNT 4
#define ALL (1u << TOPIC_COUNT)
#define PATTERN (2 * ALL)
#define FOLLOWED_COUNT (TOPIC_COUNT + 2)
#define UPDATES_MAX (STEP_COUNT + 1)
#define MEMBER_COUNT 8
#define EVENTS_KEPT 5
#define AGE_MS 40
#define ID_COUNT 12

static const char *const names[] = { "p/a", "p/b", "c", "d", HUB_ALL, "p/{x}" };

/* The topics that the pattern matches. */
#define MATCHED (1u << 0 | 1u << 1)

struct member {
	struct cursor cursor;
	bool          is_picky; /* has a filter */
	unsigned      topics;   /* a bit each, ALL and PATTERN */
	uint64_t      seq;      /* of the last update that it has had */
	const char   *last_id;
	bool          is_due[UPDATES_MAX];
	uint64_t      gone[FOLLOWED_COUNT]; /* when it came */
	bool          is_stalled;
	bool          may_fall_behind;
	bool          has_fallen_behind; /* within this step */
};

static struct hub    hub;
static struct member members[MEMBER_COUNT];
static uint64_t      current_seed;
static size_t        taken_count, overrun_count, replayed_count;

/* The model: all updates that ever were, the first at 1. */
static struct {
	unsigned topics;
	char     id[8];
} updates[UPDATES_MAX];
static uint64_t last;

/* Names the seed when a test fails. */
static int
tear_down(void **state)
{
	if (current_seed < SEED_COUNT)
		print_message("seed %llu\n", (unsigned long long)current_seed);
	return topic_tear_down(state);
}

static struct topic *
follow(unsigned topic)
{
	const char *why;

	return hub_follow(&hub, SELECTOR_TOPIC, names[topic], NULL, NULL, &why);
}

static struct topic *
topic_of(unsigned topic)
{
	return topic == TOPIC_COUNT ? hub.all : follow(topic);
}

/* Asking for it would make it. */
static bool
has_pattern(void)
{
	return pattern_find(&hub, SELECTOR_TOPIC, names[FOLLOWED_COUNT - 1]) !=
	    NULL;
}

/*
 * The newest that this topic does not have any more. When it lets go of one is
 * its own affair, as long as nobody misses it and the limits hold.
 */
static uint64_t
model_gone(unsigned topic)
{
	if (1u << topic == PATTERN && !has_pattern())
		return 0;
	return topic_dropped(topic_of(topic))->position;
}

/* Whether one of the topics themselves would replay it. */
static bool
model_is_replayed(unsigned topics, uint64_t seq)
{
	for (unsigned topic = 0; topic < TOPIC_COUNT; topic++) {
		if ((topics & updates[seq].topics & 1u << topic) != 0 &&
		    seq > model_gone(topic))
			return true;
	}
	return false;
}

static bool
topic_has(const struct topic *topic, uint64_t seq)
{
	const struct ring *ring = topic_ring(topic);
	size_t             index = ring_find_after(ring, seq - 1);

	return index < ring->frame_count &&
	    ring_slot(ring, index)->position == seq &&
	    ring_slot(ring, index)->frame != NULL;
}

/* Whether the hub has it, be it only for those who follow all topics. */
static bool
model_is_kept(uint64_t seq)
{
	return topic_has(hub.all, seq);
}

/* Whether somebody who comes now can have it from one of these topics. */
static bool
model_has(unsigned topics, uint64_t seq)
{
	return model_is_replayed(topics, seq) ||
	    ((topics & updates[seq].topics & (ALL | PATTERN)) != 0 &&
		model_is_kept(seq));
}

/* An id that is not there may be that of one which is gone. */
static bool
model_has_dropped_nothing(unsigned topics)
{
	for (unsigned topic = 0; topic < FOLLOWED_COUNT; topic++) {
		if ((topics & ~ALL & 1u << topic) != 0 && model_gone(topic) > 0)
			return false;
	}
	return true;
}

/* The oldest that is kept with that id, on these topics; 0: none. */
static uint64_t
model_find(unsigned topics, const char *id)
{
	for (uint64_t seq = 1; seq <= last; seq++) {
		if (model_is_kept(seq) && (updates[seq].topics & topics) != 0 &&
		    strcmp(updates[seq].id, id) == 0)
			return seq;
	}
	return 0;
}

/*
 * What was found has that id. It is not behind the oldest of these topics that
 * is kept, but may be one before, whose id alone is known. That of another
 * topic is taken only if these have dropped nothing. 0: nothing was found.
 */
static void
check_found(const struct member *member, uint64_t seq)
{
	unsigned    topics = member->topics;
	const char *id = member->last_id;
	uint64_t    own = model_find(topics, id);

	if (seq == 0) {
		assert_true(own == 0);
		assert_true(!model_has_dropped_nothing(topics) ||
		    model_find(ALL, id) == 0);
		return;
	}
	assert_string_equal(updates[seq].id, id);
	assert_true(own == 0 || seq <= own);
	if ((updates[seq].topics & topics) == 0)
		assert_true(own == 0 && model_has_dropped_nothing(topics));
}

/* Whether one of its topics has let go of it since this one came. */
static bool
model_has_let_go(const struct member *member, uint64_t seq)
{
	for (unsigned topic = 0; topic < FOLLOWED_COUNT; topic++) {
		if ((member->topics & updates[seq].topics & 1u << topic) != 0 &&
		    seq > member->gone[topic] &&
		    ((1u << topic == PATTERN && !has_pattern()) ||
			!topic_has(topic_of(topic), seq)))
			return true;
	}
	return !model_has(member->topics, seq);
}

/* Whether something is gone that it may have and has not had. */
static bool
model_misses(const struct member *member)
{
	uint64_t position = cursor_position(&member->cursor);

	for (uint64_t seq = position + 1; seq <= last; seq++) {
		if (member->is_due[seq] && model_has_let_go(member, seq))
			return true;
	}
	return false;
}

/* Whether a topic has let go of something since this one was up to date. */
static bool
model_is_behind(const struct member *member)
{
	/* It is ahead of the last that was taken where a filter passed some. */
	uint64_t position = cursor_position(&member->cursor);

	if (member->is_picky)
		return model_misses(member);
	for (unsigned topic = 0; topic < FOLLOWED_COUNT; topic++) {
		if ((member->topics & 1u << topic) != 0 &&
		    model_gone(topic) > position &&
		    model_gone(topic) > member->gone[topic])
			return true;
	}
	/* What only those had who follow all topics is dropped in any order. */
	for (uint64_t seq = position + 1; seq <= last; seq++) {
		if (member->is_due[seq] && !model_has(member->topics, seq))
			return true;
	}
	return false;
}

/* Some may not have every third. */
static bool
accepts(const struct cursor *cursor, const struct update *update)
{
	assert_true(list_entry((struct cursor *)(uintptr_t)cursor,
	    struct member, cursor)
			->is_picky);
	assert_string_equal(update->id, updates[update->position].id);
	return update->position % 3 != 0;
}

static bool
model_accepts(const struct member *member, uint64_t seq)
{
	return !member->is_picky || seq % 3 != 0;
}

static void
take(struct member *member)
{
	struct frame *frames[3];
	size_t        count;
	uint64_t      seq;

	do {
		count = cursor_peek(&member->cursor, frames, 3);
		for (size_t i = 0; i < count; i++) {
			memcpy(&seq, frames[i]->update.bytes, sizeof(seq));
			assert_true(seq == frames[i]->update.position &&
			    seq <= last);
			while (member->seq < seq) {
				member->seq++;
				assert_true(!member->is_due[member->seq] ||
				    member->seq == seq);
			}
			assert_true(member->is_due[seq]);
			member->is_due[seq] = false;
			member->last_id = updates[seq].id;
			cursor_advance(&member->cursor, frames[i]);
			taken_count++;
		}
	} while (count > 0);
}

static void
on_call(struct cursor *cursor, enum cursor_event event)
{
	struct member *member = list_entry(cursor, struct member, cursor);

	if (event == CURSOR_OVERRUN) {
		assert_true(member->may_fall_behind);
		member->has_fallen_behind = true;
		cursor_close(cursor);
	} else if (member->is_stalled && choose(3) > 0) {
		cursor_stall(cursor);
	} else {
		if (member->is_stalled)
			cursor_resume(cursor);
		member->is_stalled = false;
		member->may_fall_behind = false;
		take(member);
	}
}

static void
member_open(struct member *member, uint64_t seq)
{
	struct topic *topics[FOLLOWED_COUNT];
	size_t        count = 0;

	memset(member->is_due, 0, sizeof(member->is_due));
	for (unsigned topic = 0; topic < FOLLOWED_COUNT; topic++) {
		if ((member->topics & 1u << topic) != 0)
			topics[count++] = follow(topic);
		member->gone[topic] = model_gone(topic);
	}
	member->seq = seq < last ? seq : last;
	for (uint64_t i = member->seq + 1; i <= last; i++) {
		member->is_due[i] = model_has(member->topics, i) &&
		    model_accepts(member, i);
		replayed_count += member->is_due[i];
	}
	member->is_stalled = false;
	member->may_fall_behind = false;
	cursor_open(&member->cursor, topics, count, seq, on_call,
	    member->is_picky ? accepts : NULL);
	cursor_resume(&member->cursor);
}

/* From now on, from the start, or behind the last event that it has had. */
static void
member_come(struct member *member)
{
	struct topic *topics[FOLLOWED_COUNT];
	size_t        count = 0;
	uint64_t      seq = CURSOR_FROM_START;

	if (choose(3) == 0) {
		member->topics = 1 + choose(2 * PATTERN - 1);
		member_open(member,
		    choose(2) == 0 ? CURSOR_FROM_START : CURSOR_FROM_NOW);
		return;
	}
	for (unsigned topic = 0; topic < FOLLOWED_COUNT; topic++) {
		if ((member->topics & 1u << topic) != 0)
			topics[count++] = topic_of(topic);
	}
	hub_find(&hub, member->last_id, topics, count, NULL, &seq);
	check_found(member, seq);
	member_open(member, seq);
}

static void
publish_some(void)
{
	const char *topics[TOPIC_COUNT];
	size_t      count = 0;
	unsigned    chosen = 1 + choose(ALL - 1);

	/* One topic is more usual than several. */
	if (choose(3) > 0)
		chosen = 1u << choose(TOPIC_COUNT);
	for (unsigned topic = 0; topic < TOPIC_COUNT; topic++) {
		if ((chosen & 1u << topic) != 0)
			topics[count++] = names[topic];
	}
	last++;
	updates[last].topics = chosen | ALL |
	    ((chosen & MATCHED) != 0 ? PATTERN : 0);
	snprintf(updates[last].id, sizeof(updates[last].id), "%u",
	    choose(ID_COUNT));
	for (size_t i = 0; i < MEMBER_COUNT; i++)
		members[i].is_due[last] = (members[i].topics &
					      updates[last].topics) != 0 &&
		    model_accepts(&members[i], last);
	hub_ingest(&hub,
	    &(struct update){
		.position = last,
		.id = updates[last].id,
		.topics = topics,
		.topic_count = count,
		.bytes = (const char *)&last,
		.len_bytes = sizeof(last),
	    },
	    1, hand_ms(), 0);
	assert_true(hub_bytes(&hub) <= hub.limits.bytes_max);
}

static void
step(void)
{
	struct member *member = &members[choose(MEMBER_COUNT)];
	unsigned       act = choose(16);

	if (act < 6) {
		publish_some();
	} else if (act == 6) {
		hand_us += choose(choose(10) == 0 ? 3000 : 20) * 1000;
		hub_run(&hub, hand_ms());
	} else if (act < 9) {
		turns_run(&turns, hand_ms(), choose(8));
	} else if (!cursor_is_open(&member->cursor)) {
		member_come(member);
	} else if (act == 9) {
		cursor_close(&member->cursor);
	} else if (act < 13) {
		cursor_stall(&member->cursor);
		member->is_stalled = true;
		member->may_fall_behind = true;
	} else {
		cursor_resume(&member->cursor);
		member->is_stalled = false;
		member->may_fall_behind = model_is_behind(member);
	}
}

static void
check_fallen(struct member *member)
{
	if (!member->has_fallen_behind)
		return;
	/* What a filter would not have let through is not missed. */
	assert_true(model_misses(member));
	member->has_fallen_behind = false;
	overrun_count++;
}

/* What a topic replays is kept; what is kept is replayed, at least by "*" or
 * the pattern. */
static void
check_kept(void)
{
	size_t kept_count = 0;

	for (uint64_t seq = 1; seq <= last; seq++) {
		kept_count += model_is_kept(seq);
		if (model_is_replayed(ALL - 1, seq))
			assert_true(model_is_kept(seq));
		else if (!hub.keeps_all &&
		    !(has_pattern() && (updates[seq].topics & PATTERN) != 0))
			assert_false(model_is_kept(seq));
	}
	assert_int_equal(kept_count, hub.update_count);
}

/* However slow the readers are, nothing is kept for them any longer. */
static void
check_patience(void)
{
	hand_us += 2000 * 1000;
	hub_run(&hub, hand_ms());
	for (unsigned topic = 0; topic < TOPIC_COUNT; topic++)
		assert_true(topic_frame_count(topic_of(topic)) <= EVENTS_KEPT);
}

/*
 * Whoever can take something has had all that was due, and whoever cannot has
 * not been left without what it needs.
 */
static void
settle(void)
{
	turns_settle();
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		if (!cursor_is_open(&members[i].cursor))
			continue;
		if (members[i].is_stalled) {
			assert_false(model_is_behind(&members[i]));
			continue;
		}
		for (uint64_t seq = 1; seq <= last; seq++)
			assert_false(members[i].is_due[seq]);
	}
}

static void
run_seed(uint64_t seed)
{
	choose_state = seed;
	last = 0;
	memset(members, 0, sizeof(members));
	turns_init(&turns, turns.now_us);
	hand_us = 1000000;
	hub_init(&hub, &turns,
	    &(const struct hub_limits){
		.event_count_max = EVENTS_KEPT,
		.empty_bytes_max = 1000000,
		.bytes_max = seed % 2 == 0 ? 20000 : 1000000,
		.age_ms = seed % 3 == 0 ? 1000000 : AGE_MS,
	    });
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		members[i].is_picky = i % 3 == 0;
		members[i].topics = 1 + choose(2 * PATTERN - 1);
		members[i].last_id = "earliest";
	}
	for (int i = 0; i < STEP_COUNT; i++) {
		step();
		if (choose(20) == 0)
			settle();
		if (choose(100) == 0)
			check_kept();
		if (choose(300) == 0)
			check_patience();
		for (size_t j = 0; j < MEMBER_COUNT; j++)
			check_fallen(&members[j]);
	}
	settle();
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		if (cursor_is_open(&members[i].cursor))
			cursor_close(&members[i].cursor);
	}
	turns_settle();
	hub_deinit(&hub);
	assert_int_equal(hub_bytes(&hub), 0);
	turns_deinit(&turns);
}

static void
test_each_subscriber_sees_the_model(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEED_COUNT; seed++) {
		current_seed = seed;
		run_seed(seed);
	}
	print_message("%zu taken, %zu of them replayed, %zu overrun\n",
	    taken_count, replayed_count, overrun_count);
	/* Else the steps would not have tried what they are for. */
	assert_true(taken_count > SEED_COUNT * STEP_COUNT / 2);
	assert_true(replayed_count > SEED_COUNT * 10);
	assert_true(overrun_count > SEED_COUNT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_each_subscriber_sees_the_model, topic_set_up,
		    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
