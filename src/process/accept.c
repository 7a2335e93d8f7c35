#include "config.h"

#include "process/accept.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "edge/conn.h"
#include "edge/conns.h"

/* Connections that are accepted in one turn of the loop, for each listener. */
#define ACCEPTS_PER_TURN 64

/* The same at a stop: more than a queue holds, as it is set up anywhere. */
#define ACCEPTS_AT_STOP_MAX 65536

/* How long no connection is accepted after there was no descriptor for one. */
#define PAUSE_MS 1000

struct acceptor {
	struct listeners listeners;
	struct conns    *conns;
	uv_poll_t       *polls; /* one for each listener */
	uv_timer_t       pause;
	bool             is_short; /* of descriptors; it was said */
	size_t           open_handle_count;
};

static void acceptor_resume(struct acceptor *);

static void
on_pause_over(uv_timer_t *timer)
{
	acceptor_resume(list_entry(timer, struct acceptor, pause));
}

/* Trying again at once would only keep the processor busy. */
static void
acceptor_pause(struct acceptor *acceptor, int error)
{
	size_t i;

	if (!acceptor->is_short)
		log_error("accept", LOG_STR("error", strerror(error)),
		    LOG_INT("open", acceptor->conns->open_count),
		    LOG_INT("pause_ms", PAUSE_MS));
	acceptor->is_short = true;
	for (i = 0; i < acceptor->listeners.count; i++)
		uv_poll_stop(&acceptor->polls[i]);
	uv_timer_start(&acceptor->pause, on_pause_over, PAUSE_MS, 0);
}

/* Whether the error concerns a connection that was closed already. */
static bool
is_passing(int error)
{
	return error == EINTR || error == ECONNABORTED || error == EPROTO ||
	    error == EPERM;
}

/*
 * Accepts at most max of the connections that wait at the listener. Returns 0,
 * or the errno that ended it: EAGAIN when none waits any more.
 */
static int
accept_waiting(struct acceptor *acceptor, const struct listener *listener,
    int max)
{
	int i, fd, on = 1;

	for (i = 0; i < max; i++) {
		fd = accept4(listener->fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1 && is_passing(errno))
			continue;
		if (fd == -1)
			return errno;
		if (!listener->is_unix)
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
			    sizeof(on));
		conn_new(acceptor->conns, fd, listener->is_unix);
	}
	return 0;
}

static void
on_connection(uv_poll_t *poll, int status, int events)
{
	struct acceptor *acceptor = poll->data;
	int              error = -status;

	(void)events;
	if (status == 0)
		error = accept_waiting(acceptor,
		    &acceptor->listeners.all[poll - acceptor->polls],
		    ACCEPTS_PER_TURN);
	if (error == EAGAIN)
		acceptor->is_short = false;
	else if (error != 0)
		acceptor_pause(acceptor, error);
}

static void
acceptor_resume(struct acceptor *acceptor)
{
	size_t i;

	for (i = 0; i < acceptor->listeners.count; i++)
		uv_poll_start(&acceptor->polls[i], UV_READABLE, on_connection);
}

struct acceptor *
acceptor_new(uv_loop_t *loop, struct listeners *listeners, struct conns *conns)
{
	struct acceptor *acceptor = mem_zalloc(sizeof(*acceptor));
	size_t           i;

	acceptor->listeners = *listeners;
	memset(listeners, 0, sizeof(*listeners));
	acceptor->conns = conns;
	acceptor->polls = mem_zalloc(acceptor->listeners.count *
	    sizeof(*acceptor->polls));
	for (i = 0; i < acceptor->listeners.count; i++) {
		uv_poll_init(loop, &acceptor->polls[i],
		    acceptor->listeners.all[i].fd);
		acceptor->polls[i].data = acceptor;
	}
	uv_timer_init(loop, &acceptor->pause);
	acceptor->pause.data = acceptor;
	acceptor->open_handle_count = acceptor->listeners.count + 1;
	acceptor_resume(acceptor);
	return acceptor;
}

static void
on_closed(uv_handle_t *handle)
{
	struct acceptor *acceptor = handle->data;

	if (--acceptor->open_handle_count > 0)
		return;
	free(acceptor->polls);
	free(acceptor);
}

void
acceptor_stop(struct acceptor *acceptor)
{
	struct listener *listener;
	size_t           i;

	uv_close((uv_handle_t *)&acceptor->pause, on_closed);
	for (i = 0; i < acceptor->listeners.count; i++) {
		listener = &acceptor->listeners.all[i];
		/*
		 * No more connections can arrive, and those that wait still do.
		 */
		if (listener->is_unix && !listener->is_inherited)
			shutdown(listener->fd, SHUT_RD);
		if (!listener->is_kept)
			accept_waiting(acceptor, listener, ACCEPTS_AT_STOP_MAX);
	}
	for (i = 0; i < acceptor->listeners.count; i++)
		uv_close((uv_handle_t *)&acceptor->polls[i], on_closed);
	listeners_close(&acceptor->listeners);
}
