#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "stream_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const end_words[] = {
#define STREAM_END(name, word, is_polite, meaning) word,
#include "stream/stream_end.def"
#undef STREAM_END
};

static void
test_the_head_is_sent_first_and_alone(void **state)
{
	struct client_peer client;

	(void)state;
	publish(topic, "before ");
	client_open_waiting(&client, &(struct stream_spec){ 0 }, SIZE_MAX);
	/* At once, not in its turn. */
	assert_received(&client, HEAD);
	publish(topic, "1 ");
	turns_settle();
	assert_received(&client, "1 ");
	client_close(&client);
}

static void
test_nothing_is_sent_before_the_head(void **state)
{
	struct client_peer client;

	(void)state;
	client_open_waiting(&client, &(struct stream_spec){ 0 },
	    HEAD_BYTES - 1);
	assert_int_equal(client.want_room_count, 1);
	publish(topic, "1 ");
	turn_after(STALL_MS - 1);
	assert_received(&client, "");
	publish(topic, "2 ");
	client_read_on(&client, SIZE_MAX);
	assert_received(&client, HEAD "1 2 ");
	publish(topic, "3 ");
	turns_settle();
	assert_received(&client, "3 ");
	client_close(&client);
}

static void
test_a_head_that_nobody_reads(void **state)
{
	struct client_peer client;

	(void)state;
	client_open_waiting(&client, &(struct stream_spec){ 0 }, 0);
	turn_after(STALL_MS - 1);
	assert_int_equal(client.end_count, 0);
	turn_after(1);
	assert_int_equal(client.end_count, 1);
	/* Half a response has no end. */
	assert_false(client.is_polite);
	assert_int_equal(streams.totals.end_counts[STREAM_END_STALLED], 1);
	client_close(&client);
}

static void
test_a_client_that_is_gone_before_the_head(void **state)
{
	struct client_peer client = { 0 };

	(void)state;
	client_open_waiting(&client, &(struct stream_spec){ 0 }, SIZE_MAX - 1);
	client_close(&client);
	assert_int_equal(streams.open_count, 0);
}

/* A head may be longer than a write. */
static void
test_a_long_head_goes_out_in_pieces(void **state)
{
	struct client_peer client;
	struct buf         head = { 0 };
	char               text[20001];

	(void)state;
	memset(text, 'h', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	client_open(&client);
	stream_end(client.peer.stream, STREAM_END_SHUTDOWN);
	assert_ended(&client, STREAM_END_SHUTDOWN);
	client.end_count = 0;
	client.release_count = 0;
	client.room_bytes = 9000;
	buf_append_str(&head, text);
	stream_open(&streams,
	    &(struct stream_spec){ .path = "/test",
		.topics = &topic,
		.topic_count = 1,
		.position = CURSOR_FROM_NOW },
	    &client.peer, &head);
	publish(topic, "1 ");
	turns_settle();
	assert_int_equal(client.received.len_bytes, 8000);
	turn_after(HEARTBEAT_MS);
	client_read_on(&client, 8000);
	assert_int_equal(client.received.len_bytes, 16000);
	client_read_on(&client, SIZE_MAX);
	assert_int_equal(client.received.len_bytes, 20002);
	assert_memory_equal(client.received.data, text, 20000);
	client_close(&client);
}

static void
test_a_comment_is_sent_after_silence(void **state)
{
	struct client_peer client;

	(void)state;
	client_open(&client);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(streams_next_ms(&streams),
		    turns_now_ms(&turns) + HEARTBEAT_MS);
		turn_after(HEARTBEAT_MS - 1);
		assert_received(&client, "");
		turn_after(1);
		assert_received(&client, HEARTBEAT);
	}
	client_close(&client);
	assert_true(streams_next_ms(&streams) == INT64_MAX);
}

static void
test_an_event_starts_the_silence_anew(void **state)
{
	struct client_peer client;

	(void)state;
	client_open(&client);
	turn_after(HEARTBEAT_MS - 1);
	publish(topic, "event");
	turns_settle();
	assert_received(&client, "event");
	turn_after(HEARTBEAT_MS - 1);
	assert_received(&client, "");
	turn_after(1);
	assert_received(&client, HEARTBEAT);
	client_close(&client);
}

