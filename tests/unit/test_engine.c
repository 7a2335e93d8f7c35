#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "engine_fixture.h"
#include "hub/frame.h"
#include "hub/topic.h"
#include "hub/update.h"
#include "stream/peer.h"
#include "stream/streams.h"

#define STREAM_COUNT 1000

/* More than this in one turn of the loop would hold up everything else. */
#define CALLS_MAX 256

static size_t write_count;
static void (*within_write)(void); /* called by each write; NULL: nothing */

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
	if (within_write != NULL)
		within_write();
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

static void
publish_to(struct topic *topic)
{
	struct frame *frame = frame_new("data: x\n\n", 9);

	topic_publish(topic, frame, 1000);
	frame_unref(frame);
}

static const struct topic_limits limits = { .frame_count_max = 4,
	.frame_bytes_max = 1000 };

/* An event to many streams leaves in slices, and reaches all. */
static void
test_a_turn_serves_so_many_and_no_more(void **state)
{
	struct topic *topic;
	size_t        before, turn_count = 0;

	(void)state;
	engine_set_up((const char *const[]){ NULL });
	topic = topic_new(&engine.turns, "test", &limits);
	for (size_t i = 0; i < STREAM_COUNT; i++)
		open_stream(&peers[i], topic);
	for (int i = 0; i < 10; i++)
		uv_run(&engine.loop, UV_RUN_NOWAIT);
	write_count = 0;
	publish_to(topic);
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

static void
free_a_stream(void)
{
	static struct peer peer;
	struct topic      *topic = hub_topic(&engine.hub, "a", NULL, NULL);

	within_write = NULL;
	open_stream(&peer, topic);
	stream_end(peer.stream, STREAM_END_CLIENT_CLOSED);
	streams_reap(&engine.streams);
}

static void
free_a_topic(void)
{
	topic_free(topic_new(&engine.turns, "test", &limits));
}

static void
deliver_an_update(void)
{
	const char *topic = "a";

	hub_ingest(&engine.hub,
	    &(struct update){ .position = engine.hub.position + 1,
		.topics = &topic,
		.topic_count = 1,
		.bytes = "data: x\n\n",
		.len_bytes = 9 },
	    1, 1000, 0);
}

static void
do_nothing(void)
{
}

/* Whether a process that does this within a fan-out ends by an assert. */
static bool
is_forbidden(struct topic *topic, void (*fn)(void))
{
	const struct rlimit no_core = { 0, 0 };
	int                 status;
	pid_t               pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGABRT, SIG_DFL);
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(1);
		write_count = 0;
		within_write = fn;
		publish_to(topic);
		for (int i = 0; i < 10; i++)
			uv_run(&engine.loop, UV_RUN_NOWAIT);
		_exit(write_count > 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void
test_what_is_for_the_end_of_the_turn(void **state)
{
	struct topic *topic;

	(void)state;
	engine_set_up((const char *const[]){ NULL });
	topic = topic_new(&engine.turns, "test", &limits);
	open_stream(&peers[0], topic);
	assert_false(is_forbidden(topic, do_nothing));
	assert_true(is_forbidden(topic, free_a_stream));
	assert_true(is_forbidden(topic, free_a_topic));
	assert_true(is_forbidden(topic, deliver_an_update));
	/* Otherwise they do no harm. */
	free_a_stream();
	free_a_topic();
	deliver_an_update();
	streams_end_all(&engine.streams, STREAM_END_SHUTDOWN);
	streams_reap(&engine.streams);
	topic_free(topic);
	engine_tear_down();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_turn_serves_so_many_and_no_more),
		cmocka_unit_test(test_it_sleeps_while_nothing_happens),
		cmocka_unit_test(test_what_is_for_the_end_of_the_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
