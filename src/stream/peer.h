#ifndef STREAM_PEER_H
#define STREAM_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

/*
 * The way to one client, as a stream sees it. The edge has one for FastCGI
 * and one for CGI. None of the calls blocks.
 */
struct peer;
struct stream;

/* A write takes no more than this, and a stream asks for no more. */
#define PEER_WRITE_BYTES_MAX 8000

struct peer_ops {
	/* Whether a write of that many bytes would go out whole, now. */
	bool (*has_room)(struct peer *, size_t len_bytes);

	/*
	 * Writes all; only after has_room said so. Returns 0, or -1 when the
	 * client has left: then the stream ends itself.
	 */
	int (*write)(struct peer *, const struct iovec *, int count);

	/* Asks for one stream_resume when there is room again. */
	void (*want_room)(struct peer *);

	/*
	 * The stream has ended and is not to be touched any more; polite ends
	 * finish the response first.
	 */
	void (*end)(struct peer *, bool is_polite);
};

struct peer {
	const struct peer_ops *ops;
	struct stream         *stream; /* that writes to it; NULL: none */
};

#endif
