/*
 * The hub against a model: updates are published to some topics, and
 * subscribers come, stall, leave and come back with the id of their last
 * event, at random. Each sees exactly the model's list, or is told that it
 * has fallen behind when the model says so.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "hub/hub.h"

#include "topic_fixture.h"

#define SEED_COUNT 300
#define STEP_COUNT 1500
#define TOPIC_COUNT 4
#define ALL (1u << TOPIC_COUNT)
#define UPDATES_MAX (STEP_COUNT + 1)
#define SUBSCRIBER_COUNT 8
#define EVENTS_KEPT 5
#define AGE_MS 40
#define ID_COUNT 12

static const char *const names[] = { "a", "b", "c", "d", HUB_ALL };

struct member {
	struct cursor cursor;
	unsigned      topics; /* a bit each, and ALL */
	uint64_t      seq;    /* of the last update that it has had */
	const char   *last_id;
	bool          is_due[UPDATES_MAX];
	uint64_t      gone[TOPIC_COUNT + 1]; /* when it came */
	bool          is_stalled;
	bool          may_fall_behind;
	bool          has_fallen_behind; /* within this step */
};

static struct hub    hub;
static struct member subscribers[SUBSCRIBER_COUNT];
static uint64_t      current_seed, random_state;
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

static unsigned
choose(unsigned choice_count)
{
	random_state = random_state * 6364136223846793005u +
	    1442695040888963407u;
	return (unsigned)(random_state >> 33) % choice_count;
}

/* The newest update that is kept nowhere; it is always the oldest that goes. */
static uint64_t
model_dropped(void)
{
	return last - hub.update_count;
}

/*
 * The newest that this topic does not have any more. When its count lets go of
 * one is its own affair, as long as nobody misses it.
 */
static uint64_t
model_gone(unsigned topic)
{
	uint64_t seq = model_dropped(), dropped_seq;

	if (topic == TOPIC_COUNT)
		return seq;
	while (seq > 0 && (updates[seq].topics & 1u << topic) == 0)
		seq--;
	dropped_seq = topic_dropped_position(hub_topic(&hub, names[topic]));
	return seq > dropped_seq ? seq : dropped_seq;
}

/* Whether somebody who comes now can have it from one of these topics. */
static bool
model_has(unsigned topics, uint64_t seq)
{
	for (unsigned topic = 0; topic <= TOPIC_COUNT; topic++) {
		if ((topics & updates[seq].topics & 1u << topic) != 0 &&
		    seq > model_gone(topic))
			return true;
	}
	return false;
}

static bool
model_find(unsigned topics, const char *id, uint64_t *found)
{
	for (uint64_t seq = model_dropped() + 1; seq <= last; seq++) {
		if ((updates[seq].topics & topics) != 0 &&
		    strcmp(updates[seq].id, id) == 0) {
			*found = seq;
			return true;
		}
	}
	return false;
}

/* Whether a topic has let go of something since this one was up to date. */
static bool
model_is_behind(const struct member *subscriber)
{
	for (unsigned topic = 0; topic <= TOPIC_COUNT; topic++) {
		if ((subscriber->topics & 1u << topic) != 0 &&
		    model_gone(topic) > subscriber->seq &&
		    model_gone(topic) > subscriber->gone[topic])
			return true;
	}
	return false;
}

static void
take(struct member *subscriber)
{
	struct frame *frames[3];
	size_t        count;
	uint64_t      seq;

	do {
		count = cursor_peek(&subscriber->cursor, frames, 3);
		for (size_t i = 0; i < count; i++) {
			memcpy(&seq, frames[i]->bytes, sizeof(seq));
			assert_true(seq == frames[i]->update.position &&
			    seq <= last);
			while (subscriber->seq < seq)
				assert_true(!subscriber
						 ->is_due[++subscriber->seq] ||
				    subscriber->seq == seq);
			assert_true(subscriber->is_due[seq]);
			subscriber->is_due[seq] = false;
			subscriber->last_id = updates[seq].id;
			cursor_advance(&subscriber->cursor, frames[i]);
			taken_count++;
		}
	} while (count > 0);
}

static void
on_call(struct cursor *cursor, enum cursor_event event)
{
	struct member *subscriber = list_entry(cursor, struct member, cursor);

	if (event == CURSOR_OVERRUN) {
		assert_true(subscriber->may_fall_behind);
		subscriber->has_fallen_behind = true;
		cursor_close(cursor);
	} else if (subscriber->is_stalled && choose(3) > 0) {
		cursor_stall(cursor);
	} else {
		if (subscriber->is_stalled)
			cursor_resume(cursor);
		subscriber->is_stalled = false;
		subscriber->may_fall_behind = false;
		take(subscriber);
	}
}

