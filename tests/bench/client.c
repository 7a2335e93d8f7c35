#include "client.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <errno.h>
#include <stddef.h>
#include <unistd.h>

bool
client_init(struct client *c, const struct address *address,
    enum decoder_framing framing)
{
	*c = (struct client){ .state = CLIENT_NEW };
	decoder_init(&c->decoder, framing);
	c->fd = socket(address->sa.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return c->fd != -1;
}

void
client_deinit(struct client *c)
{
	if (c->fd != -1)
		close(c->fd);
	c->fd = -1;
}

static void
client_lost(struct client *c)
{
	client_deinit(c);
	c->state = c->state == CLIENT_OPEN ? CLIENT_CLOSED : CLIENT_REFUSED;
}

static bool
client_watch(struct client *c, int epoll, int op, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = c };

	return epoll_ctl(epoll, op, c->fd, &ev) == 0;
}

/* A fresh connection has room for a request, so a short write is a failure. */
static bool
client_ask(struct client *c, const char *request, size_t request_bytes)
{
	c->state = CLIENT_WAITING;
	return send(c->fd, request, request_bytes, MSG_NOSIGNAL) ==
	    (ssize_t)request_bytes;
}

bool
client_start(struct client *c, int epoll, const struct address *address,
    const char *request, size_t request_bytes)
{
	const struct sockaddr *sa = (const struct sockaddr *)&address->sa;

	if (connect(c->fd, sa, address->len) == 0) {
		if (!client_ask(c, request, request_bytes) ||
		    !client_watch(c, epoll, EPOLL_CTL_ADD, EPOLLIN))
			client_lost(c);
		return true;
	}
	if (errno == EAGAIN)
		return false;
	c->state = CLIENT_CONNECTING;
	if (errno != EINPROGRESS ||
	    !client_watch(c, epoll, EPOLL_CTL_ADD, EPOLLOUT))
		client_lost(c);
	return true;
}

void
client_continue(struct client *c, int epoll, const char *request,
    size_t request_bytes)
{
	int       error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1 ||
	    error != 0 || !client_ask(c, request, request_bytes) ||
	    !client_watch(c, epoll, EPOLL_CTL_MOD, EPOLLIN))
		client_lost(c);
}

long
client_read(struct client *c, decoder_event_fn *tell, void *arg)
{
	static char buf[65536];
	ssize_t     n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return -1;
	if (n > 0) {
		if (c->state == CLIENT_WAITING)
			c->first_bytes += (uint32_t)n;
		decoder_feed(&c->decoder, buf, (size_t)n, tell, arg);
	}
	if (n <= 0 || c->decoder.phase == DECODER_END ||
	    c->decoder.phase == DECODER_ERROR) {
		client_lost(c);
		return n > 0 ? n : 0;
	}
	return n;
}
