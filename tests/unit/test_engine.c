#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "engine_fixture.h"
#include "hub/frame.h"
#include "hub/topic.h"
#include "stream/peer.h"
#include "stream/streams.h"

#define STREAM_COUNT 1000

/* More than this in one turn of the loop would hold up everything else. */
#define CALLS_MAX 256

static size_t write_count;

static bool
on_has_room(struct peer *peer, size_t len_bytes)
{
	(void)peer;
	(void)len_bytes;
	return true;
}

static int
on_write(struct peer *peer, const struct iovec *parts, int count)
{
	(void)peer;
	(void)parts;
	(void)count;
	write_count++;
	return 0;
}

static void
on_end(struct peer *peer, bool is_polite)
{
	(void)peer;
	(void)is_polite;
}

static const struct peer_ops ops = { .has_room = on_has_room,
	.write = on_write,
	.end = on_end };
static struct peer           peers[STREAM_COUNT];

static void
open_stream(struct peer *peer, struct topic *topic)
{
	struct buf head = { 0 };

	*peer = (struct peer){ .ops = &ops };
	buf_append_str(&head, "head");
	stream_open(&engine.streams,
	    &(struct stream_spec){ .path = "/test",
		.topics = &topic,
		.topic_count = 1,
		.position = CURSOR_FROM_NOW },
	    peer, &head);
}

/* An event to many streams leaves in slices, and reaches all. */
static void
test_a_turn_serves_so_many_and_no_more(void **state)
{
	const struct topic_limits limits = { .frame_count_max = 4,
		.frame_bytes_max = 1000 };
	struct topic             *topic;
	struct frame             *frame;
	size_t                    before, turn_count = 0;

	(void)state;
	engine_set_up((const char *const[]){ NULL });
	topic = topic_new(&engine.turns, "test", &limits);
	for (size_t i = 0; i < STREAM_COUNT; i++)
		open_stream(&peers[i], topic);
	for (int i = 0; i < 10; i++)
		uv_run(&engine.loop, UV_RUN_NOWAIT);
	write_count = 0;
	frame = frame_new("data: x\n\n", 9);
	topic_publish(topic, frame, 1000);
	frame_unref(frame);
	while (write_count < STREAM_COUNT && turn_count < STREAM_COUNT) {
		before = write_count;
		uv_run(&engine.loop, UV_RUN_NOWAIT);
		assert_in_range(write_count - before, 1, CALLS_MAX);
		turn_count++;
	}
	assert_int_equal(write_count, STREAM_COUNT);
	assert_in_range(turn_count, STREAM_COUNT / CALLS_MAX, 10);
	streams_end_all(&engine.streams, STREAM_END_SHUTDOWN);
	streams_reap(&engine.streams);
	topic_free(topic);
	engine_tear_down();
}

/* So many turns, and then nothing is due that the last one could have done. */
static void
assert_sleeps(const char *const *args)
{
	engine_set_up(args);
	for (int i = 0; i < 10; i++)
		uv_run(&engine.loop, UV_RUN_NOWAIT);
	assert_true(engine.armed_ms > engine_hand_us / 1000);
	engine_tear_down();
}

static void
test_it_sleeps_while_nothing_happens(void **state)
{
	(void)state;
	assert_sleeps((const char *const[]){ NULL });
	assert_sleeps((const char *const[]){ "--subscriptions", "0.x", NULL });
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_turn_serves_so_many_and_no_more),
		cmocka_unit_test(test_it_sleeps_while_nothing_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