static void
test_plain_streams_have_no_comments(void **state)
{
	struct client_peer client;

	(void)state;
	client_open_as(&client, &(struct stream_spec){ .is_plain = true });
	for (int i = 0; i < 5; i++)
		turn_after(HEARTBEAT_MS);
	assert_received(&client, "");
	/* And the loop is not kept awake for them. */
	assert_true(streams_next_ms(&streams) > turns_now_ms(&turns));
	client_close(&client);
}

static void
test_without_heartbeat_there_are_none(void **state)
{
	struct client_peer   client;
	struct stream_limits limits = streams.limits;

	(void)state;
	limits.heartbeat_ms = 0;
	streams_set_limits(&streams, &limits);
	client_open(&client);
	assert_true(streams_next_ms(&streams) == INT64_MAX);
	turn_after(HEARTBEAT_MS * 100);
	assert_received(&client, "");
	client_close(&client);
}

static void
test_a_comment_needs_room_too(void **state)
{
	struct client_peer client;

	(void)state;
	client_open(&client);
	client.room_bytes = 0;
	turn_after(HEARTBEAT_MS);
	assert_int_equal(client.want_room_count, 1);
	assert_received(&client, "");
	turn_after(STALL_MS - 1);
	assert_int_equal(client.end_count, 0);
	turn_after(1);
	assert_ended(&client, STREAM_END_STALLED);
}

/* However late the heartbeat comes round, as after a stopped process. */
static void
test_a_comment_is_not_put_into_an_event(void **state)
{
	struct client_peer client;
	struct frame      *frame;
	size_t             len_bytes = 1000000;
	char              *bytes = malloc(len_bytes);

	(void)state;
	memset(bytes, 'x', len_bytes);
	frame = frame_new(bytes, len_bytes);
	client_open(&client);
	publish_frame(topic, frame);
	frame_unref(frame);
	turns_run(&turns, hand_ms(), 1);
	assert_true(client.received.len_bytes < len_bytes);
	turn_after(HEARTBEAT_MS);
	assert_received_bytes(&client, bytes, len_bytes);
	client_close(&client);
	free(bytes);
}

static void
test_a_client_without_room_is_left_alone(void **state)
{
	struct client_peer slow, other;

	(void)state;
	client_open(&slow);
	client_open(&other);
	slow.room_bytes = 3;
	publish(topic, "one ");
	turns_settle();
	assert_int_equal(slow.want_room_count, 1);
	assert_int_equal(streams.stalled_count, 1);
	publish(topic, "two ");
	turn_after(1000);
	publish(topic, "three ");
	turn_after(1000);
	assert_int_equal(slow.want_room_count, 1);
	assert_received(&slow, "");
	assert_received(&other, "one two three ");
	client_read_on(&slow, SIZE_MAX);
	assert_received(&slow, "one two three ");
	assert_int_equal(streams.stalled_count, 0);
	client_close(&slow);
	client_close(&other);
}

static void
test_a_client_that_stops_reading_is_ended(void **state)
{
	struct client_peer client;

	(void)state;
	client_open(&client);
	client.room_bytes = 0;
	turn_after(5000);
	publish(topic, "event");
	turn_after(0);
	assert_int_equal(streams_next_ms(&streams),
	    turns_now_ms(&turns) + STALL_MS);
	turn_after(STALL_MS - 1);
	assert_int_equal(client.end_count, 0);
	turn_after(1);
	assert_ended(&client, STREAM_END_STALLED);
	assert_true(streams_next_ms(&streams) == INT64_MAX);
}

/* Each stall has the time for itself; then the silence counts again. */
static void
test_a_client_that_reads_on_is_not(void **state)
{
	struct client_peer client;

	(void)state;
	client_open(&client);
	for (int i = 0; i < 5; i++) {
		client.room_bytes = 0;
		publish(topic, "x");
		turn_after(0);
		turn_after(STALL_MS - 1);
		client_read_on(&client, SIZE_MAX);
		assert_received(&client, "x");
	}
	turn_after(HEARTBEAT_MS);
	assert_received(&client, HEARTBEAT);
	client_close(&client);
}

