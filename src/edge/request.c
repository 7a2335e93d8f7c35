#include "edge/request.h"

#include <errno.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "edge/conn.h"
#include "edge/conns.h"
#include "edge/fcgi.h"
#include "edge/pool.h"
#include "edge/record.h"
#include "http/call.h"
#include "http/refusal.h"
#include "http/router.h"
#include "stream/stream.h"
#include "stream/streams.h"

#define READ_BYTES (64 * 1024)

static const char no_memory[] = "the buffers for requests are full";
static const char no_memory_for_answer[] =
    "reads its answer slowly, and the buffers are full";

static void request_process(struct conn *);
static bool request_has_memory(struct conn *, size_t len_bytes);

static void
on_late_answer(struct call *call)
{
	struct conn *conn = call->asker;

	conn_answer(conn);
	request_process(conn);
}

void
request_time_out_answer(struct conn *conn)
{
	struct call *call = conn->exchange->call;

	log_warn("call-timeout", LOG_STR("client", call->client),
	    LOG_STR("path", call->full_path));
	call_take_back(call);
	refusal_come_back(call, streams_return_ms(conn->conns->streams),
	    "the answer took too long");
}

static struct call *
request_call_new(struct conn *conn)
{
	struct call *call = call_new();

	conn->request_id = conn->exchange->reader.request_id;
	call->is_body_cut = conn->exchange->reader.is_body_cut;
	call->on_answer = on_late_answer;
	call->asker = conn;
	return call;
}

/* Has the whole request at the buffer's front answered, now or later. */
static void
request_call(struct conn *conn)
{
	struct conns         *conns = conn->conns;
	struct exchange      *exchange = conn->exchange;
	struct record_reader *reader = &exchange->reader;
	struct call          *call = request_call_new(conn);

	deadline_clear(&exchange->deadline);
	if (fcgi_parse(conns->fcgi, exchange->in.data, reader->request_bytes,
		reader->body_bytes, call) == -1) {
		call_free(call);
		conn_put_end(conn, RECORD_REQUEST_COMPLETE);
		if (conn->state != CONN_CLOSED)
			conn_break(conn, "libfcgi does not take the request");
		return;
	}
	record_take(reader, &exchange->in);
	exchange->call = call;
	conn->state = CONN_CALLING;
	reader->holds_next = true;
	if (router_run(conns->router, call))
		conn_answer(conn);
	else
		conn_set_deadline(conn, &conns->calls);
}

/* A call of the request whose head has come, or NULL. */
static struct call *
request_call_head(struct conn *conn)
{
	struct exchange *exchange = conn->exchange;
	struct call     *call;

	if (!record_has_head(&exchange->reader, &exchange->in))
		return NULL;
	call = request_call_new(conn);
	if (fcgi_parse_head(conn->conns->fcgi, exchange->in.data,
		exchange->reader.head_bytes, call) == 0)
		return call;
	call_free(call);
	return NULL;
}

/* Sends the answer of a call whose body has not come, and will not be kept. */
static void
request_answer_early(struct conn *conn, struct call *call)
{
	record_pass(&conn->exchange->reader, &conn->exchange->in);
	buf_trim(&conn->exchange->in);
	conn->exchange->call = call;
	conn_answer(conn);
}

/* Looks at the head of a request whose body is on its way. */
static void
request_check(struct conn *conn)
{
	struct exchange *exchange = conn->exchange;
	struct conns    *conns = conn->conns;
	struct call     *call;
	bool             takes_body;

	/* Only a body is worth it, not the end of a request without one. */
	if (exchange->is_checked ||
	    exchange->in.len_bytes <
		exchange->reader.head_bytes + RECORD_HEAD_BYTES)
		return;
	call = request_call_head(conn);
	if (call == NULL)
		return;
	exchange->is_checked = true;
	pool_own(&conns->pool, &exchange->share, call->client);
	call->is_body_cut = exchange->reader.is_body_cut ||
	    call_content_length(call) > conns->limits.records.body_bytes_max;
	if (router_check(conns->router, call, &takes_body)) {
		request_answer_early(conn, call);
		return;
	}
	exchange->reader.is_body_unwanted = !takes_body;
	call_free(call);
}

/*
 * There is no memory for the request, which is not whole: it is refused. Or for
 * an answer that is not read.
 */
static void
request_refuse(struct conn *conn)
{
	struct call *call;

	if (conn->state == CONN_ANSWERING) {
		conn_break(conn, no_memory_for_answer);
		return;
	}
	call = request_call_head(conn);
	if (call == NULL) {
		conn_break(conn, no_memory);
		return;
	}
	log_warn("refuse-request", LOG_STR("client", call->client),
	    LOG_INT("bytes", conn->exchange->in.len_bytes),
	    LOG_STR("reason", no_memory));
	router_refuse(conn->conns->router, call,
	    streams_return_ms(conn->conns->streams), no_memory);
	request_answer_early(conn, call);
	request_process(conn);
}

void
request_time_out(struct conn *conn)
{
	if (conn->exchange->reader.is_passing)
		conn_close(conn);
	else
		conn_break(conn, "no whole request within the request timeout");
}