static void
subscriber_open(struct member *subscriber, uint64_t seq)
{
	struct topic *topics[TOPIC_COUNT + 1];
	size_t        count = 0;

	memset(subscriber->is_due, 0, sizeof(subscriber->is_due));
	for (unsigned topic = 0; topic <= TOPIC_COUNT; topic++) {
		subscriber->gone[topic] = model_gone(topic);
		if ((subscriber->topics & 1u << topic) != 0)
			topics[count++] = hub_topic(&hub, names[topic]);
	}
	subscriber->seq = seq < last ? seq : last;
	for (uint64_t i = subscriber->seq + 1; i <= last; i++) {
		subscriber->is_due[i] = model_has(subscriber->topics, i);
		replayed_count += subscriber->is_due[i];
	}
	subscriber->is_stalled = false;
	subscriber->may_fall_behind = false;
	cursor_open(&subscriber->cursor, topics, count, seq, on_call, NULL);
	cursor_resume(&subscriber->cursor);
}

/* From now on, from the start, or behind the last event that it has had. */
static void
subscriber_come(struct member *subscriber)
{
	struct topic *topics[TOPIC_COUNT + 1];
	size_t        count = 0;
	uint64_t      seq = CURSOR_FROM_START, expected = CURSOR_FROM_START;

	if (choose(3) == 0) {
		subscriber->topics = 1 + choose(2 * ALL - 1);
		subscriber_open(subscriber,
		    choose(2) == 0 ? CURSOR_FROM_START : CURSOR_FROM_NOW);
		return;
	}
	for (unsigned topic = 0; topic <= TOPIC_COUNT; topic++) {
		if ((subscriber->topics & 1u << topic) != 0)
			topics[count++] = hub_topic(&hub, names[topic]);
	}
	assert_true(hub_find(&hub, subscriber->last_id, topics, count, &seq) ==
	    model_find(subscriber->topics, subscriber->last_id, &expected));
	assert_true(seq == expected);
	subscriber_open(subscriber, seq);
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
	updates[last].topics = chosen | ALL;
	snprintf(updates[last].id, sizeof(updates[last].id), "%u",
	    choose(ID_COUNT));
	for (size_t i = 0; i < SUBSCRIBER_COUNT; i++)
		subscribers[i].is_due[last] = (subscribers[i].topics &
						  updates[last].topics) != 0;
	assert_int_equal(hub_publish(&hub,
			     &(struct update_spec){
				 .topics = topics,
				 .topic_count = count,
				 .id = updates[last].id,
				 .bytes = (const char *)&last,
				 .len_bytes = sizeof(last),
			     }),
	    0);
	assert_true(hub_bytes(&hub) <= hub.limits.bytes_max);
}

static void
step(void)
{
	struct member *subscriber = &subscribers[choose(SUBSCRIBER_COUNT)];
	unsigned       act = choose(16);

	if (act < 6) {
		publish_some();
	} else if (act == 6) {
		hand_us += choose(20) * 1000;
		hub_run(&hub);
	} else if (act < 9) {
		turns_run(&turns, hand_ms(), choose(8));
	} else if (!cursor_is_open(&subscriber->cursor)) {
		subscriber_come(subscriber);
	} else if (act == 9) {
		cursor_close(&subscriber->cursor);
	} else if (act < 13) {
		cursor_stall(&subscriber->cursor);
		subscriber->is_stalled = true;
		subscriber->may_fall_behind = true;
	} else {
		cursor_resume(&subscriber->cursor);
		subscriber->is_stalled = false;
		subscriber->may_fall_behind = model_is_behind(subscriber);
	}
}

static void
check_fallen(struct member *subscriber)
{
	if (!subscriber->has_fallen_behind)
		return;
	assert_true(model_is_behind(subscriber));
	subscriber->has_fallen_behind = false;
	overrun_count++;
}

/*
 * Whoever can take something has had all that was due, and whoever cannot has
 * not been left without what it needs.
 */
static void
settle(void)
{
	turns_settle();
	for (size_t i = 0; i < SUBSCRIBER_COUNT; i++) {
		if (!cursor_is_open(&subscribers[i].cursor))
			continue;
		if (subscribers[i].is_stalled) {
			assert_false(model_is_behind(&subscribers[i]));
			continue;
		}
		for (uint64_t seq = 1; seq <= last; seq++)
			assert_false(subscribers[i].is_due[seq]);
	}
}

static void
run_seed(uint64_t seed)
{
	random_state = seed;
	last = 0;
	memset(subscribers, 0, sizeof(subscribers));
	turns_init(&turns, turns.now_us);
	hub_init(&hub, &turns,
	    &(const struct hub_limits){
		.event_count_max = EVENTS_KEPT,
		.topic_count_max = TOPIC_COUNT,
		.bytes_max = seed % 2 == 0 ? 20000 : 1000000,
		.age_ms = seed % 3 == 0 ? 1000000 : AGE_MS,
	    });
	for (size_t i = 0; i < SUBSCRIBER_COUNT; i++) {
		subscribers[i].topics = 1 + choose(2 * ALL - 1);
		subscribers[i].last_id = "earliest";
	}
	for (int i = 0; i < STEP_COUNT; i++) {
		step();
		if (choose(20) == 0)
			settle();
		for (size_t j = 0; j < SUBSCRIBER_COUNT; j++)
			check_fallen(&subscribers[j]);
	}
	settle();
	for (size_t i = 0; i < SUBSCRIBER_COUNT; i++) {
		if (cursor_is_open(&subscribers[i].cursor))
			cursor_close(&subscribers[i].cursor);
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
