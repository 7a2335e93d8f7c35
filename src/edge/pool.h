#ifndef EDGE_POOL_H
#define EDGE_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"

/*
 * The memory for requests that are not whole yet, and for answers that are not
 * sent yet: all here is said of requests, and holds for these too. Small ones
 * have memory that is theirs alone, so that no body keeps a GET out. Where
 * there is none left, the largest request of the client that holds most is
 * refused, so a client that sends little is never refused because others send
 * much, be it in many requests. A request whose client is not known yet counts
 * as a client of its own.
 */
struct pool_half {
	struct list shares;
	size_t      bytes;
	size_t      bytes_max;
};

struct pool {
	struct pool_half small;
	struct pool_half large;
	size_t           bytes;   /* of both */
	void            *clients; /* a tree of those that hold something */
};

/* A request up to this size is small. */
#define POOL_SMALL_BYTES 8192

/* What one request holds; it lies within its owner. */
struct pool_share {
	struct list         node;
	struct pool_half   *half; /* NULL: holds nothing */
	size_t              bytes;
	struct pool_client *client; /* NULL: not known */
};

/* A pool without memory. */
void pool_init(struct pool *);

/* Changes how much each half has; what is held stays. */
void pool_set_limits(struct pool *, size_t small_bytes_max,
    size_t large_bytes_max);

/* A share of nothing. */
void pool_share_init(struct pool_share *);

/* Whose it is, until it holds nothing any more: an address, or NULL. */
void pool_own(struct pool *, struct pool_share *, const char *address);

/* It holds so many bytes from now on. */
void pool_hold(struct pool *, struct pool_share *, size_t bytes);

/* Whether it may hold so many. */
bool pool_has(struct pool *, const struct pool_share *, size_t bytes);

/*
 * Who is to make room for a share that is to be of so many bytes: in its half
 * the largest of the client that holds most, or NULL if that would be the share
 * itself.
 */
struct pool_share *pool_victim(struct pool *, const struct pool_share *,
    size_t bytes);

#endif
