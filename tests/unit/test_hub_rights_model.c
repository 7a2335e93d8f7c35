/*
 * Rights and selectors against a model: subscribers with grants, or none, come,
 * stall, leave, and come back with an id or for the last few, at random. A
 * table says by hand which selector matches which topic; by it the model says
 * what each of them is to be given of public and private updates.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "auth/rights.h"
#include "hub/hub.h"
#include "hub/update.h"
#include "pure/position.h"
#include "pure/selector.h"
#include "pure/url.h"

#include "choose.h"
#include "topic_fixture.h"

#define SEED_COUNT 150
#define STEP_COUNT 700
#define UPDATES_MAX (STEP_COUNT + 1)
#define MEMBER_COUNT 10
#define EVENTS_KEPT 5
#define AGE_MS 4000
#define LAST_MAX 6
#define ID_COUNT 12
#define HUB_URL "https://hub.example/.well-known/mercure"
#define WALL_MS 1700000000000

#define TOPIC_COUNT 8
static const char *const names[TOPIC_COUNT] = { "/u/1", "/u/2", "/u/1/2", "/u/",
	"https://hub.example/u/1", "news", "/u/\xc3\xa9", "/u/{id}" };

#define SELECTOR_COUNT 10
static const struct {
	enum selector_kind kind;
	enum grant_match   match;
	const char        *text;
	unsigned           topics; /* that it matches, a bit each */
} selectors[SELECTOR_COUNT] = {
	{ SELECTOR_TOPIC, GRANT_MATCH_TOPIC, "/u/1", 0x01 },
	{ SELECTOR_TOPIC, GRANT_MATCH_TOPIC, "news", 0x20 },
	{ SELECTOR_TOPIC, GRANT_MATCH_TOPIC, "/u/{id}", 0x8b },
	{ SELECTOR_TOPIC, GRANT_MATCH_TOPIC, "/u/{+path}", 0x0f },
	{ SELECTOR_TOPIC, GRANT_MATCH_ALL, "*", 0xff },
	{ SELECTOR_EXACT, GRANT_MATCH_EXACT, "/u/{id}", 0x80 },
	{ SELECTOR_EXACT, GRANT_MATCH_EXACT, "/u/2", 0x02 },
	{ SELECTOR_URL_PATTERN, GRANT_MATCH_URLPATTERN, "/u/:id", 0xd3 },
	{ SELECTOR_URL_PATTERN, GRANT_MATCH_URLPATTERN, "/u/*", 0xdf },
	{ SELECTOR_URL_PATTERN, GRANT_MATCH_URLPATTERN,
	    "https://hub.example/u/(\\d+)", 0x13 },
};
#define IS_OF_07 0x01fu
#define IS_OF_08 0x3f0u

struct member {
	struct cursor     cursor;
	struct grant     *grant;
	unsigned          granted; /* topics */
	enum update_reach reach;
	unsigned          followed; /* selectors */
	uint64_t at; /* the number of the last update that it has had */
	bool     must[UPDATES_MAX], may[UPDATES_MAX];
	bool     is_stalled, may_fall_behind;
	size_t   had_count; /* since it came */
};

static struct hub     hub;
static struct url     base;
static struct grants *grants;
static struct member  members[MEMBER_COUNT];
static uint64_t       current_seed;
static size_t         taken_count, replayed_count, hidden_count, overrun_count;

/* The model: all updates that ever were, the first at 1. */
static struct {
	uint64_t position;
	unsigned topics;
	bool     is_private;
	int64_t  at_ms;
	char     id[POSITION_ID_BYTES];
	bool     has_own_id;
} updates[UPDATES_MAX];
static uint64_t last;

static int
set_up(void **state)
{
	grants = grants_new();
	assert_int_equal(selector_base_parse(&base, HUB_URL, strlen(HUB_URL)),
	    0);
	return topic_set_up(state);
}

static void
give_back(struct member *member)
{
	grant_unref(grants, member->grant);
	member->grant = NULL;
	member->granted = 0;
	member->reach = UPDATE_REACH_PUBLIC;
}

/* Names the seed when a test fails. */
static int
tear_down(void **state)
{
	for (size_t i = 0; i < MEMBER_COUNT; i++)
		give_back(&members[i]);
	if (current_seed > 0 && current_seed < SEED_COUNT)
		print_message("seed %llu\n", (unsigned long long)current_seed);
	grants_free(grants);
	url_deinit(&base);
	return topic_tear_down(state);
}

