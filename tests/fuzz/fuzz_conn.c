/*
 * A whole connection: what a web server sends reaches libfcgi through the
 * loop, and what comes back must be records. A subscriber beside it receives
 * what is published there, and nothing else of it. Then a good request on
 * another connection must get exactly its answer, and nothing may be left
 * open.
 *
 * The first byte says how the rest is read: 0 as the bytes themselves, in
 * pieces of the size that the second byte has, else as records, each of type,
 * id, padding, length in eights, and as much content as there is. A type of
 * 255 is a second that passes.
 */

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit/answer_check.h"
#include "../unit/engine_fixture.h"
#include "../unit/wire.h"
#include "base/buf.h"
#include "edge/conn.h"
#include "edge/fcgi.h"
#include "edge/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define TURN_COUNT 20
#define TIME_PASSES 255
#define SUBSCRIBER_ID 0x1111

static const char *const good_env[] = { "REQUEST_METHOD=GET",
	"SCRIPT_NAME=/counter", "QUERY_STRING=count=1", NULL };

static const char *const subscriber_env[] = { "REQUEST_METHOD=GET",
	"SCRIPT_NAME=/events", "QUERY_STRING=topic=chat", NULL };

/* One for all runs: what one leaves in it, the next would find. */
static struct fcgi *fcgi;

static void
require(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "not so: %s\n", what);
		abort();
	}
}

static void
start(void)
{
	const char *error;

	engine_set_up((const char *const[]){ "--status", "--public-topic",
	    "chat", "--history-events", "2", NULL });
	if (fcgi == NULL) {
		fcgi = fcgi_new(&error);
		require(fcgi != NULL, error);
		signal(SIGPIPE, SIG_IGN);
		signal(SIGTERM, SIG_DFL);
		signal(SIGUSR1, SIG_DFL);
	}
	engine.conns.fcgi = fcgi;
}

static void
turn(int count)
{
	while (count-- > 0)
		uv_run(&engine.loop, UV_RUN_NOWAIT);
}

/* Returns the web server's end. */
static int
connect_to_engine(void)
{
	int fds[2];

	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		    0, fds) == 0,
	    "a socket pair");
	require(conn_new(&engine.conns, fds[0], true) == 0, "a connection");
	return fds[1];
}

static void
receive(int fd, struct buf *bytes)
{
	char    read_bytes[16384];
	ssize_t n;

	while ((n = read(fd, read_bytes, sizeof(read_bytes))) > 0)
		buf_append(bytes, read_bytes, (size_t)n);
}

/* Whatever is not taken, since the connection has been closed, is lost. */
static void
pass(int fd, struct buf *received, const void *bytes, size_t len_bytes)
{
	const char *next = bytes;
	ssize_t     n;

	for (int tries = 0; len_bytes > 0 && tries < TURN_COUNT; tries++) {
		n = write(fd, next, len_bytes);
		if (n > 0) {
			next += n;
			len_bytes -= (size_t)n;
		}
		turn(1);
		receive(fd, received);
	}
}

static void
pass_pieces(int fd, struct buf *received, const uint8_t *data, size_t size)
{
	size_t piece_bytes = size < 1 || data[0] == 0 ? SIZE_MAX : data[0];

	for (size_t at = 1; at < size; at += piece_bytes) {
		if (piece_bytes > size - at)
			piece_bytes = size - at;
		pass(fd, received, data + at, piece_bytes);
	}
}

static void
pass_records(int fd, struct buf *received, const uint8_t *data, size_t size)
{
	struct buf record = { 0 };
	size_t     at = 0, len_bytes;

	while (size - at >= 4) {
		const uint8_t *head = data + at;

		at += 4;
		if (head[0] == TIME_PASSES) {
			engine_hand_us += 1000000;
			engine_wall_ms += 1000;
			turn(2);
			continue;
		}
		len_bytes = (size_t)head[3] * 8;
		if (len_bytes > size - at)
			len_bytes = size - at;
		record.len_bytes = 0;
		wire_record(&record, head[0], head[1], data + at, len_bytes,
		    head[2]);
		at += len_bytes;
		pass(fd, received, record.data, record.len_bytes);
	}
	buf_deinit(&record);
}

