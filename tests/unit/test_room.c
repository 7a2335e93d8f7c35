/*
 * Readers that stop, and read on now and then: while room_has says yes, no
 * write is ever cut.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "edge/room.h"
#include "stream/peer.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Head and padding of the record that a write becomes. */
#define RECORD_BYTES_MAX 15

#define SEND_BUFFER_BYTES_MIN (64 * 1024)

enum kind { UNIX, TCP };

static char filler[PEER_WRITE_BYTES_MAX + RECORD_BYTES_MAX];

static void
tcp_pair(int fds[2])
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t          size = sizeof(address);
	int                listen_fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	assert_int_equal(bind(listen_fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(listen_fd, 1), 0);
	getsockname(listen_fd, (struct sockaddr *)&address, &size);
	fds[1] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fds[1], (struct sockaddr *)&address, size), 0);
	fds[0] = accept(listen_fd, NULL, NULL);
	assert_int_not_equal(fds[0], -1);
	setsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	close(listen_fd);
}

/* fds[0] has a send buffer of so many bytes, as the system counts; 0: its own.
 */
static void
pair_open(int fds[2], enum kind kind, int buffer_bytes)
{
	int half_bytes = buffer_bytes / 2;

	if (kind == TCP)
		tcp_pair(fds);
	else
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	if (buffer_bytes > 0)
		setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &half_bytes,
		    sizeof(half_bytes));
}

static void
pair_close(const int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

static int
send_buffer_bytes(int fd)
{
	int       bytes = 0;
	socklen_t size = sizeof(bytes);

	getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, &size);
	return bytes;
}

static void
test_small_send_buffers_are_raised(void **state)
{
	static const int sizes[] = { 4608, 16384, 32768, 65534 };
	struct room      room;
	int              fds[2];

	(void)state;
	for (enum kind kind = UNIX; kind <= TCP; kind++) {
		for (size_t i = 0; i < COUNT(sizes); i++) {
			pair_open(fds, kind, sizes[i]);
			assert_int_equal(send_buffer_bytes(fds[0]), sizes[i]);
			room_init(&room, fds[0], kind == UNIX);
			assert_true(send_buffer_bytes(fds[0]) >=
			    SEND_BUFFER_BYTES_MIN);
			pair_close(fds);
		}
	}
}

static void
test_large_send_buffers_stay(void **state)
{
	struct room room;
	int         fds[2], bytes;

	(void)state;
	for (enum kind kind = UNIX; kind <= TCP; kind++) {
		pair_open(fds, kind, 300000);
		bytes = send_buffer_bytes(fds[0]);
		room_init(&room, fds[0], kind == UNIX);
		assert_int_equal(send_buffer_bytes(fds[0]), bytes);
		pair_close(fds);
	}
}

/* Writes while there is room; returns how many bytes that were. */
static size_t
fill(struct room *room, int fd, size_t len_bytes)
{
	size_t  record_bytes = (8 + len_bytes + 7) / 8 * 8, sum = 0;
	ssize_t n;

	while (room_has(room, fd, len_bytes)) {
		room_use(room, len_bytes);
		n = write(fd, filler, record_bytes);
		if (n != (ssize_t)record_bytes)
			fail_msg("after %zu bytes a write of %zu gave %zd", sum,
			    record_bytes, n);
		sum += record_bytes;
	}
	return sum;
}

/* Reads so many bytes, which have been written. */
static void
drain(int fd, size_t len_bytes)
{
	static char   bytes[65536];
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	size_t        want;
	ssize_t       n;

	while (len_bytes > 0) {
		assert_int_equal(poll(&pollfd, 1, 5000), 1);
		want = len_bytes < sizeof(bytes) ? len_bytes : sizeof(bytes);
		n = read(fd, bytes, want);
		assert_true(n > 0);
		len_bytes -= (size_t)n;
	}
}

