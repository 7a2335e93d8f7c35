#include "edge/link.h"

#include <sys/socket.h>
#include <unistd.h>

#include "edge/fcgi.h"

static struct fcgi_target
link_target(const struct link *link)
{
	return (struct fcgi_target){ link->fd, link->request_id };
}

int
link_init(struct link *link, uv_loop_t *loop, int fd, bool is_unix)
{
	link->fd = fd;
	room_init(&link->room, fd, is_unix);
	return uv_poll_init(loop, &link->poll, fd);
}

void
link_watch(struct link *link, int events, uv_poll_cb on_poll)
{
	if (link->watched == events)
		return;
	link->watched = (uint8_t)events;
	uv_poll_start(&link->poll, events, on_poll);
}

/* The handle first: it takes the descriptor out of the loop by its number. */
void
link_close(struct link *link, uv_close_cb on_closed)
{
	uv_close((uv_handle_t *)&link->poll, on_closed);
	close(link->fd);
	link->fd = -1;
}

bool
link_has_room(struct link *link, size_t len_bytes)
{
	return room_has(&link->room, link->fd, len_bytes);
}

int
link_write(struct link *link, struct fcgi *fcgi, const struct iovec *parts,
    int count)
{
	size_t len_bytes = 0;
	int    i;

	for (i = 0; i < count; i++)
		len_bytes += parts[i].iov_len;
	room_use(&link->room, len_bytes);
	return fcgi_write(fcgi, link_target(link), parts, count);
}

int
link_end(struct link *link, struct fcgi *fcgi, const void *bytes,
    size_t len_bytes)
{
	room_use(&link->room, len_bytes);
	return fcgi_end(fcgi, link_target(link), bytes, len_bytes);
}

int
link_put(struct link *link, const unsigned char *record, size_t len_bytes)
{
	room_use(&link->room, len_bytes);
	return send(link->fd, record, len_bytes, MSG_NOSIGNAL) ==
		(ssize_t)len_bytes ?
	    0 :
	    -1;
}

bool
link_has_input(const struct link *link)
{
	char byte;

	return recv(link->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}
