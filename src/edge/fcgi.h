#ifndef EDGE_FCGI_H
#define EDGE_FCGI_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct call;

/*
 * libfcgi, without a socket on which it could block: it reads each request
 * from memory, and one writer serves all connections, aimed at one of them
 * for the length of a call. It is never left aimed, and never with a byte in
 * it: what stays there would go to the next client.
 */
struct fcgi;

/* Where a response goes. */
struct fcgi_target {
	int      fd;
	uint16_t request_id;
};

/*
 * Initialises libfcgi, which changes the handlers of SIGPIPE, SIGUSR1 and
 * SIGTERM: install others afterwards. Proves by one exchange through a
 * socketpair that this libfcgi behaves as this module needs it. Returns NULL
 * with *error, a constant line, if it does not.
 */
struct fcgi *fcgi_new(const char **error);
void         fcgi_free(struct fcgi *);

/*
 * Parses one whole request, as record.h has collected it, and gives the call
 * its environment and its body. Returns 0, or -1 when libfcgi does not accept
 * it.
 */
int fcgi_parse(struct fcgi *, const char *records, size_t len_bytes,
    size_t body_bytes, struct call *);

/* The same for the BEGIN_REQUEST and PARAMS of one: no body. */
int fcgi_parse_head(struct fcgi *, const char *records, size_t len_bytes,
    struct call *);

/*
 * Writes the parts, together at most PEER_WRITE_BYTES_MAX, as one record of
 * FCGI_STDOUT. Only when the socket has room for it. Returns 0, or -1 when
 * the client is gone: a record may be cut then, so all that is left is to
 * close the socket.
 */
int fcgi_write(struct fcgi *, struct fcgi_target, const struct iovec *parts,
    int count);

/*
 * As fcgi_write for the last bytes of a response, then ends it: the end of
 * FCGI_STDOUT and FCGI_END_REQUEST.
 */
int fcgi_end(struct fcgi *, struct fcgi_target, const void *bytes,
    size_t len_bytes);

#endif