static void
request_abort(struct conn *conn)
{
	if (conn->peer.stream != NULL) {
		stream_end(conn->peer.stream, STREAM_END_CLIENT_ABORTED);
		return;
	}
	conn_cancel(conn);
	conn->request_id = conn->exchange->reader.request_id;
	conn_put_end(conn, RECORD_REQUEST_COMPLETE);
	if (conn->state != CONN_CLOSED)
		conn_finish(conn);
}

static void
request_reply(struct conn *conn)
{
	struct record_reader *reader = &conn->exchange->reader;

	conn_put_record(conn, reader->reply, reader->reply_bytes);
	/* A request of another role was refused, and is the last one. */
	if (conn->state == CONN_READING && reader->is_refused &&
	    !reader->is_kept)
		conn_close(conn);
}

/* Whether records are taken; what arrives meanwhile waits. */
static bool
is_taking(const struct conn *conn)
{
	return conn->state == CONN_READING || conn->state == CONN_CALLING ||
	    conn->state == CONN_STREAMING;
}

static void
request_take_event(struct conn *conn, enum record_event event)
{
	switch (event) {
	case RECORD_EVENT_NONE:
		break;
	case RECORD_EVENT_REQUEST:
		request_call(conn);
		break;
	case RECORD_EVENT_PASSED:
		conn_finish(conn);
		break;
	case RECORD_EVENT_ABORT:
		request_abort(conn);
		break;
	case RECORD_EVENT_REPLY:
		request_reply(conn);
		break;
	case RECORD_EVENT_BROKEN:
		conn_break(conn, conn->exchange->reader.error);
		break;
	}
}

/* Goes through the records that have arrived. */
static void
request_process(struct conn *conn)
{
	enum record_event event = RECORD_EVENT_REPLY;
	struct exchange  *exchange;
	size_t            held_bytes;

	while (is_taking(conn) && event != RECORD_EVENT_NONE) {
		exchange = conn->exchange;
		event = record_next(&exchange->reader, &exchange->in);
		request_take_event(conn, event);
	}
	if (conn->state == CONN_READING)
		request_check(conn);
	if (conn->state == CONN_CLOSED)
		return;
	exchange = conn->exchange;
	held_bytes = exchange->in.len_bytes + exchange->out.len_bytes;
	if (conn->state == CONN_ANSWERING &&
	    !request_has_memory(conn, held_bytes)) {
		request_refuse(conn);
		return;
	}
	pool_hold(&conn->conns->pool, &exchange->share, held_bytes);
	/* What waits for the answer is enough: no more is read until then. */
	if (conn->state == CONN_CALLING &&
	    exchange->in.len_bytes >= RECORD_HEAD_BYTES)
		conn_watch(conn, UV_DISCONNECT);
	if (exchange->in.len_bytes > 0)
		return;
	buf_deinit(&exchange->in);
	if (conn->state == CONN_STREAMING) {
		conn->is_kept = exchange->reader.is_kept;
		conn->foreign_bytes = (uint32_t)exchange->reader.foreign_bytes;
		conn_free_exchange(conn);
	}
}

/* Whether so much of a request may be held, once the largest makes room. */
static bool
request_has_memory(struct conn *conn, size_t len_bytes)
{
	struct pool       *pool = &conn->conns->pool;
	struct pool_share *share = &conn->exchange->share, *victim;

	while (!pool_has(pool, share, len_bytes)) {
		victim = pool_victim(pool, share, len_bytes);
		if (victim == NULL)
			return false;
		request_refuse(list_entry(victim, struct exchange, share)
				   ->conn);
	}
	return true;
}

static void
request_take_bytes(struct conn *conn, const char *bytes, size_t len_bytes)
{
	struct exchange *exchange = conn_exchange(conn);

	if (!request_has_memory(conn, exchange->in.len_bytes + len_bytes)) {
		request_refuse(conn);
		return;
	}
	if (exchange->is_idle) {
		exchange->is_idle = false;
		conn_set_deadline(conn, &conn->conns->requests);
	}
	buf_append(&exchange->in, bytes, len_bytes);
	request_process(conn);
}

static void
request_read(struct conn *conn)
{
	static char bytes[READ_BYTES];
	ssize_t     n;

	n = read(conn->fd, bytes, sizeof(bytes));
	if (n > 0)
		request_take_bytes(conn, bytes, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		conn_lose(conn, STREAM_END_CLIENT_CLOSED);
}

static void
request_write(struct conn *conn)
{
	if (conn->state == CONN_ANSWERING) {
		conn_send(conn);
		/* The next request may wait in the buffer. */
		request_process(conn);
	} else if (conn->state == CONN_STREAMING) {
		conn_watch(conn, UV_READABLE);
		stream_resume(conn->peer.stream);
	}
}

void
request_on_poll(uv_poll_t *poll, int status, int events)
{
	struct conn *conn = list_entry(poll, struct conn, poll);

	if (status < 0 || (events & UV_DISCONNECT) != 0) {
		conn_lose(conn, STREAM_END_CLIENT_CLOSED);
		return;
	}
	if ((events & UV_WRITABLE) != 0)
		request_write(conn);
	if ((events & UV_READABLE) != 0 && is_taking(conn))
		request_read(conn);
}