static void
test_a_client_that_falls_off_the_ring_is_ended(void **state)
{
	struct client_peer client;

	(void)state;
	client_open(&client);
	client.room_bytes = 0;
	publish(topic, "x");
	turns_settle();
	for (int i = 0; i < 63; i++)
		publish(topic, "x");
	assert_int_equal(client.end_count, 0);
	publish(topic, "x");
	assert_ended(&client, STREAM_END_OVERRUN);
}

/* In the middle of its call, and beside others. */
static void
test_a_client_that_is_gone_is_ended(void **state)
{
	struct client_peer clients[3];

	(void)state;
	for (size_t i = 0; i < COUNT(clients); i++) {
		client_open(&clients[i]);
	}
	clients[1].is_gone = true;
	publish(topic, "event");
	turns_settle();
	assert_ended(&clients[1], STREAM_END_WRITE_FAILED);
	assert_received(&clients[0], "event");
	assert_received(&clients[2], "event");
	assert_int_equal(streams.open_count, 2);
	clients[0].is_gone = true;
	turn_after(HEARTBEAT_MS);
	assert_ended(&clients[0], STREAM_END_WRITE_FAILED);
	assert_received(&clients[2], HEARTBEAT);
	client_close(&clients[2]);
}

static void
test_finish_delivers_what_there_is(void **state)
{
	struct client_peer client;

	(void)state;
	client_open(&client);
	publish(topic, "1 ");
	publish(topic, "2 ");
	stream_finish(client.peer.stream);
	assert_int_equal(client.end_count, 0);
	turns_settle();
	assert_int_equal(client.received.len_bytes, 4);
	assert_ended(&client, STREAM_END_COMPLETE);
}

static void
test_finish_of_a_stream_with_nothing_to_deliver(void **state)
{
	struct client_peer client;

	(void)state;
	client_open(&client);
	stream_finish(client.peer.stream);
	turns_settle();
	assert_ended(&client, STREAM_END_COMPLETE);
}

static void
test_finish_waits_for_the_head_and_for_room(void **state)
{
	struct client_peer client;

	(void)state;
	client_open_waiting(&client, &(struct stream_spec){ 0 }, 0);
	publish(topic, "1 ");
	stream_finish(client.peer.stream);
	turns_settle();
	assert_int_equal(client.end_count, 0);
	publish(topic, "2 ");
	client_read_on(&client, HEAD_BYTES);
	assert_int_equal(client.received.len_bytes, HEAD_BYTES);
	client_read_on(&client, 1000);
	assert_int_equal(client.received.len_bytes, HEAD_BYTES + 4);
	assert_ended(&client, STREAM_END_COMPLETE);

	client_open(&client);
	client.room_bytes = 0;
	publish(topic, "3 ");
	turns_settle();
	stream_finish(client.peer.stream);
	turns_settle();
	assert_int_equal(client.end_count, 0);
	client_read_on(&client, 1000);
	assert_int_equal(client.received.len_bytes, 2);
	assert_ended(&client, STREAM_END_COMPLETE);
}

static void
test_a_stream_ends_in_any_state(void **state)
{
	struct client_peer client;

	(void)state;
	for (int stage = 0; stage < 3; stage++) {
		client_open(&client);
		client.room_bytes = 0;
		if (stage > 0)
			publish(topic, "x");
		if (stage > 1)
			turns_settle();
		stream_end(client.peer.stream, STREAM_END_SHUTDOWN);
		assert_int_equal(client.release_count, 0);
		assert_int_equal(streams.open_count, 0);
		assert_int_equal(streams.stalled_count, 0);
		assert_true(streams_next_ms(&streams) == INT64_MAX);
		publish(topic, "y");
		turns_settle();
		assert_ended(&client, STREAM_END_SHUTDOWN);
	}
}

static void
test_each_reason_has_its_word_and_manner(void **state)
{
	struct client_peer client;

	(void)state;
	assert_int_equal(COUNT(end_words), STREAM_END_COUNT);
	for (int i = 0; i < STREAM_END_COUNT; i++) {
		enum stream_end end = (enum stream_end)i;

		assert_string_equal(stream_end_word(end), end_words[i]);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(end_words[i], end_words[j]);
		client_open(&client);
		stream_end(client.peer.stream, end);
		assert_int_equal(streams.totals.end_counts[i], 1);
		assert_ended(&client, end);
	}
}