static int64_t
wall_ms(void)
{
	return WALL_MS + hand_ms();
}

static unsigned
topics_of(unsigned selected)
{
	unsigned topics = 0;

	for (unsigned i = 0; i < SELECTOR_COUNT; i++)
		topics |= (selected & 1u << i) != 0 ? selectors[i].topics : 0;
	return topics;
}

/* One to so many of these selectors. */
static unsigned
choose_selectors(unsigned among, unsigned count_max)
{
	unsigned selected = 0;

	for (unsigned count = 1 + choose(count_max); count > 0;) {
		unsigned bit = 1u << choose(SELECTOR_COUNT);

		count -= (bit & among) != 0;
		selected |= bit & among;
	}
	return selected;
}

/* The model's rules. */

static bool
model_may_read(const struct member *member, uint64_t number)
{
	return !updates[number].is_private ||
	    (member->granted & updates[number].topics) != 0;
}

/* Whether it is one of the last so many of the topic, and not too old. */
static bool
model_keeps(unsigned topic, uint64_t number)
{
	unsigned behind_count = 0;

	for (uint64_t i = number + 1; i <= last; i++)
		behind_count += (updates[i].topics & 1u << topic) != 0;
	return (updates[number].topics & 1u << topic) != 0 &&
	    behind_count < EVENTS_KEPT &&
	    hand_ms() < updates[number].at_ms + AGE_MS;
}

static bool
model_must_replay(const struct member *member, uint64_t number)
{
	unsigned topics = topics_of(member->followed) & updates[number].topics;

	for (unsigned topic = 0; topic < TOPIC_COUNT; topic++) {
		if ((topics & 1u << topic) != 0 && model_keeps(topic, number))
			return model_may_read(member, number);
	}
	return false;
}

static bool
model_may_have(const struct member *member, uint64_t number)
{
	return (topics_of(member->followed) & updates[number].topics) != 0 &&
	    model_may_read(member, number);
}

static bool
accepts(const struct cursor *cursor, const struct update *update)
{
	struct member *member = list_entry((struct cursor *)(uintptr_t)cursor,
	    struct member, cursor);

	return rights_allow_update(member->grant, &base, update);
}

static bool
may_have(const void *arg, const struct update *update)
{
	const struct member *member = arg;

	return rights_allow_update(member->grant, &base, update);
}

static void
take(struct member *member)
{
	struct frame *frames[3];
	size_t        count;
	uint64_t      number;

	do {
		count = cursor_peek(&member->cursor, frames, 3);
		for (size_t i = 0; i < count; i++) {
			memcpy(&number, frames[i]->update.bytes,
			    sizeof(number));
			assert_true(number > member->at && number <= last);
			while (++member->at < number)
				assert_false(member->must[member->at]);
			assert_true(member->may[number]);
			assert_true(model_may_have(member, number));
			member->must[number] = member->may[number] = false;
			member->had_count++;
			taken_count++;
			cursor_advance(&member->cursor, frames[i]);
		}
	} while (count > 0);
}

static void
on_call(struct cursor *cursor, enum cursor_event event)
{
	struct member *member = list_entry(cursor, struct member, cursor);

	if (event == CURSOR_OVERRUN) {
		assert_true(member->may_fall_behind);
		overrun_count++;
		cursor_close(cursor);
	} else if (member->is_stalled) {
		cursor_stall(cursor);
	} else {
		take(member);
		member->may_fall_behind = false;
	}
}

static size_t
follow(const struct member *member, struct topic **topics)
{
	const char *why;
	size_t      count = 0;

	for (unsigned i = 0; i < SELECTOR_COUNT; i++) {
		if ((member->followed & 1u << i) == 0)
			continue;
		topics[count] = hub_follow(&hub, selectors[i].kind,
		    selectors[i].text, "192.0.2.1", NULL, &why);
		assert_non_null(topics[count]);
		count++;
	}
	return count;
}

/* A cursor that is behind this position from now on. */
static void
open_at(struct member *member, struct topic *const *topics, size_t count,
    uint64_t position)
{
	memset(member->must, 0, sizeof(member->must));
	memset(member->may, 0, sizeof(member->may));
	member->at = member->had_count = 0;
	for (uint64_t i = 1; i <= last; i++) {
		if (updates[i].position <= position) {
			member->at = i;
			continue;
		}
		member->must[i] = model_must_replay(member, i);
		member->may[i] = model_may_have(member, i);
		replayed_count += member->must[i];
		hidden_count += !model_may_read(member, i);
	}
	member->is_stalled = member->may_fall_behind = false;
	cursor_open(&member->cursor, topics, count, position, on_call, accepts);
	cursor_resume(&member->cursor);
}

