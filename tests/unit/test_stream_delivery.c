#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "choose.h"
#include "stream_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Publishes so many bytes that repeat nowhere, and adds them to all. */
static void
publish_bytes(struct buf *all, size_t len_bytes)
{
	struct frame *frame;
	char         *bytes = malloc(len_bytes + 1);

	for (size_t i = 0; i < len_bytes; i++)
		bytes[i] = (char)choose(256);
	frame = frame_new(bytes, len_bytes);
	publish_frame(topic, frame);
	frame_unref(frame);
	buf_append(all, bytes, len_bytes);
	free(bytes);
}

static void
test_a_long_event_is_sent_in_pieces(void **state)
{
	static const size_t lengths[] = { 7999, 8000, 8001, 16000, 16001,
		100000, 1048576 };
	struct client_peer  client;
	struct buf          all = { 0 };

	(void)state;
	client_open(&client);
	for (size_t i = 0; i < COUNT(lengths); i++) {
		all.len_bytes = 0;
		client.write_count = 0;
		publish_bytes(&all, lengths[i]);
		turns_settle();
		assert_received_bytes(&client, all.data, all.len_bytes);
		assert_int_equal(client.write_count,
		    (lengths[i] + PEER_WRITE_BYTES_MAX - 1) /
			PEER_WRITE_BYTES_MAX);
	}
	assert_int_equal(client.write_bytes_max, PEER_WRITE_BYTES_MAX);
	client_close(&client);
	buf_deinit(&all);
}

static void
test_many_short_events_leave_in_one_write(void **state)
{
	struct client_peer client;
	struct buf         all = { 0 };

	(void)state;
	client_open(&client);
	for (int i = 0; i < 50; i++)
		publish_bytes(&all, 10);
	turns_settle();
	assert_int_equal(client.write_count, 1);
	assert_received_bytes(&client, all.data, all.len_bytes);
	client_close(&client);
	buf_deinit(&all);
}

static void
test_events_of_any_length_one_after_the_other(void **state)
{
	static const unsigned lengths[] = { 1, 2, 10, 100, 7990, 7999, 8000,
		8001, 9000, 16000, 30000 };
	struct client_peer    client;
	struct buf            all = { 0 };

	(void)state;
	client_open(&client);
	for (int round = 0; round < 300; round++) {
		all.len_bytes = 0;
		for (unsigned i = choose(20); i > 0; i--)
			publish_bytes(&all, lengths[choose(COUNT(lengths))]);
		turns_settle();
		assert_received_bytes(&client, all.data, all.len_bytes);
	}
	client_close(&client);
	buf_deinit(&all);
}

/* An event of no bytes passes by, and holds up nothing. */
static void
test_an_empty_frame(void **state)
{
	struct client_peer client;

	(void)state;
	client_open(&client);
	publish(topic, "1");
	publish(topic, "");
	publish(topic, "2");
	turns_settle();
	assert_received(&client, "12");
	client_close(&client);
}

/* Stalls wherever the room ends, and goes on at that byte. */
static void
test_a_client_that_reads_in_parts(void **state)
{
	static const unsigned lengths[] = { 1, 100, 5000, 8000, 20000 };
	struct client_peer    client;
	struct buf            all = { 0 };
	int64_t               steps = 0;

	(void)state;
	client_open(&client);
	for (int round = 0; round < 200; round++) {
		client.room_bytes = choose(20000);
		for (unsigned i = choose(10); i > 0; i--)
			publish_bytes(&all, lengths[choose(COUNT(lengths))]);
		turns_settle();
		while (client.received.len_bytes < all.len_bytes) {
			assert_int_equal(client.end_count, 0);
			assert_int_equal(client.want_room_count, 1);
			client_read_on(&client, choose(20000));
			steps++;
		}
		assert_received_bytes(&client, all.data, all.len_bytes);
		all.len_bytes = 0;
		client_read_on(&client, SIZE_MAX);
	}
	assert_true(steps > 200);
	client_close(&client);
	buf_deinit(&all);
}

static void
test_a_long_event_holds_up_nobody(void **state)
{
	struct client_peer first, second;
	struct buf         all = { 0 };

	(void)state;
	client_open(&first);
	client_open(&second);
	publish_bytes(&all, 4000000);
	turns_run(&turns, hand_ms(), 1);
	assert_in_range(first.write_count, 1, 64);
	assert_int_equal(second.write_count, 0);
	turns_run(&turns, hand_ms(), 1);
	assert_in_range(second.write_count, 1, 64);
	turns_settle();
	assert_received_bytes(&first, all.data, all.len_bytes);
	assert_received_bytes(&second, all.data, all.len_bytes);
	client_close(&first);
	client_close(&second);
	buf_deinit(&all);
}

