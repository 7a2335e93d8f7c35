#include "edge/conn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "edge/conns.h"
#include "edge/fcgi.h"
#include "edge/room.h"
#include "http/answer.h"
#include "http/call.h"
#include "http/refusal.h"
#include "http/router.h"
#include "hub/turns.h"
#include "stream/peer.h"
#include "stream/stream.h"
#include "stream/streams.h"

#define READ_BYTES (64 * 1024)

static struct fcgi_target
conn_target(const struct conn *conn)
{
	return (struct fcgi_target){ conn->fd, conn->reader.request_id };
}

static int64_t
conn_now_ms(const struct conn *conn)
{
	return turns_now_ms(conn->conns->streams->turns);
}

static void
on_closed(uv_handle_t *handle)
{
	free(list_entry((uv_poll_t *)handle, struct conn, poll));
}

/* The handle first: it takes the descriptor out of the loop by its number. */
void
conn_close(struct conn *conn)
{
	struct conns *conns = conn->conns;

	assert(conn->peer.stream == NULL && conn->call == NULL);
	assert(conn->state != CONN_CLOSED);
	conn->state = CONN_CLOSED;
	deadline_clear(&conn->deadline);
	list_remove(&conn->node);
	conns->open_count--;
	conns->buffered_bytes -= conn->counted_bytes;
	buf_deinit(&conn->in);
	buf_deinit(&conn->out);
	uv_close((uv_handle_t *)&conn->poll, on_closed);
	close(conn->fd);
	conn->fd = -1;
}

/* Nobody waits for the call's answer. */
static void
conn_cancel(struct conn *conn)
{
	struct call *call = conn->call;

	conn->call = NULL;
	if (call != NULL)
		call_cancel(call);
}

/* Ends the connection, and its stream for that reason. */
void
conn_lose(struct conn *conn, enum stream_end end)
{
	conn_cancel(conn);
	if (conn->peer.stream != NULL)
		stream_end(conn->peer.stream, end);
	if (conn->state != CONN_CLOSED)
		conn_close(conn);
}

void
conn_break(struct conn *conn, const char *why)
{
	log_warn("bad-connection", LOG_STR("error", why));
	conn_lose(conn, STREAM_END_PROTOCOL_ERROR);
}

static void on_poll(uv_poll_t *, int, int);

static void
conn_watch(struct conn *conn, int events)
{
	if (conn->watched == events)
		return;
	conn->watched = events;
	uv_poll_start(&conn->poll, events, on_poll);
}

/* The request was answered: the connection is for the next one, or done. */
static void
conn_finish(struct conn *conn)
{
	buf_deinit(&conn->out);
	conn->sent_bytes = 0;
	record_finish(&conn->reader);
	if (!conn->reader.is_kept || conn->conns->is_draining) {
		conn_close(conn);
		return;
	}
	conn->state = CONN_READING;
	conn_watch(conn, UV_READABLE);
	conn->is_idle = conn->in.len_bytes == 0;
	deadline_set(conn->is_idle ? &conn->conns->idles :
				     &conn->conns->requests,
	    &conn->deadline, conn_now_ms(conn));
}

/* Writes the answer, a piece at a time as there is room. */
static void
conn_send(struct conn *conn)
{
	struct iovec part;
	bool         is_end;
	int          result;

	do {
		part.iov_base = conn->out.data + conn->sent_bytes;
		part.iov_len = conn->out.len_bytes - conn->sent_bytes;
		if (part.iov_len > PEER_WRITE_BYTES_MAX)
			part.iov_len = PEER_WRITE_BYTES_MAX;
		if (!room_has(&conn->room, conn->fd, part.iov_len)) {
			conn_watch(conn, UV_WRITABLE);
			deadline_set(&conn->conns->answers, &conn->deadline,
			    conn_now_ms(conn));
			return;
		}
		room_use(&conn->room, part.iov_len);
		conn->sent_bytes += part.iov_len;
		is_end = conn->sent_bytes == conn->out.len_bytes;
		result = is_end ?
		    fcgi_end(conn->conns->fcgi, conn_target(conn),
			part.iov_base, part.iov_len) :
		    fcgi_write(conn->conns->fcgi, conn_target(conn), &part, 1);
		if (result == -1) {
			conn_lose(conn, STREAM_END_WRITE_FAILED);
			return;
		}
	} while (!is_end);
	conn_finish(conn);
}