static void
check_live(const struct member *member)
{
	for (uint64_t i = 1; i <= last; i++)
		assert_false(member->must[i]);
}

/* What is told of where the log is is at no update of others, nor behind one
 * that the reader has yet to have. */
static void
check_shown(const struct member *member)
{
	const struct update_reader reader = { may_have, member, member->reach };
	uint64_t                   shown;

	shown = hub_shown_position(&hub, hub.position, &reader);
	assert_true(shown <= hub.position);
	for (uint64_t i = 1; i <= last; i++) {
		if (updates[i].position == shown)
			assert_true(model_may_read(member, i));
	}
}

/* A member that comes with an id, be it that of somebody else's update. */
static uint64_t
find(const struct member *member, struct topic *const *topics, size_t count)
{
	const struct update_reader reader = { may_have, member, member->reach };
	uint64_t    number = last == 0 ? 0 : 1 + choose((unsigned)last);
	const char *id = number == 0 ? "earliest" : updates[number].id;
	uint64_t    position = CURSOR_FROM_START, first = 0;

	if (!hub_find(&hub, id, topics, count, &reader, &position)) {
		for (uint64_t i = 1; i <= last; i++) {
			if (strcmp(updates[i].id, id) == 0)
				assert_false(model_must_replay(member, i));
		}
		return CURSOR_FROM_START;
	}
	if (!updates[number].has_own_id) {
		assert_true(position == updates[number].position);
		return position;
	}
	for (uint64_t i = 1; i <= last; i++) {
		if (updates[i].position == position)
			first = i;
	}
	assert_true(first != 0 && model_may_read(member, first));
	assert_string_equal(updates[first].id, id);
	return position;
}

/* The last few that are its own, and nobody else's count among them. */
static void
come_for_last(struct member *member, struct topic *const *topics, size_t count)
{
	const struct update_reader reader = { may_have, member, member->reach };
	size_t wanted = 1 + choose(LAST_MAX), kept_count = 0;

	for (uint64_t i = 1; i <= last; i++)
		kept_count += model_must_replay(member, i);
	open_at(member, topics, count,
	    hub_last(topics, count, wanted, &reader));
	turns_settle();
	check_live(member);
	assert_true(member->had_count <= wanted);
	assert_true(kept_count < wanted || member->had_count == wanted);
}

static void
choose_rights(struct member *member)
{
	struct grant_selector granted[SELECTOR_COUNT];
	bool                  is_old = choose(2) == 0;
	unsigned              selected;
	size_t                count = 0;

	give_back(member);
	if (choose(4) == 0)
		return;
	selected = choose(8) == 0 ?
	    0 :
	    choose_selectors(is_old ? IS_OF_07 : IS_OF_08, 2);
	for (unsigned i = 0; i < SELECTOR_COUNT; i++) {
		if ((selected & 1u << i) != 0)
			granted[count++] = (struct grant_selector){
				selectors[i].match,
				selectors[i].text,
			};
	}
	member->granted = topics_of(selected);
	if (count > 0)
		member->reach = granted[0].match == GRANT_MATCH_ALL ?
		    UPDATE_REACH_ALL :
		    UPDATE_REACH_SOME;
	member->grant = grants_get(grants,
	    is_old ? TOKEN_DIALECT_07 : TOKEN_DIALECT_08, TOKEN_ROLE_SUBSCRIBER,
	    granted, count);
}

static void
come(struct member *member)
{
	struct topic *topics[CURSOR_TOPICS_MAX];
	size_t        count;

	if (choose(2) == 0)
		choose_rights(member);
	if (choose(2) == 0)
		member->followed = choose_selectors(IS_OF_07 | IS_OF_08, 3);
	count = follow(member, topics);
	switch (choose(4)) {
	case 0:
		open_at(member, topics, count, hub.position);
		break;
	case 1:
		open_at(member, topics, count, CURSOR_FROM_START);
		break;
	case 2:
		come_for_last(member, topics, count);
		break;
	default:
		open_at(member, topics, count, find(member, topics, count));
	}
}

