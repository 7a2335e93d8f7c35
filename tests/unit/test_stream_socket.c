/* Streams on real sockets: the room that there is, and one writer for all. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "edge/fcgi.h"
#include "edge/room.h"
#include "stream_fixture.h"
#include "wire.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LONG_EVENT_BYTES (1024 * 1024)

/* A connection as the edge has it, and its far end. */
struct line {
	struct peer peer;
	struct room room;
	int         fd, far_fd;
	unsigned    id;
	bool        wants_room;
	struct buf  received;
};

static struct fcgi *fcgi;
static struct line  lines[5];

static struct line *
line_of(struct peer *peer)
{
	return list_entry(peer, struct line, peer);
}

static struct fcgi_target
target_of(const struct line *line)
{
	return (struct fcgi_target){ line->fd, (uint16_t)line->id };
}

static bool
on_has_room(struct peer *peer, size_t len_bytes)
{
	struct line *line = line_of(peer);

	return room_has(&line->room, line->fd, len_bytes);
}

static int
on_write(struct peer *peer, const struct iovec *parts, int count)
{
	struct line *line = line_of(peer);
	size_t       len_bytes = 0;

	for (int i = 0; i < count; i++)
		len_bytes += parts[i].iov_len;
	room_use(&line->room, len_bytes);
	return fcgi_write(fcgi, target_of(line), parts, count);
}

static void
on_want_room(struct peer *peer)
{
	line_of(peer)->wants_room = true;
}

static void
on_end(struct peer *peer, bool is_polite)
{
	struct line *line = line_of(peer);

	if (is_polite && room_has(&line->room, line->fd, 0))
		fcgi_end(fcgi, target_of(line), NULL, 0);
	close(line->fd);
	line->fd = -1;
}

static const struct peer_ops line_ops = {
	.has_room = on_has_room,
	.write = on_write,
	.want_room = on_want_room,
	.end = on_end,
};

static void
line_open(struct line *line, unsigned id)
{
	struct buf head = { 0 };
	int        fds[2];

	memset(line, 0, sizeof(*line));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			     fds),
	    0);
	line->peer.ops = &line_ops;
	line->fd = fds[0];
	line->far_fd = fds[1];
	line->id = id;
	room_init(&line->room, line->fd, true);
	buf_append_str(&head, HEAD);
	stream_open(&streams,
	    &(struct stream_spec){
		.path = "/test",
		.topics = &topic,
		.topic_count = 1,
		.position = CURSOR_FROM_NOW,
	    },
	    &line->peer, &head);
}

/* Reads up to so many bytes, and lets the stream know that there is room. */
static void
line_read(struct line *line, size_t len_bytes)
{
	struct pollfd pollfd = { .fd = line->fd, .events = POLLOUT };
	char          bytes[16384];
	size_t        want;
	ssize_t       n;

	while (len_bytes > 0) {
		want = len_bytes < sizeof(bytes) ? len_bytes : sizeof(bytes);
		n = read(line->far_fd, bytes, want);
		if (n <= 0)
			break;
		buf_append(&line->received, bytes, (size_t)n);
		len_bytes -= (size_t)n;
	}
	if (line->wants_room && line->peer.stream != NULL &&
	    poll(&pollfd, 1, 0) == 1) {
		line->wants_room = false;
		stream_resume(line->peer.stream);
		turns_settle();
	}
}

/* All that has come is a head and this, whole and under the line's own id. */
static void
assert_line_has(struct line *line, const struct buf *expected, bool is_ended)
{
	struct buf         out = { 0 };
	struct wire_answer answer = { .out = &out };

	assert_true(wire_read(&answer, line->id, line->received.data,
	    line->received.len_bytes));
	assert_int_equal(answer.used_bytes, line->received.len_bytes);
	assert_int_equal(answer.is_ended, is_ended);
	assert_int_equal(out.len_bytes, HEAD_BYTES + expected->len_bytes);
	assert_memory_equal(out.data, HEAD, HEAD_BYTES);
	if (expected->len_bytes > 0)
		assert_memory_equal(out.data + HEAD_BYTES, expected->data,
		    expected->len_bytes);
	buf_deinit(&out);
}

static void
line_close(struct line *line)
{
	if (line->peer.stream != NULL)
		stream_end(line->peer.stream, STREAM_END_CLIENT_CLOSED);
	if (line->far_fd != -1)
		close(line->far_fd);
	buf_deinit(&line->received);
}