/* The rest of the event that it was in the middle of is gone. */
static void
test_overrun_in_the_middle_of_an_event(void **state)
{
	struct client_peer client;
	struct buf         all = { 0 };

	(void)state;
	client_open(&client);
	client.room_bytes = 20000;
	publish_bytes(&all, 100000);
	turns_settle();
	assert_int_equal(client.received.len_bytes, 16000);
	assert_memory_equal(client.received.data, all.data, 16000);
	for (int i = 0; i < 64; i++)
		publish(topic, "x");
	assert_ended(&client, STREAM_END_OVERRUN);
	buf_deinit(&all);
}

static bool
accepts_public(const struct cursor *cursor, const struct update *update)
{
	(void)cursor;
	return !update->is_private;
}

/* The frame is the caller's too. */
static struct frame *
publish_private(void)
{
	const char         *names[] = { "t" };
	const struct update update = {
		.topics = names,
		.topic_count = 1,
		.is_private = true,
		.bytes = "s",
		.len_bytes = 1,
	};
	struct frame *frame = frame_new_update(&update, "id");

	frame_topics(frame)[0] = names[0];
	publish_frame(topic, frame);
	turns_settle();
	return frame;
}

/* More than the topic keeps. */
static void
publish_many_private(void)
{
	for (int i = 0; i < 200; i++)
		frame_unref(publish_private());
}

/* Nor does it learn how many others were sent while it read nothing. */
static void
test_private_updates_of_others_end_no_stalled_stream(void **state)
{
	struct client_peer       heads[2], beaten;
	const struct stream_spec spec = { .accepts = accepts_public };

	(void)state;
	client_open_waiting(&heads[0], &spec, 0);
	client_open_waiting(&heads[1],
	    &(struct stream_spec){
		.accepts = accepts_public,
		.padding_bytes = 20000,
	    },
	    9000);
	client_open_as(&beaten, &spec);
	beaten.room_bytes = 0;
	turn_after(HEARTBEAT_MS);
	assert_int_equal(streams.stalled_count, 3);
	publish_many_private();
	turn_after(0);
	assert_int_equal(streams.stalled_count, 3);
	assert_int_equal(streams.open_count, 3);
	publish(topic, "x");
	turns_settle();
	client_read_on(&heads[0], SIZE_MAX);
	client_read_on(&beaten, SIZE_MAX);
	assert_received(&heads[0], HEAD "x");
	assert_received(&beaten, "x");
	client_read_on(&heads[1], SIZE_MAX);
	assert_int_equal(heads[1]
			     .received.data[heads[1].received.len_bytes - 1],
	    'x');
	client_close(&heads[0]);
	client_close(&heads[1]);
	client_close(&beaten);
}

/* By what it may have it is: the oldest of that is gone. */
static void
test_private_updates_are_no_shelter(void **state)
{
	struct client_peer client;

	(void)state;
	client_open_as(&client,
	    &(struct stream_spec){ .accepts = accepts_public });
	client.room_bytes = 0;
	publish_many_private();
	publish(topic, "x");
	turns_settle();
	publish_many_private();
	assert_ended(&client, STREAM_END_OVERRUN);
}

/* One that is dropped alone, as by a pattern, is no loss to it either. */
static void
test_private_update_that_is_removed(void **state)
{
	struct client_peer client;
	struct frame *private, *public = frame_new("y", 1);

	(void)state;
	client_open_as(&client,
	    &(struct stream_spec){ .accepts = accepts_public });
	client.room_bytes = 0;
	publish(topic, "x");
	private = publish_private();
	publish_frame(topic, public);
	turns_settle();
	topic_remove(topic, private);
	assert_int_equal(client.end_count, 0);
	topic_remove(topic, public);
	assert_ended(&client, STREAM_END_OVERRUN);
	frame_unref(private);
	frame_unref(public);
}

/* One that is gone hides no loss of an older one. */
static void
test_private_update_that_is_removed_first(void **state)
{
	struct client_peer client;
	struct frame *private;

	(void)state;
	client_open_as(&client,
	    &(struct stream_spec){ .accepts = accepts_public });
	client.room_bytes = 0;
	publish(topic, "x");
	private = publish_private();
	topic_remove(topic, private);
	frame_unref(private);
	topic_drop_oldest(topic);
	assert_ended(&client, STREAM_END_OVERRUN);
}

/* It has as much time to read as without them. */
static void
test_private_updates_of_others_give_no_time(void **state)
{
	struct client_peer client;

	(void)state;
	client_open_as(&client,
	    &(struct stream_spec){ .accepts = accepts_public });
	client.room_bytes = 0;
	turn_after(HEARTBEAT_MS);
	turn_after(STALL_MS - 1);
	publish_many_private();
	turn_after(0);
	assert_int_equal(client.end_count, 0);
	turn_after(1);
	assert_ended(&client, STREAM_END_STALLED);
}