static void
publish_one(void)
{
	const char *topics[TOPIC_COUNT];
	size_t      count = 0;
	unsigned    chosen = 1 + choose((1u << TOPIC_COUNT) - 1);

	if (choose(3) > 0)
		chosen = 1u << choose(TOPIC_COUNT);
	for (unsigned topic = 0; topic < TOPIC_COUNT; topic++) {
		if ((chosen & 1u << topic) != 0)
			topics[count++] = names[topic];
	}
	last++;
	updates[last].position = position_next(hub.position, wall_ms());
	updates[last].topics = chosen;
	updates[last].is_private = choose(2) == 0;
	updates[last].at_ms = hand_ms();
	updates[last].has_own_id = choose(2) == 0;
	if (updates[last].has_own_id)
		snprintf(updates[last].id, sizeof(updates[last].id), "%u",
		    choose(ID_COUNT));
	else
		position_to_id(updates[last].position, hub.tag,
		    updates[last].id);
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		members[i].may[last] = model_may_have(&members[i], last);
		members[i].must[last] = members[i].may[last] &&
		    cursor_is_open(&members[i].cursor);
	}
	hub_ingest(&hub,
	    &(struct update){
		.position = updates[last].position,
		.id = updates[last].has_own_id ? updates[last].id : NULL,
		.topics = topics,
		.topic_count = count,
		.is_private = updates[last].is_private,
		.bytes = (const char *)&last,
		.len_bytes = sizeof(last),
	    },
	    1, hand_ms(), 0);
}

/* Those who can take something have had all that they were due. */
static void
settle(void)
{
	turns_settle();
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		if (cursor_is_open(&members[i].cursor) &&
		    !members[i].is_stalled)
			check_live(&members[i]);
	}
}

static void
step(void)
{
	struct member *member = &members[choose(MEMBER_COUNT)];
	unsigned       act = choose(16);

	if (act < 7) {
		publish_one();
	} else if (act == 7) {
		settle();
		hand_us += choose(choose(5) == 0 ? 9000 : 100) * 1000;
		hub_run(&hub, hand_ms());
	} else if (act < 9) {
		turns_run(&turns, hand_ms(), choose(8));
	} else if (!cursor_is_open(&member->cursor)) {
		come(member);
		check_shown(member);
	} else if (act < 11) {
		cursor_close(&member->cursor);
	} else if (act < 13) {
		cursor_stall(&member->cursor);
		member->is_stalled = member->may_fall_behind = true;
	} else {
		cursor_resume(&member->cursor);
		member->is_stalled = false;
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
		.empty_bytes_max = 10000000,
		.bytes_max = 10000000,
		.age_ms = AGE_MS,
	    });
	hub.base = &base;
	hub.tag = 1 + seed;
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		members[i].followed = choose_selectors(IS_OF_07 | IS_OF_08, 3);
		choose_rights(&members[i]);
	}
	for (int i = 0; i < STEP_COUNT; i++) {
		step();
		if (choose(20) == 0)
			settle();
	}
	settle();
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		if (cursor_is_open(&members[i].cursor))
			cursor_close(&members[i].cursor);
		give_back(&members[i]);
	}
	turns_settle();
	hub_deinit(&hub);
	assert_int_equal(hub_bytes(&hub), 0);
	assert_int_equal(grants_count(grants), 0);
	turns_deinit(&turns);
}

static void
test_each_is_given_what_its_rights_allow(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEED_COUNT; seed++) {
		current_seed = seed;
		run_seed(seed);
	}
	print_message("%zu taken, %zu replayed, %zu hidden, %zu overrun\n",
	    taken_count, replayed_count, hidden_count, overrun_count);
	/* Else the steps would not have tried what they are for. */
	assert_true(taken_count > (size_t)SEED_COUNT * STEP_COUNT / 2);
	assert_true(replayed_count > (size_t)SEED_COUNT * 100);
	assert_true(hidden_count > (size_t)SEED_COUNT * 100);
	assert_true(overrun_count > SEED_COUNT);
}

/* The table above is what the selectors do, or the model would be wrong. */
static void
test_the_table_is_true(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SELECTOR_COUNT; i++) {
		struct grant_selector own = { selectors[i].match,
			selectors[i].text };
		struct grant *grant = grants_get(grants, TOKEN_DIALECT_08,
		    TOKEN_ROLE_SUBSCRIBER, &own, 1);

		for (unsigned topic = 0; topic < TOPIC_COUNT; topic++)
			assert_int_equal(rights_allow(grant, &base,
					     names[topic]),
			    (selectors[i].topics & 1u << topic) != 0);
		grant_unref(grants, grant);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_table_is_true, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    test_each_is_given_what_its_rights_allow, set_up,
		    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
