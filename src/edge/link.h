#ifndef EDGE_LINK_H
#define EDGE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "edge/record.h"
#include "edge/room.h"
#include "stream/peer.h"

struct fcgi;

/*
 * The socket of a connection, and how it is written to. What a delivery
 * touches stands together.
 */
struct link {
	struct peer peer;
	int         fd; /* -1: closed */
	struct room room;
	uint16_t    request_id; /* of the active request */
	uint8_t     watched;    /* UV_READABLE | UV_WRITABLE */
	uv_poll_t   poll;
};

/* Takes over the descriptor. Returns 0, or an error of libuv. */
int link_init(struct link *, uv_loop_t *, int fd, bool is_unix);

/* Has the events reported from now on. */
void link_watch(struct link *, int events, uv_poll_cb on_poll);

/* Closes it; on_closed is called when its memory may be freed. */
void link_close(struct link *, uv_close_cb on_closed);

/* Whether the socket takes a write of so many bytes whole now. */
bool link_has_room(struct link *, size_t len_bytes);

/*
 * Writes a piece of the active request's response, and with it its end if
 * is_end. Only when there is room. Returns 0, or -1 when the client is gone.
 */
int link_write(struct link *, struct fcgi *, const struct iovec *parts,
    int count);
int link_end(struct link *, struct fcgi *, const void *bytes, size_t len_bytes);

/*
 * Writes a small record of our own; libfcgi has no call for these. As
 * link_write.
 */
int link_put(struct link *, const unsigned char *record, size_t len_bytes);

/* Whether something waits to be read. */
bool link_has_input(const struct link *);

#endif
