#ifndef EDGE_ROOM_H
#define EDGE_ROOM_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether a socket takes a write whole. libfcgi counts a partial write as an
 * error, and what was written is lost with it, so nothing is written without
 * asking here. A poll(2) for each event would cost a tenth of its price, so
 * one that says POLLOUT pays for as many writes as surely fit behind it.
 */
struct room {
	int  credit_bytes;
	bool is_unix;
};

/*
 * For a socket that nothing was written to yet. Also raises a send buffer that
 * is too small for one write.
 */
void room_init(struct room *, int fd, bool is_unix);

/* Whether len_bytes, at most PEER_WRITE_BYTES_MAX, go out whole now. */
bool room_has(struct room *, int fd, size_t len_bytes);

/* So many bytes were written. */
void room_use(struct room *, size_t len_bytes);

#endif
