#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "decoder.h"

/* One client with one request: its socket, and what has come so far. */

enum client_state {
	CLIENT_NEW, /* has a socket, not connected */
	CLIENT_CONNECTING,
	CLIENT_WAITING, /* asked, no event yet */
	CLIENT_OPEN,    /* had the head and the first event */
	CLIENT_REFUSED, /* no connection, or closed before an event */
	CLIENT_CLOSED   /* closed or ended after its first event */
};

struct client {
	int               fd;
	enum client_state state;
	uint32_t          first_bytes; /* up to the first event */
	uint64_t          first_ns;    /* when the first event came */
	uint64_t          events;
	uint64_t          events_base; /* at the start of a window */
	uint64_t          next_seq;    /* of updates; 0: any may come */
	struct decoder    decoder;
};

/* Makes the socket; false when there are no descriptors left. */
bool client_init(struct client *, const struct address *, enum decoder_framing);
void client_deinit(struct client *);

/*
 * Connects, watches the socket and sends the request, or as much of this as
 * goes without waiting; client_continue does the rest when the socket can be
 * written. True when the state is no longer CLIENT_NEW; false when the
 * listening queue is full: try again later.
 */
bool client_start(struct client *, int epoll, const struct address *,
    const char *request, size_t request_bytes);
void client_continue(struct client *, int epoll, const char *request,
    size_t request_bytes);

/*
 * Reads what is there. Returns the bytes; 0 when the connection is closed
 * (the state says so), -1 when there was nothing.
 */
long client_read(struct client *, decoder_event_fn *, void *arg);

#endif