static void
test_all_are_ended_at_once(void **state)
{
	struct client_peer clients[4];

	(void)state;
	for (size_t i = 0; i < COUNT(clients); i++) {
		client_open(&clients[i]);
		if (i > 1) {
			clients[i].room_bytes = 0;
			publish(topic, "x");
			turns_settle();
		}
	}
	assert_int_equal(streams.open_count, COUNT(clients));
	streams_end_all(&streams, STREAM_END_SHUTDOWN);
	assert_int_equal(streams.open_count, 0);
	assert_int_equal(streams.totals.end_counts[STREAM_END_SHUTDOWN],
	    COUNT(clients));
	for (size_t i = 0; i < COUNT(clients); i++)
		assert_ended(&clients[i], STREAM_END_SHUTDOWN);
}

/* The lines that the log has got, without their times. */
static void
assert_log(int fd, const char *expected)
{
	char    text[2048];
	ssize_t n;

	log_flush();
	n = read(fd, text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	for (char *line = text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strlen(line) >= 25)
			memmove(line, line + 25, strlen(line + 25) + 1);
	}
	assert_string_equal(text, expected);
}

static void
test_the_log_says_who_came_and_why_he_left(void **state)
{
	char               path[] = "/tmp/test_stream.XXXXXX";
	int                fd = mkstemp(path);
	struct client_peer client, other;

	(void)state;
	assert_int_equal(log_init(path, LOG_FORMAT_TEXT, LOG_LEVEL_INFO), 0);
	client_open_as(&client,
	    &(struct stream_spec){ .client = "192.0.2.1", .event_count = 2 });
	client_open_as(&other,
	    &(struct stream_spec){ .client = "2001:db8::1" });
	publish(topic, "12345");
	turns_settle();
	hand_us += 12345000;
	stream_end(client.peer.stream, STREAM_END_CLIENT_CLOSED);
	stream_end(other.peer.stream, STREAM_END_SHUTDOWN);
	assert_log(fd,
	    "info connect client=192.0.2.1 path=/test open=1\n"
	    "info connect client=2001:db8::1 path=/test open=2\n"
	    "info disconnect client=192.0.2.1 path=/test open=1 "
	    "reason=client-closed seconds=12.345 events=3 bytes=105\n"
	    "info disconnect client=2001:db8::1 path=/test open=0 "
	    "reason=shutdown seconds=12.345 events=1 bytes=105\n");
	client_close(&client);
	client_close(&other);
	close(fd);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STREAM_TEST(test_the_head_is_sent_first_and_alone),
		STREAM_TEST(test_nothing_is_sent_before_the_head),
		STREAM_TEST(test_a_head_that_nobody_reads),
		STREAM_TEST(test_a_client_that_is_gone_before_the_head),
		STREAM_TEST(test_a_long_head_goes_out_in_pieces),
		STREAM_TEST(test_a_comment_is_sent_after_silence),
		STREAM_TEST(test_an_event_starts_the_silence_anew),
		STREAM_TEST(test_plain_streams_have_no_comments),
		STREAM_TEST(test_without_heartbeat_there_are_none),
		STREAM_TEST(test_a_comment_needs_room_too),
		STREAM_TEST(test_a_comment_is_not_put_into_an_event),
		STREAM_TEST(test_a_client_without_room_is_left_alone),
		STREAM_TEST(test_a_client_that_stops_reading_is_ended),
		STREAM_TEST(test_a_client_that_reads_on_is_not),
		STREAM_TEST(test_a_client_that_falls_off_the_ring_is_ended),
		STREAM_TEST(test_a_client_that_is_gone_is_ended),
		STREAM_TEST(test_finish_delivers_what_there_is),
		STREAM_TEST(test_finish_of_a_stream_with_nothing_to_deliver),
		STREAM_TEST(test_finish_waits_for_the_head_and_for_room),
		STREAM_TEST(test_a_stream_ends_in_any_state),
		STREAM_TEST(test_each_reason_has_its_word_and_manner),
		STREAM_TEST(test_all_are_ended_at_once),
		STREAM_TEST(test_the_log_says_who_came_and_why_he_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
