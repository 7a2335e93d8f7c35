#include "edge/conn.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "edge/conns.h"
#include "edge/fcgi.h"
#include "http/answer.h"
#include "http/call.h"
#include "hub/turns.h"

/*
 * Those of the last connections are used again: freed, each would leave a hole
 * between two streams that stay.
 */
#define SPARES_MAX 64

static struct exchange *
exchange_new(struct conns *conns)
{
	struct exchange *exchange;

	if (list_is_empty(&conns->spares))
		return mem_zalloc(sizeof(*exchange));
	exchange = list_entry(conns->spares.next, struct exchange, spare_node);
	list_remove(&exchange->spare_node);
	conns->spare_count--;
	memset(exchange, 0, sizeof(*exchange));
	return exchange;
}

static void
exchange_free(struct conns *conns, struct exchange *exchange)
{
	if (conns->spare_count == SPARES_MAX) {
		free(exchange);
		return;
	}
	conns->spare_count++;
	list_init(&exchange->spare_node);
	list_append(&conns->spares, &exchange->spare_node);
}

struct exchange *
conn_exchange(struct conn *conn)
{
	struct exchange *exchange = conn->exchange;

	if (exchange != NULL)
		return exchange;
	exchange = exchange_new(conn->conns);
	exchange->conn = conn;
	deadline_init(&exchange->deadline);
	pool_share_init(&exchange->share);
	record_reader_init(&exchange->reader, &conn->conns->limits.records);
	if (conn->state == CONN_STREAMING)
		record_reader_resume(&exchange->reader, conn->request_id,
		    conn->is_kept, conn->foreign_bytes);
	conn->exchange = exchange;
	return exchange;
}

void
conn_free_exchange(struct conn *conn)
{
	struct exchange *exchange = conn->exchange;

	deadline_clear(&exchange->deadline);
	pool_hold(&conn->conns->pool, &exchange->share, 0);
	buf_deinit(&exchange->in);
	buf_deinit(&exchange->out);
	exchange_free(conn->conns, exchange);
	conn->exchange = NULL;
}

/* Has the deadline come as far ahead as those of the list do. */
void
conn_set_deadline(struct conn *conn, struct deadline_list *list)
{
	deadline_set(list, &conn->exchange->deadline,
	    turns_now_ms(conn->conns->turns));
}

/* The socket. */

void
conn_watch(struct conn *conn, int events)
{
	if (conn->watched == events)
		return;
	conn->watched = (uint8_t)events;
	uv_poll_start(&conn->poll, events, conn->conns->on_poll);
}

