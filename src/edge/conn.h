#ifndef EDGE_CONN_H
#define EDGE_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/deadline.h"
#include "base/list.h"
#include "edge/pool.h"
#include "edge/record.h"
#include "edge/room.h"
#include "stream/peer.h"
#include "stream/stream.h"

struct call;
struct conns;

enum conn_state {
	CONN_READING,   /* collects a request */
	CONN_CALLING,   /* waits for the answer */
	CONN_ANSWERING, /* writes out, and reads nothing meanwhile */
	CONN_STREAMING, /* the stream writes */
	CONN_CLOSED
};

/*
 * What a connection needs while a request is read and answered. One that only
 * streams has none.
 */
struct exchange {
	struct conn         *conn;
	struct list          spare_node; /* in conns->spares, between two */
	struct deadline      deadline;
	struct record_reader reader;
	struct buf           in;
	struct pool_share    share;      /* of the memory for both */
	struct call         *call;       /* while CONN_CALLING */
	struct buf           out;        /* while CONN_ANSWERING */
	size_t               sent_bytes; /* of out */
	bool                 is_idle;    /* kept, and nothing has come */
	bool                 is_checked; /* the request, by its head */
};

/*
 * One connection from a web server, and the request that is active on it. What
 * a delivery touches stands together.
 */
struct conn {
	struct peer      peer;
	int              fd; /* -1: closed */
	struct room      room;
	uint16_t         request_id; /* of the active request */
	uint8_t          watched;    /* UV_READABLE | UV_WRITABLE */
	uv_poll_t        poll;
	struct conns    *conns;
	uint32_t         foreign_bytes; /* of the reader, without one */
	bool             is_kept;       /* the same */
	uint8_t          state;         /* enum conn_state */
	struct exchange *exchange;      /* NULL: it streams, or is closed */
	struct list      node;          /* in conns->open */
};

/*
 * Takes over a non-blocking descriptor that accept(2) gave, of a unix socket
 * or not. Returns 0, or -1 when it cannot be watched; it is closed then. The
 * connection frees itself after it was closed.
 */
int conn_new(struct conns *, int fd, bool is_unix);

/* What it has while it does not only stream; made if need be. */
struct exchange *conn_exchange(struct conn *);
void             conn_free_exchange(struct conn *);

/* Has these events reported from now on. */
void conn_watch(struct conn *, int events);

/* Whether something waits to be read. */
bool conn_has_input(const struct conn *);

/* Has its deadline come as far ahead as those of the list do. */
void conn_set_deadline(struct conn *, struct deadline_list *);

/* Sends the answer of exchange->call, or opens its stream; frees the call. */
void conn_answer(struct conn *);

/* The request was answered: the connection is for the next one, or closed. */
void conn_finish(struct conn *);

/* Goes on with the answer, as there is room. */
void conn_send(struct conn *);

/*
 * Sends a record of our own, or the end of the active request. A peer that
 * does not read them is closed.
 */
void conn_put_record(struct conn *, const unsigned char *, size_t len_bytes);
void conn_put_end(struct conn *, enum record_status);

/* Nobody waits for the call's answer, if there is one. */
void conn_cancel(struct conn *);

/* Closes it. Without a stream or a call. */
void conn_close(struct conn *);

/* Cancels its call, ends its stream for that reason, and closes it. */
void conn_lose(struct conn *, enum stream_end);

/* The same for a peer that does what it must not, and logs why. */
void conn_break(struct conn *, const char *why);

#endif
