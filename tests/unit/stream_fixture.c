#include "stream_fixture.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#define FRAMES_KEPT 64

struct streams streams;
struct topic  *topic;

static const struct {
	bool is_polite;
} ends[] = {
#define STREAM_END(name, word, is_polite, meaning) { is_polite },
#include "stream/stream_end.def"
#undef STREAM_END
};

static struct client_peer *
client_of(struct peer *peer)
{
	struct client_peer *client = list_entry(peer, struct client_peer, peer);

	/* An ended stream leaves its peer alone. */
	assert_int_equal(client->end_count, 0);
	return client;
}

static bool
on_has_room(struct peer *peer, size_t len_bytes)
{
	assert_true(len_bytes <= PEER_WRITE_BYTES_MAX);
	return client_of(peer)->room_bytes >= len_bytes;
}

static int
on_write(struct peer *peer, const struct iovec *parts, int count)
{
	struct client_peer *client = client_of(peer);
	size_t              len_bytes = 0;

	if (client->is_gone)
		return -1;
	for (int i = 0; i < count; i++) {
		buf_append(&client->received, parts[i].iov_base,
		    parts[i].iov_len);
		len_bytes += parts[i].iov_len;
	}
	/* Only as much as there was room for. */
	assert_true(len_bytes <= client->room_bytes);
	assert_true(len_bytes > 0);
	if (client->room_bytes != SIZE_MAX)
		client->room_bytes -= len_bytes;
	if (len_bytes > client->write_bytes_max)
		client->write_bytes_max = len_bytes;
	client->write_count++;
	return 0;
}

static void
on_want_room(struct peer *peer)
{
	client_of(peer)->want_room_count++;
}

static void
on_end(struct peer *peer, bool is_polite)
{
	struct client_peer *client = client_of(peer);

	assert_null(peer->stream);
	client->end_count++;
	client->is_polite = is_polite;
}

static const struct peer_ops client_ops = {
	.has_room = on_has_room,
	.write = on_write,
	.want_room = on_want_room,
	.end = on_end,
};

int
stream_set_up(void **state)
{
	const struct stream_limits limits = {
		.count_max = SIZE_MAX,
		.heartbeat_ms = HEARTBEAT_MS,
		.stall_timeout_ms = STALL_MS,
	};

	if (topic_set_up(state) == -1)
		return -1;
	streams_init(&streams, &turns, &limits);
	topic = topic_keeping(FRAMES_KEPT, 0);
	return 0;
}

int
stream_tear_down(void **state)
{
	if (streams.open_count > 0)
		return -1;
	streams_reap(&streams);
	streams_deinit(&streams);
	turns_settle();
	topic_free(topic);
	return topic_tear_down(state);
}

static void
on_release(void *arg)
{
	struct client_peer *client = arg;

	assert_int_equal(client->end_count, 1);
	client->release_count++;
}

void
client_open_waiting(struct client_peer *client, const struct stream_spec *spec,
    size_t room_bytes)
{
	struct stream_spec own = *spec;
	struct buf         head = { 0 };

	memset(client, 0, sizeof(*client));
	client->peer.ops = &client_ops;
	client->room_bytes = room_bytes;
	own.path = "/test";
	own.topics = &topic;
	own.topic_count = 1;
	if (own.position == 0)
		own.position = CURSOR_FROM_NOW;
	own.release = on_release;
	own.arg = client;
	buf_append_str(&head, HEAD);
	stream_open(&streams, &own, &client->peer, &head);
}

void
client_open_as(struct client_peer *client, const struct stream_spec *spec)
{
	client_open_waiting(client, spec, SIZE_MAX);
	assert_received(client, HEAD);
	client->write_count = 0;
	client->write_bytes_max = 0;
	turns_settle();
}

void
client_open(struct client_peer *client)
{
	client_open_as(client, &(struct stream_spec){ .client = "192.0.2.1" });
}

void
client_read_on(struct client_peer *client, size_t room_bytes)
{
	client->room_bytes = room_bytes;
	if (client->want_room_count > 0 && client->end_count == 0) {
		client->want_room_count = 0;
		stream_resume(client->peer.stream);
		turns_settle();
	}
}

void
turn_after(int64_t ms)
{
	hand_us += ms * 1000;
	streams_run(&streams);
	turns_settle();
	streams_reap(&streams);
}

void
assert_received_bytes(struct client_peer *client, const char *bytes,
    size_t len_bytes)
{
	assert_int_equal(client->received.len_bytes, len_bytes);
	if (len_bytes > 0)
		assert_memory_equal(client->received.data, bytes, len_bytes);
	buf_deinit(&client->received);
}

void
assert_received(struct client_peer *client, const char *text)
{
	assert_received_bytes(client, text, strlen(text));
}

void
assert_ended(struct client_peer *client, enum stream_end end)
{
	assert_int_equal(client->end_count, 1);
	assert_int_equal(client->is_polite, ends[end].is_polite);
	assert_true(streams.totals.end_counts[end] > 0);
	streams.totals.end_counts[end]--;
	streams_reap(&streams);
	assert_int_equal(client->release_count, 1);
	buf_deinit(&client->received);
}

void
client_close(struct client_peer *client)
{
	if (client->end_count == 0)
		stream_end(client->peer.stream, STREAM_END_CLIENT_CLOSED);
	streams_reap(&streams);
	buf_deinit(&client->received);
}