/* Records of an application, each whole. */
static void
check_records(const struct buf *received)
{
	const unsigned char *bytes = (const unsigned char *)received->data;
	size_t               at = 0;

	while (at < received->len_bytes) {
		const unsigned char *head = bytes + at;

		require(received->len_bytes - at >= 8, "a whole head");
		require(head[0] == 1, "version 1");
		require(head[1] == RECORD_STDOUT ||
			head[1] == RECORD_END_REQUEST ||
			head[1] == RECORD_GET_VALUES_RESULT ||
			head[1] == RECORD_UNKNOWN_TYPE,
		    "a type that an application sends");
		at += 8 + (size_t)(head[4] << 8 | head[5]) + head[6];
		require(at <= received->len_bytes, "a whole record");
	}
}

/* A subscriber to what everybody may publish. */
static int
subscribe(void)
{
	struct buf bytes = { 0 };
	int        fd = connect_to_engine();

	wire_request(&bytes, SUBSCRIBER_ID, 0, subscriber_env, "");
	require(write(fd, bytes.data, bytes.len_bytes) ==
		(ssize_t)bytes.len_bytes,
	    "the subscription is taken");
	buf_deinit(&bytes);
	turn(TURN_COUNT);
	return fd;
}

/* It has the head, and whole events of what was published. */
static void
check_subscriber(int fd)
{
	struct buf         bytes = { 0 }, out = { 0 };
	struct wire_answer answer = { .out = &out };
	const char        *problem;

	receive(fd, &bytes);
	require(wire_read(&answer, SUBSCRIBER_ID, bytes.data,
		    bytes.len_bytes) &&
		answer.used_bytes == bytes.len_bytes && !answer.is_ended,
	    "the subscriber has records of its own");
	problem = answer_problem(out.data, out.len_bytes, false);
	require(problem == NULL, problem);
	close(fd);
	buf_deinit(&bytes);
	buf_deinit(&out);
}

static void
check_good_request(void)
{
	struct buf           bytes = { 0 }, out = { 0 };
	struct wire_answer   answer = { .out = &out };
	struct engine_answer expected = engine_answer(&(struct engine_request){
	    .env = (char *const *)good_env });
	int                  fd = connect_to_engine();

	wire_request(&bytes, 0x4321, 0, good_env, "");
	require(write(fd, bytes.data, bytes.len_bytes) ==
		(ssize_t)bytes.len_bytes,
	    "the request is taken");
	bytes.len_bytes = 0;
	turn(TURN_COUNT);
	receive(fd, &bytes);
	require(wire_read(&answer, 0x4321, bytes.data, bytes.len_bytes) &&
		answer.used_bytes == bytes.len_bytes && answer.is_ended &&
		answer.status == RECORD_REQUEST_COMPLETE,
	    "a good request is answered");
	require(out.len_bytes == expected.len_bytes &&
		memcmp(out.data, expected.bytes, out.len_bytes) == 0,
	    "a good request gets its own answer");
	close(fd);
	engine_answer_free(&expected);
	buf_deinit(&bytes);
	buf_deinit(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf received = { 0 };
	int        fd, subscriber_fd;

	if (size < 2)
		return 0;
	start();
	subscriber_fd = subscribe();
	fd = connect_to_engine();
	if (data[0] == 0)
		pass_pieces(fd, &received, data + 1, size - 1);
	else
		pass_records(fd, &received, data + 1, size - 1);
	turn(TURN_COUNT);
	receive(fd, &received);
	check_good_request();
	receive(fd, &received);
	check_records(&received);
	check_subscriber(subscriber_fd);
	close(fd);
	turn(TURN_COUNT);
	require(engine.conns.open_count == 0, "no connection is left");
	require(engine.conns.pool.bytes == 0, "no buffer is left");
	require(engine.streams.open_count == 0, "no stream is left");
	engine_tear_down();
	buf_deinit(&received);
	return 0;
}