static int
set_up(void **state)
{
	const char *error;

	if (stream_set_up(state) == -1)
		return -1;
	fcgi = fcgi_new(&error);
	/* libfcgi has put handlers of its own there. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	for (size_t i = 0; i < COUNT(lines); i++)
		line_open(&lines[i], (unsigned)i + 1);
	turns_settle();
	return fcgi == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	for (size_t i = 0; i < COUNT(lines); i++)
		line_close(&lines[i]);
	fcgi_free(fcgi);
	return stream_tear_down(state);
}

/* Publishes that many bytes, of which no two parts are alike. */
static void
publish_bytes(struct buf *all, size_t len_bytes)
{
	static uint32_t number;
	struct frame   *frame;
	size_t          start = all->len_bytes;

	while (all->len_bytes < start + len_bytes)
		buf_printf(all, "%08x", ++number);
	all->len_bytes = start + len_bytes;
	frame = frame_new(all->data + start, len_bytes);
	publish_frame(topic, frame);
	frame_unref(frame);
}

static void
test_events_reach_all(void **state)
{
	struct buf all = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++) {
		publish_bytes(&all, 1 + (size_t)i * 11);
		turns_settle();
		for (size_t j = 0; j < COUNT(lines); j++)
			line_read(&lines[j], SIZE_MAX);
	}
	for (size_t i = 0; i < COUNT(lines); i++)
		assert_line_has(&lines[i], &all, false);
	buf_deinit(&all);
}

/* Each reads at its own pace, the last one not at all until the end. */
static void
test_a_long_event_reaches_slow_readers(void **state)
{
	static const size_t paces[] = { SIZE_MAX, 100000, 7777, 50000, 0 };
	struct buf          all = { 0 };

	(void)state;
	publish_bytes(&all, LONG_EVENT_BYTES);
	turns_settle();
	assert_true(lines[4].wants_room);
	for (int i = 0; i < 1000; i++) {
		for (size_t j = 0; j < COUNT(lines); j++)
			line_read(&lines[j], paces[j]);
		turns_settle();
	}
	assert_int_equal(lines[4].received.len_bytes, 0);
	for (int i = 0; i < 1000; i++)
		line_read(&lines[4], SIZE_MAX);
	for (size_t i = 0; i < COUNT(lines); i++)
		assert_line_has(&lines[i], &all, false);
	buf_deinit(&all);
}

static void
test_a_reader_that_stops_is_ended_and_the_others_are_not(void **state)
{
	struct buf all = { 0 };
	bool       is_ended;

	(void)state;
	for (int i = 0; lines[2].peer.stream != NULL; i++) {
		assert_true(i < 10000);
		publish_bytes(&all, 5000);
		turns_settle();
		for (size_t j = 0; j < COUNT(lines); j++) {
			if (j != 2)
				line_read(&lines[j], SIZE_MAX);
		}
	}
	assert_int_equal(streams.totals.end_counts[STREAM_END_OVERRUN], 1);
	publish_bytes(&all, 10);
	turns_settle();
	for (size_t j = 0; j < COUNT(lines); j++) {
		line_read(&lines[j], SIZE_MAX);
		if (j != 2)
			assert_line_has(&lines[j], &all, false);
	}
	/* What the stopped one has had is the beginning; the end may fit too.
	 */
	is_ended = lines[2].received.len_bytes % 5008 > 0;
	all.len_bytes = lines[2].received.len_bytes / 5008 * 5000;
	assert_true(all.len_bytes > 50000);
	assert_line_has(&lines[2], &all, is_ended);
	buf_deinit(&all);
}

static void
test_a_reader_that_closes_harms_nobody(void **state)
{
	struct buf all = { 0 };

	(void)state;
	publish_bytes(&all, 100);
	turns_settle();
	close(lines[0].far_fd);
	lines[0].far_fd = -1;
	close(lines[3].far_fd);
	lines[3].far_fd = -1;
	publish_bytes(&all, 100);
	turns_settle();
	assert_null(lines[0].peer.stream);
	assert_null(lines[3].peer.stream);
	assert_int_equal(streams.totals.end_counts[STREAM_END_WRITE_FAILED], 2);
	publish_bytes(&all, LONG_EVENT_BYTES);
	turns_settle();
	for (int i = 0; i < 1000; i++) {
		line_read(&lines[1], 20000);
		line_read(&lines[2], 20000);
		line_read(&lines[4], 20000);
		turns_settle();
	}
	assert_line_has(&lines[1], &all, false);
	assert_line_has(&lines[2], &all, false);
	assert_line_has(&lines[4], &all, false);
	buf_deinit(&all);
}

static void
test_the_end_comes_behind_the_last_event(void **state)
{
	struct buf all = { 0 };

	(void)state;
	publish_bytes(&all, LONG_EVENT_BYTES);
	for (size_t i = 0; i < COUNT(lines); i++)
		stream_finish(lines[i].peer.stream);
	for (int i = 0; i < 1000; i++) {
		turns_settle();
		for (size_t j = 0; j < COUNT(lines); j++)
			line_read(&lines[j], 10000);
	}
	for (size_t i = 0; i < COUNT(lines); i++) {
		assert_null(lines[i].peer.stream);
		assert_line_has(&lines[i], &all, true);
	}
	assert_int_equal(streams.totals.end_counts[STREAM_END_COMPLETE],
	    COUNT(lines));
	buf_deinit(&all);
}

#define SOCKET_TEST(name) \
	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SOCKET_TEST(test_events_reach_all),
		SOCKET_TEST(test_a_long_event_reaches_slow_readers),
		SOCKET_TEST(
		    test_a_reader_that_stops_is_ended_and_the_others_are_not),
		SOCKET_TEST(test_a_reader_that_closes_harms_nobody),
		SOCKET_TEST(test_the_end_comes_behind_the_last_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
