/*
 * Many clients on one writer, on unix and on TCP sockets: they are written to
 * and ended in turns, stop reading, and close at any moment. Each must have
 * received its own bytes, under its own id, and nothing else.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "edge/fcgi.h"
#include "stream/peer.h"
#include "choose.h"
#include "wire.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define STEP_COUNT 10000

struct client {
	int        fd, far_fd;
	unsigned   id;
	char       letter; /* all its bytes are this one */
	size_t     written_bytes;
	struct buf received;
};

static struct fcgi  *fcgi;
static struct client clients[20];
static int           listen_fd;
static size_t        failed_count, ended_count;

static void
tcp_listen(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	listen_fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(listen_fd, (struct sockaddr *)&address,
			     sizeof(address)),
	    0);
	assert_int_equal(listen(listen_fd, 64), 0);
}

/* With buffers so small that a write is cut before long. */
static void
tcp_pair(int fds[2])
{
	struct sockaddr_in address;
	socklen_t          size = sizeof(address);
	int                bytes = 4096;

	assert_int_equal(getsockname(listen_fd, (struct sockaddr *)&address,
			     &size),
	    0);
	fds[1] = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fds[1], SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	assert_int_equal(connect(fds[1], (struct sockaddr *)&address, size), 0);
	fds[0] = accept(listen_fd, NULL, NULL);
	assert_int_not_equal(fds[0], -1);
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
}

static void
client_open(struct client *client)
{
	int fds[2];

	if (choose(2) == 0)
		tcp_pair(fds);
	else
		assert_int_equal(socketpair(AF_UNIX,
				     SOCK_STREAM | SOCK_NONBLOCK, 0, fds),
		    0);
	client->fd = fds[0];
	client->far_fd = fds[1];
	client->id = 1 + choose(65535);
	client->letter = (char)('a' + choose(26));
	client->written_bytes = 0;
}

static void
client_receive(struct client *client)
{
	char    bytes[8192];
	ssize_t n;

	while ((n = read(client->far_fd, bytes, sizeof(bytes))) > 0)
		buf_append(&client->received, bytes, (size_t)n);
}

/* What the client has had must be its own; all of it, if no write was cut. */
static void
client_close(struct client *client, bool is_whole, bool is_ended)
{
	struct buf         out = { 0 };
	struct wire_answer answer = { .out = &out };

	/* Up to the end: a socket passes on what it holds bit by bit. */
	shutdown(client->fd, SHUT_WR);
	fcntl(client->far_fd, F_SETFL, 0);
	client_receive(client);
	assert_true(wire_read(&answer, client->id, client->received.data,
	    client->received.len_bytes));
	for (size_t i = 0; i < out.len_bytes; i++)
		assert_int_equal(out.data[i], client->letter);
	assert_true(out.len_bytes <= client->written_bytes);
	if (is_whole) {
		assert_int_equal(out.len_bytes, client->written_bytes);
		assert_int_equal(answer.used_bytes, client->received.len_bytes);
		assert_int_equal(answer.is_ended, is_ended);
	}
	close(client->fd);
	close(client->far_fd);
	buf_deinit(&out);
	buf_deinit(&client->received);
}

static void
client_write(struct client *client, bool is_end)
{
	char               bytes[PEER_WRITE_BYTES_MAX];
	size_t             len_bytes = choose(sizeof(bytes));
	const struct iovec part = { bytes, len_bytes };
	struct fcgi_target target = { client->fd, (uint16_t)client->id };
	int                result;

	memset(bytes, client->letter, len_bytes);
	client->written_bytes += len_bytes;
	result = is_end ? fcgi_end(fcgi, target, bytes, len_bytes) :
			  fcgi_write(fcgi, target, &part, 1);
	if (result == 0 && !is_end)
		return;
	failed_count += result == -1;
	ended_count += result == 0;
	client_close(client, result == 0, is_end);
	client_open(client);
}

static void
client_vanish(struct client *client)
{
	client_receive(client);
	close(client->far_fd);
	client->far_fd = -1;
	for (int i = 0; i < 100 && client->far_fd == -1; i++)
		client_write(client, false);
}

static void
step(struct client *client)
{
	unsigned choice = choose(100);

	if (choice < 60)
		client_write(client, false);
	else if (choice < 90)
		client_receive(client);
	else if (choice < 98)
		client_write(client, true);
	else
		client_vanish(client);
}

static void
test_every_byte_reaches_whom_it_is_for(void **state)
{
	const char *error;

	(void)state;
	log_init("/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_DEBUG);
	fcgi = fcgi_new(&error);
	assert_non_null(fcgi);
	/* libfcgi has put handlers of its own there. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	tcp_listen();
	for (size_t i = 0; i < COUNT(clients); i++)
		client_open(&clients[i]);
	for (int i = 0; i < STEP_COUNT; i++)
		step(&clients[choose(COUNT(clients))]);
	assert_true(failed_count > 100);
	assert_true(ended_count > 100);
	for (size_t i = 0; i < COUNT(clients); i++)
		client_close(&clients[i], false, false);
	close(listen_fd);
	fcgi_free(fcgi);
	log_deinit();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte_reaches_whom_it_is_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
