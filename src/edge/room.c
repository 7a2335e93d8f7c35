#include "edge/room.h"

#include <poll.h>
#include <sys/socket.h>

/*
 * Measured against readers that stop: with these no write was ever cut. The
 * kernel charges a buffer for more than the bytes, hence the overheads. A unix
 * socket has room for three quarters of its buffer, 208 KiB unless it was
 * changed, when it says POLLOUT.
 */
#define UNIX_CREDIT_BYTES 150000
#define UNIX_CREDIT_PERCENT 70
#define UNIX_OVERHEAD_BYTES 1024
#define TCP_CREDIT_DIVISOR 4
#define TCP_OVERHEAD_BYTES 2048

/* As getsockopt gives it: twice what setsockopt was told. */
#define SEND_BUFFER_BYTES_MIN (64 * 1024)

static int
send_buffer_bytes(int fd)
{
	int       bytes = 0;
	socklen_t size = sizeof(bytes);

	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, &size) == -1)
		return SEND_BUFFER_BYTES_MIN;
	return bytes;
}

/* What may be written behind a poll that says POLLOUT. */
static int
full_credit_bytes(const struct room *room, int fd)
{
	int bytes = send_buffer_bytes(fd);

	if (!room->is_unix)
		return bytes / TCP_CREDIT_DIVISOR;
	bytes = (int)((long long)bytes * UNIX_CREDIT_PERCENT / 100);
	return bytes < UNIX_CREDIT_BYTES ? bytes : UNIX_CREDIT_BYTES;
}

void
room_init(struct room *room, int fd, bool is_unix)
{
	int bytes = SEND_BUFFER_BYTES_MIN / 2;

	if (send_buffer_bytes(fd) < SEND_BUFFER_BYTES_MIN)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	room->is_unix = is_unix;
	/* A new socket is empty, so the first writes need no poll. */
	room->credit_bytes = full_credit_bytes(room, fd);
}

static int
charge_bytes(const struct room *room, size_t len_bytes)
{
	return 2 * (int)len_bytes +
	    (room->is_unix ? UNIX_OVERHEAD_BYTES : TCP_OVERHEAD_BYTES);
}

bool
room_has(struct room *room, int fd, size_t len_bytes)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLOUT };

	if (room->credit_bytes >= charge_bytes(room, len_bytes))
		return true;
	if (poll(&pollfd, 1, 0) != 1 || (pollfd.revents & POLLOUT) == 0)
		return false;
	room->credit_bytes = full_credit_bytes(room, fd);
	return true;
}

void
room_use(struct room *room, size_t len_bytes)
{
	room->credit_bytes -= charge_bytes(room, len_bytes);
}
