#ifndef STREAM_FIXTURE_H
#define STREAM_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "stream/peer.h"
#include "stream/streams.h"
#include "topic_fixture.h"

#define HEARTBEAT_MS 15000
#define STALL_MS 30000
#define HEARTBEAT ":\n"

/* The head of a stream, 100 bytes. */
#define HEAD                                                    \
	"Status: 200 OK\r\nContent-Type: text/event-stream\r\n" \
	"Cache-Control: no-cache, no-store\r\nX: 123456789\r\n\r\n"
#define HEAD_BYTES (sizeof(HEAD) - 1)

/* All streams of a test, and the topic that they follow. */
extern struct streams streams;
extern struct topic  *topic;

/* A client that takes what it is written, as long as it has room. */
struct client_peer {
	struct peer peer;
	struct buf  received;
	size_t      room_bytes; /* SIZE_MAX: it reads all at once */
	bool        is_gone;    /* writes fail */
	size_t      write_count;
	size_t      write_bytes_max; /* of the largest write */
	size_t      want_room_count;
	size_t      end_count;
	bool        is_polite; /* how it was ended */
	size_t      release_count;
};

/* A test with a hub, a topic of 64 frames, and no stream. */
#define STREAM_TEST(name) \
	cmocka_unit_test_setup_teardown(name, stream_set_up, stream_tear_down)

int stream_set_up(void **state);
int stream_tear_down(void **state);

/* Opens a stream to the client, which is new and has received the head. */
void client_open(struct client_peer *);

/* The same for a stream that is to be so. */
void client_open_as(struct client_peer *, const struct stream_spec *);

/* The same for a client with so much room; the head may wait. */
void client_open_waiting(struct client_peer *, const struct stream_spec *,
    size_t room_bytes);

/* There is room again, and the stream is told so if it has asked. */
void client_read_on(struct client_peer *, size_t room_bytes);

/* A turn of the loop, so many ms later: all that is due, and deliveries. */
void turn_after(int64_t ms);

/* The client has received this since it was last asked. */
void assert_received(struct client_peer *, const char *text);
void assert_received_bytes(struct client_peer *, const char *, size_t);

/* The stream has ended, this way; what is left of it is freed. */
void assert_ended(struct client_peer *, enum stream_end);

/* Ends it if it has not ended. */
void client_close(struct client_peer *);

#endif
