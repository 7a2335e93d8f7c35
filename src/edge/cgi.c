#include "edge/cgi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/answer.h"
#include "http/request.h"
#include "routes/router.h"
#include "stream/peer.h"
#include "stream/stream.h"

struct cgi {
	struct peer    peer;
	uv_poll_t      poll;
	bool           is_watched; /* poll works: not a plain file */
	bool           is_done;
	struct buf     unsent; /* of what was written */
	struct stream *stream; /* NULL: no stream, or it has ended */
	bool           wants_room;
	struct routes *routes;
	struct request request;
	struct buf     body;
	void (*on_done)(void *);
	void *arg;
};

bool
cgi_is_requested(void)
{
	return getenv("GATEWAY_INTERFACE") != NULL ||
	    getenv("REQUEST_METHOD") != NULL;
}

static void
cgi_done(struct cgi *cgi)
{
	if (cgi->is_done)
		return;
	cgi->is_done = true;
	if (cgi->is_watched)
		uv_poll_stop(&cgi->poll);
	cgi->on_done(cgi->arg);
}

/* The client is gone. */
static void
cgi_lose(struct cgi *cgi, enum stream_end end)
{
	if (cgi->stream != NULL)
		stream_end(cgi->stream, end);
	else
		cgi_done(cgi);
}

static void on_poll(uv_poll_t *, int, int);

/*
 * Without something to send the descriptor is watched for errors alone: a
 * server that has shut down its half of a socket, as mod_cgid does, would
 * have it readable for ever.
 */
static void
cgi_watch(struct cgi *cgi)
{
	int events = cgi->unsent.len_bytes > 0 || cgi->wants_room ?
	    UV_WRITABLE :
	    UV_PRIORITIZED;

	if (cgi->is_watched && !cgi->is_done)
		uv_poll_start(&cgi->poll, events, on_poll);
}

/* Writes what the descriptor takes; -1 when the client is gone. */
static int
cgi_send(struct cgi *cgi)
{
	size_t  sent_bytes = 0;
	ssize_t n;

	while (sent_bytes < cgi->unsent.len_bytes) {
		n = write(STDOUT_FILENO, cgi->unsent.data + sent_bytes,
		    cgi->unsent.len_bytes - sent_bytes);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			break;
		if (n == -1)
			return -1;
		sent_bytes += (size_t)n;
	}
	buf_consume(&cgi->unsent, sent_bytes);
	cgi_watch(cgi);
	return 0;
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct cgi *cgi = list_entry(poll, struct cgi, poll);

	if (status < 0 || (events & UV_WRITABLE) == 0 || cgi_send(cgi) == -1) {
		cgi_lose(cgi, STREAM_END_CLIENT_CLOSED);
		return;
	}
	if (cgi->unsent.len_bytes > 0)
		return;
	if (cgi->stream == NULL) {
		cgi_done(cgi);
	} else if (cgi->wants_room) {
		cgi->wants_room = false;
		cgi_watch(cgi);
		stream_resume(cgi->stream);
	}
}

static struct cgi *
cgi_of(struct peer *peer)
{
	return list_entry(peer, struct cgi, peer);
}

static bool
cgi_has_room(struct peer *peer, size_t len_bytes)
{
	(void)len_bytes;
	return cgi_of(peer)->unsent.len_bytes == 0;
}

static int
cgi_write_parts(struct peer *peer, const struct iovec *parts, int count)
{
	struct cgi *cgi = cgi_of(peer);
	int         i;

	for (i = 0; i < count; i++)
		buf_append(&cgi->unsent, parts[i].iov_base, parts[i].iov_len);
	return cgi_send(cgi);
}

static void
cgi_want_room(struct peer *peer)
{
	struct cgi *cgi = cgi_of(peer);

	cgi->wants_room = true;
	cgi_watch(cgi);
}

static void
cgi_end(struct peer *peer, bool is_polite)
{
	struct cgi *cgi = cgi_of(peer);

	cgi->stream = NULL;
	if (!is_polite || cgi->unsent.len_bytes == 0)
		cgi_done(cgi);
}

static const struct peer_ops cgi_ops = {
	.has_room = cgi_has_room,
	.write = cgi_write_parts,
	.want_room = cgi_want_room,
	.end = cgi_end,
};

/*
 * Reads the body that CONTENT_LENGTH announces. It may be absent, empty or
 * negative, and a chunked body has none; nothing here needs that.
 */
static void
cgi_read_body(struct cgi *cgi, size_t body_bytes_max)
{
	const char        *announced = getenv("CONTENT_LENGTH");
	char               bytes[4096];
	unsigned long long left;
	ssize_t            n;

	if (announced == NULL || *announced < '0' || *announced > '9')
		return;
	left = strtoull(announced, NULL, 10);
	while (left > 0) {
		n = read(STDIN_FILENO, bytes,
		    left < sizeof(bytes) ? (size_t)left : sizeof(bytes));
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		left -= (unsigned long long)n;
		if (cgi->body.len_bytes + (size_t)n > body_bytes_max)
			cgi->request.is_body_cut = true;
		else
			buf_append(&cgi->body, bytes, (size_t)n);
	}
	cgi->request.body = cgi->body.data;
	cgi->request.body_bytes = cgi->body.len_bytes;
}

void
cgi_start(struct cgi *cgi)
{
	struct answer answer;
	size_t        len_bytes;

	router_answer(cgi->routes, &cgi->request, &answer);
	buf_deinit(&cgi->body);
	cgi->unsent = answer.bytes;
	cgi->stream = answer.stream;
	len_bytes = cgi->unsent.len_bytes;
	if (cgi->stream != NULL)
		stream_attach(cgi->stream, &cgi->peer);
	if (cgi_send(cgi) == -1)
		cgi_lose(cgi, STREAM_END_WRITE_FAILED);
	else if (cgi->stream != NULL)
		stream_start(cgi->stream, len_bytes);
	else if (cgi->unsent.len_bytes == 0)
		cgi_done(cgi);
}

struct cgi *
cgi_new(uv_loop_t *loop, struct routes *routes, size_t body_bytes_max,
    void (*on_done)(void *), void *arg)
{
	struct cgi *cgi = mem_zalloc(sizeof(*cgi));
	int         flags = fcntl(STDOUT_FILENO, F_GETFL);

	cgi->peer.ops = &cgi_ops;
	cgi->on_done = on_done;
	cgi->arg = arg;
	cgi->routes = routes;
	cgi->request.env = environ;
	cgi->request.is_cgi = true;
	cgi_read_body(cgi, body_bytes_max);
	/* A plain file cannot be watched, and always has room. */
	cgi->is_watched = uv_poll_init(loop, &cgi->poll, STDOUT_FILENO) == 0;
	if (cgi->is_watched && flags != -1)
		fcntl(STDOUT_FILENO, F_SETFL, flags | O_NONBLOCK);
	return cgi;
}

static void
on_closed(uv_handle_t *handle)
{
	free(list_entry((uv_poll_t *)handle, struct cgi, poll));
}

void
cgi_free(struct cgi *cgi)
{
	buf_deinit(&cgi->body);
	buf_deinit(&cgi->unsent);
	if (cgi->is_watched)
		uv_close((uv_handle_t *)&cgi->poll, on_closed);
	else
		free(cgi);
}
