#ifndef EDGE_CONNS_H
#define EDGE_CONNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/deadline.h"
#include "base/list.h"
#include "edge/pool.h"
#include "edge/record.h"

struct fcgi;
struct router;
struct streams;
struct turns;

struct conn_limits {
	struct record_limits records;
	size_t               small_bytes_max;    /* of all small requests */
	size_t               large_bytes_max;    /* of all others */
	int64_t              request_timeout_ms; /* one request, whole */
	int64_t              idle_timeout_ms;    /* a kept connection */
	int64_t              call_timeout_ms;    /* until it is answered */
	int64_t              answer_timeout_ms;  /* no room to write */
};

/* All connections from web servers. */
struct conns {
	uv_loop_t           *loop;
	uv_poll_cb           on_poll; /* what sockets report to */
	struct fcgi         *fcgi;
	const struct router *router;
	struct streams      *streams;
	struct turns        *turns;
	struct conn_limits   limits;
	size_t               open_count;
	struct list          spares; /* exchanges to be used again */
	size_t               spare_count;
	struct pool          pool;        /* memory of requests and answers */
	bool                 is_draining; /* no connection is kept */
	struct list          open;
	struct deadline_list requests;
	struct deadline_list idles;
	struct deadline_list calls;
	struct deadline_list answers;
};

void conns_init(struct conns *, const struct conn_limits *);

/* New limits hold for what is open as well. */
void conns_set_limits(struct conns *, const struct conn_limits *);

/* Closes the connections that are past their deadline. */
void conns_run(struct conns *);

/* When conns_run is needed next; INT64_MAX: never. */
int64_t conns_next_ms(const struct conns *);

/*
 * Keeps no connection from now on, and closes those on which nothing has come.
 * A request that is on its way may still arrive, soon.
 */
void conns_drain(struct conns *);

/* Closes what is open, whatever it does. Without streams. */
void conns_close_all(struct conns *);

/* Frees what is kept to be used again. */
void conns_trim(struct conns *);

#endif
