/*
 * Subscribers that come, stall, resume, publish and close at random, within
 * calls too, against a model: each has all frames from where it began, in
 * order, or is overrun, and only when it had stalled and a frame that it needs
 * is gone.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "choose.h"
#include "topic_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define KEPT_COUNT 8
#define STEP_COUNT 200000
#define DEPTH_MAX 2

struct member {
	struct cursor cursor;
	uint64_t      next; /* the number of the frame that it has to get */
	bool          is_stalled;
};

static struct topic *topic;
static struct member members[12];
static unsigned      depth; /* of calls within calls */
static size_t        overrun_count, taken_count;

static void
member_take(struct member *member)
{
	struct frame *frames[3];
	size_t        frame_count;

	assert_true(member->next > topic_dropped(topic)->position);
	frame_count = cursor_peek(&member->cursor, frames, COUNT(frames));
	for (size_t i = 0; i < frame_count; i++) {
		assert_int_equal(frames[i]->update.position, member->next);
		member->next++;
		taken_count++;
		cursor_advance(&member->cursor, frames[i]);
	}
	if (frame_count < COUNT(frames))
		assert_int_equal(member->next,
		    topic_newest_position(topic) + 1);
	else
		cursor_resume(&member->cursor);
}

static void act(struct member *);

/* The topic numbers it, also within a call of a publish. */
static void
publish_next(void)
{
	struct frame *frame = frame_new("x", 1);

	topic_publish(topic, frame, hand_ms());
	frame_unref(frame);
}

static void
on_call(struct cursor *cursor, enum cursor_event event)
{
	struct member *member = list_entry(cursor, struct member, cursor);

	assert_true(cursor_is_open(cursor));
	if (event == CURSOR_OVERRUN) {
		assert_true(member->is_stalled);
		assert_true(member->next <= topic_dropped(topic)->position);
		overrun_count++;
		cursor_close(cursor);
	} else if (member->is_stalled && choose(4) > 0) {
		/* It was asked whether there is room by now, and there is not.
		 */
		cursor_stall(cursor);
	} else {
		member->is_stalled = false;
		member_take(member);
	}
	if (depth < DEPTH_MAX && choose(8) == 0)
		act(&members[choose(COUNT(members))]);
}

static void
member_open(struct member *member, bool from_start)
{
	member->next = (from_start ? topic_dropped(topic)->position :
				     topic_newest_position(topic)) +
	    1;
	member->is_stalled = true;
	cursor_open(&member->cursor, &topic, 1,
	    from_start ? CURSOR_FROM_START : CURSOR_FROM_NOW, on_call, NULL);
}

static void
act(struct member *member)
{
	depth++;
	if (!cursor_is_open(&member->cursor)) {
		member_open(member, choose(2) == 0);
	} else {
		switch (choose(8)) {
		case 0:
			cursor_close(&member->cursor);
			break;
		case 1:
			cursor_stall(&member->cursor);
			member->is_stalled = true;
			break;
		case 2:
		case 3:
			cursor_resume(&member->cursor);
			/* What went while it was stalled is gone. */
			member->is_stalled = member->is_stalled &&
			    member->next <= topic_dropped(topic)->position;
			break;
		default:
			publish_next();
			break;
		}
	}
	depth--;
}

static void
assert_nobody_is_forgotten(void)
{
	depth = DEPTH_MAX;
	publish_next();
	turns_settle();
	depth = 0;
	assert_int_equal(topic_frame_count(topic) +
		topic_dropped(topic)->position,
	    topic_newest_position(topic));
	assert_true(topic_frame_count(topic) <= KEPT_COUNT);
	for (size_t i = 0; i < COUNT(members); i++) {
		if (!cursor_is_open(&members[i].cursor))
			continue;
		assert_true(members[i].next > topic_dropped(topic)->position);
		if (!members[i].is_stalled)
			assert_int_equal(members[i].next,
			    topic_newest_position(topic) + 1);
	}
}

static void
test_nothing_is_lost_or_repeated(void **state)
{
	(void)state;
	topic = topic_keeping(KEPT_COUNT, 0);
	for (size_t step = 0; step < STEP_COUNT; step++) {
		act(&members[choose(COUNT(members))]);
		if (choose(4) == 0)
			turns_run(&turns, hand_ms(), choose(6));
		if (choose(50) == 0)
			assert_nobody_is_forgotten();
	}
	/* Else the steps would not have tried what they are for. */
	assert_true(overrun_count > STEP_COUNT / 1000);
	assert_true(taken_count > STEP_COUNT / 10);
	for (size_t i = 0; i < COUNT(members); i++)
		cursor_close(&members[i].cursor);
	turns_settle();
	topic_free(topic);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TOPIC_TEST(test_nothing_is_lost_or_repeated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