/* A small record of our own; libfcgi has no call for these. */
static void
conn_put_record(struct conn *conn, const unsigned char *record,
    size_t len_bytes)
{
	if (!room_has(&conn->room, conn->fd, len_bytes)) {
		conn_break(conn, "asks without reading the answers");
		return;
	}
	room_use(&conn->room, len_bytes);
	if (send(conn->fd, record, len_bytes, MSG_NOSIGNAL) !=
	    (ssize_t)len_bytes)
		conn_lose(conn, STREAM_END_WRITE_FAILED);
}

static void
conn_put_end(struct conn *conn, enum record_status status)
{
	unsigned char record[RECORD_REPLY_BYTES_MAX];
	size_t        len_bytes;

	len_bytes = record_put_end(record, conn->reader.request_id, status);
	conn_put_record(conn, record, len_bytes);
}

/* The call was answered. */
static void
conn_answer(struct conn *conn)
{
	struct call   *call = conn->call;
	struct answer *answer = &call->answer;

	conn->call = NULL;
	deadline_clear(&conn->deadline);
	if (answer->streams != NULL) {
		conn->state = CONN_STREAMING;
		answer_open_stream(answer, &conn->peer);
	} else {
		conn->state = CONN_ANSWERING;
		conn->out = answer->bytes;
		answer->bytes = (struct buf){ 0 };
		conn_send(conn);
	}
	call_free(call);
}

static void conn_process(struct conn *);

static void
on_late_answer(struct call *call)
{
	struct conn *conn = call->asker;

	conn_answer(conn);
	conn_process(conn);
}

void
conn_time_out(struct conn *conn)
{
	log_warn("call-timeout", LOG_STR("client", conn->call->client),
	    LOG_STR("path", conn->call->full_path));
	call_take_back(conn->call);
	refusal_come_back(conn->call, streams_return_ms(conn->conns->streams),
	    "the answer took too long");
}

/* Has the whole request at the buffer's front answered, now or later. */
static void
conn_call(struct conn *conn)
{
	struct conns *conns = conn->conns;
	struct call  *call = call_new();

	deadline_clear(&conn->deadline);
	call->is_body_cut = conn->reader.is_body_cut;
	call->on_answer = on_late_answer;
	call->asker = conn;
	if (fcgi_parse(conns->fcgi, conn->in.data, conn->reader.request_bytes,
		conn->reader.body_bytes, call) == -1) {
		call_free(call);
		conn_put_end(conn, RECORD_REQUEST_COMPLETE);
		if (conn->state != CONN_CLOSED)
			conn_break(conn, "libfcgi does not take the request");
		return;
	}
	record_take(&conn->reader, &conn->in);
	conn->call = call;
	conn->state = CONN_CALLING;
	if (router_run(conns->router, call))
		conn_answer(conn);
	else
		deadline_set(&conns->calls, &conn->deadline, conn_now_ms(conn));
}

static void
conn_abort(struct conn *conn)
{
	if (conn->peer.stream != NULL) {
		stream_end(conn->peer.stream, STREAM_END_CLIENT_ABORTED);
		return;
	}
	conn_cancel(conn);
	conn_put_end(conn, RECORD_REQUEST_COMPLETE);
	if (conn->state != CONN_CLOSED)
		conn_finish(conn);
}

static void
conn_reply(struct conn *conn)
{
	conn_put_record(conn, conn->reader.reply, conn->reader.reply_bytes);
	/* A request of another role was refused, and is the last one. */
	if (conn->state == CONN_READING && conn->reader.is_refused &&
	    !conn->reader.is_kept)
		conn_close(conn);
}

/* Whether records are taken; what arrives meanwhile waits. */
static bool
conn_is_taking(const struct conn *conn)
{
	return conn->state == CONN_READING || conn->state == CONN_CALLING ||
	    conn->state == CONN_STREAMING;
}

/* Counts what the connection holds of the bytes that all may hold. */
static void
conn_count_buffer(struct conn *conn)
{
	conn->conns->buffered_bytes -= conn->counted_bytes;
	conn->counted_bytes = conn->in.len_bytes;
	conn->conns->buffered_bytes += conn->counted_bytes;
	if (conn->in.len_bytes == 0)
		buf_deinit(&conn->in);
}