static void
test_finish_in_the_middle_of_an_event(void **state)
{
	struct client_peer client;
	struct buf         all = { 0 };

	(void)state;
	client_open(&client);
	publish_bytes(&all, 1000000);
	turns_run(&turns, hand_ms(), 1);
	stream_finish(client.peer.stream);
	turns_settle();
	assert_int_equal(client.received.len_bytes, all.len_bytes);
	assert_memory_equal(client.received.data, all.data, all.len_bytes);
	assert_ended(&client, STREAM_END_COMPLETE);
	buf_deinit(&all);
}

static void
test_events_and_bytes_are_counted(void **state)
{
	struct client_peer client;
	struct buf         all = { 0 };

	(void)state;
	client_open(&client);
	memset(&streams.totals, 0, sizeof(streams.totals));
	publish_bytes(&all, 20000);
	publish_bytes(&all, 10);
	publish_bytes(&all, 10);
	turns_settle();
	assert_int_equal(streams.totals.event_count, 3);
	assert_int_equal(streams.totals.byte_count, 20020);
	turn_after(HEARTBEAT_MS);
	assert_int_equal(streams.totals.event_count, 3);
	assert_int_equal(streams.totals.byte_count, 20022);
	client_close(&client);
	buf_deinit(&all);
}

/* The comment that a padding of so many bytes is. */
static void
append_comment(struct buf *all, size_t padding_bytes)
{
	for (size_t i = 0; i <= padding_bytes; i++)
		buf_append(all, ":", 1);
	buf_append(all, "\n", 1);
}

static void
test_padding_is_one_comment_behind_the_head(void **state)
{
	static const unsigned paddings[] = { 1, 511, 512, 513, 7679, 7680, 7681,
		8000, 65536, 131072 };
	struct client_peer    client;
	struct buf            all = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(paddings); i++) {
		all.len_bytes = 0;
		buf_append(&all, HEAD, HEAD_BYTES);
		append_comment(&all, paddings[i]);
		client_open_waiting(&client,
		    &(struct stream_spec){ .padding_bytes = paddings[i] },
		    SIZE_MAX);
		assert_received_bytes(&client, all.data, all.len_bytes);
		assert_true(client.write_bytes_max <= PEER_WRITE_BYTES_MAX);
		all.len_bytes = 0;
		publish_bytes(&all, 10);
		turns_settle();
		assert_received_bytes(&client, all.data, all.len_bytes);
		client_close(&client);
	}
	buf_deinit(&all);
}

static void
test_padding_of_a_client_that_reads_in_parts(void **state)
{
	struct client_peer client;
	struct buf         all = { 0 };

	(void)state;
	buf_append(&all, HEAD, HEAD_BYTES);
	append_comment(&all, 100000);
	client_open_waiting(&client,
	    &(struct stream_spec){ .padding_bytes = 100000 }, 0);
	publish_bytes(&all, 10);
	for (int i = 0; i < 20; i++) {
		turns_settle();
		client_read_on(&client, 1 + choose(9000));
		/* A heartbeat would be within the comment. */
		turn_after(HEARTBEAT_MS);
	}
	client_read_on(&client, SIZE_MAX);
	turns_settle();
	assert_received_bytes(&client, all.data, all.len_bytes);
	client_close(&client);
	buf_deinit(&all);
}

static void
test_plain_text_has_no_padding(void **state)
{
	struct client_peer client;

	(void)state;
	client_open_waiting(&client,
	    &(struct stream_spec){ .padding_bytes = 10, .is_plain = true },
	    SIZE_MAX);
	assert_received(&client, HEAD);
	client_close(&client);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STREAM_TEST(test_a_long_event_is_sent_in_pieces),
		STREAM_TEST(test_many_short_events_leave_in_one_write),
		STREAM_TEST(test_events_of_any_length_one_after_the_other),
		STREAM_TEST(test_an_empty_frame),
		STREAM_TEST(test_a_client_that_reads_in_parts),
		STREAM_TEST(test_a_long_event_holds_up_nobody),
		STREAM_TEST(test_overrun_in_the_middle_of_an_event),
		STREAM_TEST(
		    test_private_updates_of_others_end_no_stalled_stream),
		STREAM_TEST(test_private_updates_are_no_shelter),
		STREAM_TEST(test_private_update_that_is_removed),
		STREAM_TEST(test_private_update_that_is_removed_first),
		STREAM_TEST(test_private_updates_of_others_give_no_time),
		STREAM_TEST(test_finish_in_the_middle_of_an_event),
		STREAM_TEST(test_events_and_bytes_are_counted),
		STREAM_TEST(test_padding_is_one_comment_behind_the_head),
		STREAM_TEST(test_padding_of_a_client_that_reads_in_parts),
		STREAM_TEST(test_plain_text_has_no_padding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
