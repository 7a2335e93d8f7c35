#ifndef EDGE_CONN_H
#define EDGE_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/buf.h"
#include "base/deadline.h"
#include "base/list.h"
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

/* One connection from a web server, and the request that is active on it. */
struct conn {
	struct peer          peer;
	struct conns        *conns;
	struct list          node; /* in conns->open */
	uv_poll_t            poll;
	int                  watched; /* UV_READABLE | UV_WRITABLE */
	int                  fd;
	enum conn_state      state;
	bool                 is_idle; /* kept, and nothing has come */
	struct room          room;
	struct deadline      deadline;
	struct record_reader reader;
	struct buf           in;
	size_t               counted_bytes; /* of in, in buffered_bytes */
	struct call         *call;          /* while CONN_CALLING */
	struct buf           out;           /* while CONN_ANSWERING */
	size_t               sent_bytes;    /* of out */
};

/*
 * Takes over a non-blocking descriptor that accept(2) gave, of a unix socket
 * or not. Returns 0, or -1 when it cannot be watched; it is closed then. The
 * connection frees itself after it was closed.
 */
int conn_new(struct conns *, int fd, bool is_unix);

/* The answer has not come in time: the client gets another one. */
void conn_time_out(struct conn *);

/* Whether something waits to be read. */
bool conn_has_input(const struct conn *);

/* Closes it. Without a stream or a call. */
void conn_close(struct conn *);

/* Ends its stream, if there is one, for that reason, and closes it. */
void conn_lose(struct conn *, enum stream_end);

/* The same for a peer that does what it must not, and logs why. */
void conn_break(struct conn *, const char *why);

#endif