/* Goes through the records that have arrived. */
static void
conn_process(struct conn *conn)
{
	enum record_event event = RECORD_EVENT_REPLY;

	while (conn_is_taking(conn) && event != RECORD_EVENT_NONE) {
		event = record_next(&conn->reader, &conn->in);
		switch (event) {
		case RECORD_EVENT_NONE:
			break;
		case RECORD_EVENT_REQUEST:
			conn_call(conn);
			break;
		case RECORD_EVENT_ABORT:
			conn_abort(conn);
			break;
		case RECORD_EVENT_REPLY:
			conn_reply(conn);
			break;
		case RECORD_EVENT_BROKEN:
			conn_break(conn, conn->reader.error);
			break;
		}
	}
	if (conn->state != CONN_CLOSED)
		conn_count_buffer(conn);
}

static void
conn_take_bytes(struct conn *conn, const char *bytes, size_t len_bytes)
{
	struct conns *conns = conn->conns;

	if (conns->buffered_bytes + len_bytes >
	    conns->limits.buffered_bytes_max) {
		conn_break(conn, "the buffers for requests are full");
		return;
	}
	if (conn->is_idle) {
		conn->is_idle = false;
		deadline_set(&conns->requests, &conn->deadline,
		    conn_now_ms(conn));
	}
	buf_append(&conn->in, bytes, len_bytes);
	conn_process(conn);
}

static void
conn_read(struct conn *conn)
{
	static char bytes[READ_BYTES];
	ssize_t     n;

	n = read(conn->fd, bytes, sizeof(bytes));
	if (n > 0)
		conn_take_bytes(conn, bytes, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		conn_lose(conn, STREAM_END_CLIENT_CLOSED);
}

bool
conn_has_input(const struct conn *conn)
{
	char byte;

	return recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

static void
conn_write(struct conn *conn)
{
	if (conn->state == CONN_ANSWERING) {
		conn_send(conn);
		/* The next request may wait in the buffer. */
		conn_process(conn);
	} else if (conn->state == CONN_STREAMING) {
		conn_watch(conn, UV_READABLE);
		stream_resume(conn->peer.stream);
	}
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct conn *conn = list_entry(poll, struct conn, poll);

	if (status < 0) {
		conn_lose(conn, STREAM_END_CLIENT_CLOSED);
		return;
	}
	if ((events & UV_WRITABLE) != 0)
		conn_write(conn);
	if ((events & UV_READABLE) != 0 && conn_is_taking(conn))
		conn_read(conn);
}

static struct conn *
conn_of(struct peer *peer)
{
	return list_entry(peer, struct conn, peer);
}

static bool
conn_has_room(struct peer *peer, size_t len_bytes)
{
	struct conn *conn = conn_of(peer);

	return room_has(&conn->room, conn->fd, len_bytes);
}

static int
conn_write_parts(struct peer *peer, const struct iovec *parts, int count)
{
	struct conn *conn = conn_of(peer);
	size_t       len_bytes = 0;
	int          i;

	for (i = 0; i < count; i++)
		len_bytes += parts[i].iov_len;
	room_use(&conn->room, len_bytes);
	return fcgi_write(conn->conns->fcgi, conn_target(conn), parts, count);
}

static void
conn_want_room(struct peer *peer)
{
	conn_watch(conn_of(peer), UV_READABLE | UV_WRITABLE);
}

/* The stream has ended. Without room for the end all that is left is to close.
 */
static void
conn_end(struct peer *peer, bool is_polite)
{
	struct conn *conn = conn_of(peer);

	if (is_polite && conn->state == CONN_STREAMING &&
	    room_has(&conn->room, conn->fd, 0) &&
	    fcgi_end(conn->conns->fcgi, conn_target(conn), NULL, 0) == 0)
		conn_finish(conn);
	else
		conn_close(conn);
}

static const struct peer_ops conn_ops = {
	.has_room = conn_has_room,
	.write = conn_write_parts,
	.want_room = conn_want_room,
	.end = conn_end,
};

int
conn_new(struct conns *conns, int fd, bool is_unix)
{
	struct conn *conn = mem_zalloc(sizeof(*conn));
	int          error;

	error = uv_poll_init(conns->loop, &conn->poll, fd);
	if (error != 0) {
		log_error("connection", LOG_STR("error", uv_strerror(error)));
		free(conn);
		close(fd);
		return -1;
	}
	conn->peer.ops = &conn_ops;
	conn->conns = conns;
	conn->fd = fd;
	list_init(&conn->node);
	list_append(&conns->open, &conn->node);
	conns->open_count++;
	room_init(&conn->room, fd, is_unix);
	record_reader_init(&conn->reader, &conns->limits.records);
	deadline_init(&conn->deadline);
	deadline_set(&conns->requests, &conn->deadline, conn_now_ms(conn));
	conn_watch(conn, UV_READABLE);
	return 0;
}
