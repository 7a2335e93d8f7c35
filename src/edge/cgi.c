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
#include "http/call.h"
#include "http/refusal.h"
#include "http/router.h"
#include "stream/peer.h"
#include "stream/stream.h"

/* As CALL_TIMEOUT_MS of FastCGI. */
#define CALL_TIMEOUT_MS 10000

/* When a client that was refused is to come back. */
#define RETURN_MS 1000

enum cgi_state {
	CGI_CALLING,   /* waits for the answer */
	CGI_ANSWERING, /* writes it out */
	CGI_STREAMING, /* the stream writes */
	CGI_DONE
};

struct cgi {
	struct peer          peer;
	uv_poll_t            poll;
	bool                 is_watched; /* poll works: not a plain file */
	uv_timer_t           timer;      /* for the answer */
	int                  open_handle_count;
	enum cgi_state       state;
	struct call         *call;   /* while CGI_CALLING */
	struct buf           unsent; /* of what was written */
	bool                 wants_room;
	const struct router *router;
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
	if (cgi->state == CGI_DONE)
		return;
	cgi->state = CGI_DONE;
	uv_timer_stop(&cgi->timer);
	if (cgi->is_watched)
		uv_poll_stop(&cgi->poll);
	cgi->on_done(cgi->arg);
}

/* The client has closed the connection. */
static void
cgi_lose(struct cgi *cgi, enum stream_end end)
{
	if (cgi->call != NULL)
		call_cancel(cgi->call);
	cgi->call = NULL;
	if (cgi->peer.stream != NULL)
		stream_end(cgi->peer.stream, end);
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

	if (cgi->is_watched && cgi->state != CGI_DONE)
		uv_poll_start(&cgi->poll, events, on_poll);
}

/* Writes what the descriptor takes; -1 when the client has closed it. */
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
	if (cgi->unsent.len_bytes > 0 || cgi->state == CGI_CALLING)
		return;
	if (cgi->peer.stream == NULL) {
		cgi_done(cgi);
	} else if (cgi->wants_room) {
		cgi->wants_room = false;
		cgi_watch(cgi);
		stream_resume(cgi->peer.stream);
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

	if (!is_polite || cgi->unsent.len_bytes == 0)
		cgi_done(cgi);
}

static const struct peer_ops cgi_ops = {
	.has_room = cgi_has_room,
	.write = cgi_write_parts,
	.want_room = cgi_want_room,
	.end = cgi_end,
};

/* Reads the body that is announced. A chunked one is not; nothing needs that.
 */
static void
cgi_read_body(struct call *call, size_t body_bytes_max)
{
	struct buf         body = { 0 };
	char               bytes[4096];
	unsigned long long left = call_content_length(call);
	ssize_t            n;

	while (left > 0) {
		n = read(STDIN_FILENO, bytes,
		    left < sizeof(bytes) ? (size_t)left : sizeof(bytes));
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		left -= (unsigned long long)n;
		if (body.len_bytes + (size_t)n > body_bytes_max)
			call->is_body_cut = true;
		else
			buf_append(&body, bytes, (size_t)n);
	}
	call->body = body.data;
	call->body_bytes = body.len_bytes;
}

/* The call was answered. */
static void
cgi_answer(struct cgi *cgi)
{
	struct call   *call = cgi->call;
	struct answer *answer = &call->answer;

	cgi->call = NULL;
	uv_timer_stop(&cgi->timer);
	if (answer->streams != NULL) {
		cgi->state = CGI_STREAMING;
		answer_open_stream(answer, &cgi->peer);
	} else {
		cgi->state = CGI_ANSWERING;
		cgi->unsent = answer->bytes;
		answer->bytes = (struct buf){ 0 };
		if (cgi_send(cgi) == -1 || cgi->unsent.len_bytes == 0)
			cgi_done(cgi);
	}
	call_free(call);
}

static void
on_late_answer(struct call *call)
{
	cgi_answer(call->asker);
}

/* Gives the client another answer than the one that has not come. */
static void
cgi_refuse(struct cgi *cgi, const char *why)
{
	call_take_back(cgi->call);
	refusal_come_back(cgi->call, RETURN_MS, why);
}

static void
on_call_timeout(uv_timer_t *timer)
{
	struct cgi *cgi = list_entry(timer, struct cgi, timer);

	log_warn("call-timeout", LOG_STR("client", cgi->call->client),
	    LOG_STR("path", cgi->call->full_path));
	cgi_refuse(cgi, "the answer took too long");
}

void
cgi_start(struct cgi *cgi)
{
	if (router_run(cgi->router, cgi->call)) {
		cgi_answer(cgi);
		return;
	}
	cgi_watch(cgi);
	uv_timer_start(&cgi->timer, on_call_timeout, CALL_TIMEOUT_MS, 0);
}

void
cgi_stop(struct cgi *cgi)
{
	if (cgi->state == CGI_CALLING)
		cgi_refuse(cgi, "stopping");
}

struct cgi *
cgi_new(uv_loop_t *loop, const struct router *router, size_t body_bytes_max,
    void (*on_done)(void *), void *arg)
{
	struct cgi *cgi = mem_zalloc(sizeof(*cgi));
	int         flags = fcntl(STDOUT_FILENO, F_GETFL);

	cgi->peer.ops = &cgi_ops;
	cgi->on_done = on_done;
	cgi->arg = arg;
	cgi->router = router;
	cgi->call = call_new();
	cgi->call->is_cgi = true;
	cgi->call->on_answer = on_late_answer;
	cgi->call->asker = cgi;
	call_set_env(cgi->call, environ);
	cgi_read_body(cgi->call, body_bytes_max);
	uv_timer_init(loop, &cgi->timer);
	/* A plain file cannot be watched, and always has room. */
	cgi->is_watched = uv_poll_init(loop, &cgi->poll, STDOUT_FILENO) == 0;
	cgi->open_handle_count = 1 + cgi->is_watched;
	cgi->timer.data = cgi->poll.data = cgi;
	if (cgi->is_watched && flags != -1)
		fcntl(STDOUT_FILENO, F_SETFL, flags | O_NONBLOCK);
	return cgi;
}

static void
on_closed(uv_handle_t *handle)
{
	struct cgi *cgi = handle->data;

	if (--cgi->open_handle_count == 0)
		free(cgi);
}

void
cgi_free(struct cgi *cgi)
{
	if (cgi->call != NULL)
		call_cancel(cgi->call);
	buf_deinit(&cgi->unsent);
	uv_close((uv_handle_t *)&cgi->timer, on_closed);
	if (cgi->is_watched)
		uv_close((uv_handle_t *)&cgi->poll, on_closed);
}