bool
conn_has_input(const struct conn *conn)
{
	char byte;

	return recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

/* Whether the socket takes a write of so many bytes whole now. */
static bool
has_room(struct conn *conn, size_t len_bytes)
{
	return room_has(&conn->room, conn->fd, len_bytes);
}

static struct fcgi_target
target_of(const struct conn *conn)
{
	return (struct fcgi_target){ conn->fd, conn->request_id };
}

/*
 * Writes a piece of the active request's response, or its last piece with its
 * end. Only when there is room. Returns 0, or -1 when the client is gone.
 */
static int
write_parts(struct conn *conn, const struct iovec *parts, int count)
{
	size_t len_bytes = 0;

	for (int i = 0; i < count; i++)
		len_bytes += parts[i].iov_len;
	room_use(&conn->room, len_bytes);
	return fcgi_write(conn->conns->fcgi, target_of(conn), parts, count);
}

static int
write_end(struct conn *conn, const void *bytes, size_t len_bytes)
{
	room_use(&conn->room, len_bytes);
	return fcgi_end(conn->conns->fcgi, target_of(conn), bytes, len_bytes);
}

/*
 * Writes a small record of our own; libfcgi has no call for these. As
 * write_parts.
 */
static int
write_record(struct conn *conn, const unsigned char *record, size_t len_bytes)
{
	ssize_t sent_bytes;

	room_use(&conn->room, len_bytes);
	sent_bytes = send(conn->fd, record, len_bytes, MSG_NOSIGNAL);
	return sent_bytes == (ssize_t)len_bytes ? 0 : -1;
}

static void
on_closed(uv_handle_t *handle)
{
	free(list_entry((uv_poll_t *)handle, struct conn, poll));
}

/* The handle first: it takes the descriptor out of the loop by its number. */
static void
close_socket(struct conn *conn)
{
	uv_close((uv_handle_t *)&conn->poll, on_closed);
	close(conn->fd);
	conn->fd = -1;
}

void
conn_close(struct conn *conn)
{
	assert(conn->peer.stream == NULL && conn->state != CONN_CLOSED);
	conn->state = CONN_CLOSED;
	list_remove(&conn->node);
	conn->conns->open_count--;
	if (conn->exchange != NULL)
		conn_free_exchange(conn);
	close_socket(conn);
}

/* Nobody waits for the call's answer. */
void
conn_cancel(struct conn *conn)
{
	struct call *call = conn->exchange == NULL ? NULL :
						     conn->exchange->call;

	if (call == NULL)
		return;
	conn->exchange->call = NULL;
	call_cancel(call);
}

void
conn_lose(struct conn *conn, enum stream_end end)
{
	conn_cancel(conn);
	if (conn->peer.stream != NULL)
		stream_end(conn->peer.stream, end);
	if (conn->state != CONN_CLOSED)
		conn_close(conn);
}

/* The same for a peer that does what it must not, and logs why. */
void
conn_break(struct conn *conn, const char *why)
{
	log_warn("bad-connection", LOG_STR("error", why));
	conn_lose(conn, STREAM_END_PROTOCOL_ERROR);
}

/* The request was answered: the connection is for the next one, or done. */
void
conn_finish(struct conn *conn)
{
	struct exchange *exchange = conn_exchange(conn);
	struct conns    *conns = conn->conns;

	buf_deinit(&exchange->out);
	exchange->sent_bytes = 0;
	exchange->is_checked = false;
	conn->state = CONN_READING;
	conn_watch(conn, UV_READABLE);
	/* Who still sends would not see the answer if we closed now. */
	if (exchange->reader.is_passing) {
		conn_set_deadline(conn, &conns->requests);
		return;
	}
	record_finish(&exchange->reader);
	if (!exchange->reader.is_kept || conns->is_draining) {
		conn_close(conn);
		return;
	}
	exchange->is_idle = exchange->in.len_bytes == 0;
	conn_set_deadline(conn,
	    exchange->is_idle ? &conns->idles : &conns->requests);
}

/* Writes the answer, a piece at a time as there is room. */
void
conn_send(struct conn *conn)
{
	struct exchange *exchange = conn->exchange;
	struct iovec     part;
	bool             is_end;
	int              result;

	do {
		part.iov_base = exchange->out.data + exchange->sent_bytes;
		part.iov_len = exchange->out.len_bytes - exchange->sent_bytes;
		if (part.iov_len > PEER_WRITE_BYTES_MAX)
			part.iov_len = PEER_WRITE_BYTES_MAX;
		if (!has_room(conn, part.iov_len)) {
			conn_watch(conn, UV_WRITABLE);
			conn_set_deadline(conn, &conn->conns->answers);
			return;
		}
		exchange->sent_bytes += part.iov_len;
		is_end = exchange->sent_bytes == exchange->out.len_bytes;
		result = is_end ? write_end(conn, part.iov_base, part.iov_len) :
				  write_parts(conn, &part, 1);
		if (result == -1) {
			conn_lose(conn, STREAM_END_WRITE_FAILED);
			return;
		}
	} while (!is_end);
	conn_finish(conn);
}

void
conn_put_record(struct conn *conn, const unsigned char *record,
    size_t len_bytes)
{
	if (!has_room(conn, len_bytes))
		conn_break(conn, "asks without reading the answers");
	else if (write_record(conn, record, len_bytes) == -1)
		conn_lose(conn, STREAM_END_WRITE_FAILED);
}

void
conn_put_end(struct conn *conn, enum record_status status)
{
	unsigned char record[RECORD_REPLY_BYTES_MAX];
	size_t        len_bytes;

	len_bytes = record_put_end(record, conn->request_id, status);
	conn_put_record(conn, record, len_bytes);
}

/* The call was answered. */
void
conn_answer(struct conn *conn)
{
	struct exchange *exchange = conn->exchange;
	struct call     *call = exchange->call;
	struct answer   *answer = &call->answer;

	exchange->call = NULL;
	exchange->reader.holds_next = false;
	deadline_clear(&exchange->deadline);
	if (answer->streams != NULL) {
		conn->state = CONN_STREAMING;
		conn_watch(conn, UV_READABLE);
		answer_open_stream(answer, &conn->peer);
	} else {
		conn->state = CONN_ANSWERING;
		exchange->out = answer->bytes;
		answer->bytes = (struct buf){ 0 };
		conn_send(conn);
	}
	/* What is left waits in memory until it is read. */
	if (conn->state == CONN_ANSWERING)
		pool_own(&conn->conns->pool, &exchange->share, call->client);
	call_free(call);
}

/* The connection as a stream sees it. */

static struct conn *
conn_of(struct peer *peer)
{
	return list_entry(peer, struct conn, peer);
}

static bool
on_has_room(struct peer *peer, size_t len_bytes)
{
	return has_room(conn_of(peer), len_bytes);
}

static int
on_write(struct peer *peer, const struct iovec *parts, int count)
{
	struct conn *conn = conn_of(peer);

	return write_parts(conn, parts, count);
}

static void
on_want_room(struct peer *peer)
{
	struct conn *conn = conn_of(peer);

	conn_watch(conn, UV_READABLE | UV_WRITABLE);
}

/* Without room for the end of the response all that is left is to close. */
static void
on_end(struct peer *peer, bool is_polite)
{
	struct conn *conn = conn_of(peer);

	if (is_polite && has_room(conn, 0) && write_end(conn, NULL, 0) == 0)
		conn_finish(conn);
	else
		conn_close(conn);
}

static const struct peer_ops conn_ops = {
	.has_room = on_has_room,
	.write = on_write,
	.want_room = on_want_room,
	.end = on_end,
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
	conn->fd = fd;
	room_init(&conn->room, fd, is_unix);
	conn->peer.ops = &conn_ops;
	conn->conns = conns;
	list_init(&conn->node);
	list_append(&conns->open, &conn->node);
	conns->open_count++;
	conn_exchange(conn);
	conn_set_deadline(conn, &conns->requests);
	conn_watch(conn, UV_READABLE);
	/* Mostly the request is there already. */
	conns->on_poll(&conn->poll, 0, UV_READABLE);
	return 0;
}