/* The reader stops, reads a part, stops again, and reads the rest. */
static void
check_pair(const int fds[2], enum kind kind, size_t len_bytes)
{
	static const size_t parts[] = { 1, 10000, 60000, 150000, 20 };
	struct room         room;
	size_t              unread_bytes, part_bytes;

	room_init(&room, fds[0], kind == UNIX);
	unread_bytes = fill(&room, fds[0], len_bytes);
	assert_true(unread_bytes > 0);
	for (size_t i = 0; i < COUNT(parts); i++) {
		part_bytes = parts[i] < unread_bytes ? parts[i] : unread_bytes;
		drain(fds[1], part_bytes);
		unread_bytes -= part_bytes;
		unread_bytes += fill(&room, fds[0], len_bytes);
	}
	drain(fds[1], unread_bytes);
	assert_true(fill(&room, fds[0], len_bytes) > 0);
}

static void
check_kind(enum kind kind, int buffer_bytes)
{
	static const size_t lengths[] = { 0, 1, 20, 100, 776, 1800, 4000,
		8000 };
	int                 fds[2];

	for (size_t i = 0; i < COUNT(lengths); i++) {
		pair_open(fds, kind, buffer_bytes);
		check_pair(fds, kind, lengths[i]);
		pair_close(fds);
	}
}

static void
test_no_write_to_a_unix_socket_is_cut(void **state)
{
	(void)state;
	check_kind(UNIX, 0);
}

static void
test_no_write_to_a_tcp_socket_is_cut(void **state)
{
	(void)state;
	check_kind(TCP, 0);
}

/* Whatever the system's default is: net.core.wmem_default may be less. */
static void
test_no_write_to_a_unix_socket_with_a_small_buffer_is_cut(void **state)
{
	static const int sizes[] = { 4608, 65536, 100000, 131072, 170000 };

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++)
		check_kind(UNIX, sizes[i]);
}

static void
test_no_write_to_a_tcp_socket_with_a_small_buffer_is_cut(void **state)
{
	static const int sizes[] = { 4608, 65536, 100000 };

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++)
		check_kind(TCP, sizes[i]);
}

/* Writes of all lengths share what room there is. */
static void
test_writes_of_many_lengths(void **state)
{
	struct room room;
	int         fds[2];

	(void)state;
	for (enum kind kind = UNIX; kind <= TCP; kind++) {
		unsigned seed = 1;
		size_t   len_bytes, record_bytes, unread_bytes = 0;

		pair_open(fds, kind, 0);
		room_init(&room, fds[0], kind == UNIX);
		for (int i = 0; i < 3000; i++) {
			seed = seed * 1103515245 + 12345;
			len_bytes = (seed >> 16) % (PEER_WRITE_BYTES_MAX + 1);
			if (i % 3 > 0)
				len_bytes %= 100;
			record_bytes = (8 + len_bytes + 7) / 8 * 8;
			if (!room_has(&room, fds[0], len_bytes)) {
				drain(fds[1], unread_bytes / 2);
				unread_bytes -= unread_bytes / 2;
				continue;
			}
			room_use(&room, len_bytes);
			assert_int_equal(write(fds[0], filler, record_bytes),
			    record_bytes);
			unread_bytes += record_bytes;
		}
		pair_close(fds);
	}
}

static void
test_there_is_no_room_on_a_full_socket(void **state)
{
	struct room room;
	int         fds[2];
	size_t      unread_bytes;
	ssize_t     n;

	(void)state;
	pair_open(fds, UNIX, 0);
	room_init(&room, fds[0], true);
	unread_bytes = fill(&room, fds[0], 0);
	while ((n = write(fds[0], filler, 4096)) > 0)
		unread_bytes += (size_t)n;
	assert_false(room_has(&room, fds[0], 1));
	assert_false(room_has(&room, fds[0], 0));
	drain(fds[1], unread_bytes);
	assert_true(room_has(&room, fds[0], PEER_WRITE_BYTES_MAX));
	pair_close(fds);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_send_buffers_are_raised),
		cmocka_unit_test(test_large_send_buffers_stay),
		cmocka_unit_test(test_no_write_to_a_unix_socket_is_cut),
		cmocka_unit_test(test_no_write_to_a_tcp_socket_is_cut),
		cmocka_unit_test(
		    test_no_write_to_a_unix_socket_with_a_small_buffer_is_cut),
		cmocka_unit_test(
		    test_no_write_to_a_tcp_socket_with_a_small_buffer_is_cut),
		cmocka_unit_test(test_writes_of_many_lengths),
		cmocka_unit_test(test_there_is_no_room_on_a_full_socket),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
