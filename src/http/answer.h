#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include <stdbool.h>

#include "base/buf.h"
#include "stream/stream.h"

struct peer;
struct streams;

/*
 * What a handler makes of a request: the bytes of a CGI response (RFC 3875
 * section 6), whole, or those with which a stream begins.
 */
struct answer {
	struct buf bytes;
	struct buf common;   /* fields that every head carries */
	bool       has_body; /* false: HEAD, no body is added */
	int        status;   /* of the head; 0: there is none yet */

	/* The stream that follows the bytes; streams is NULL: none. */
	struct streams    *streams;
	struct stream_spec stream;
};

/*
 * {0} is an empty answer; so it is again after answer_deinit. A stream that
 * was not opened is released.
 */
void answer_deinit(struct answer *);

/* Begins the answer anew, with the fields that every head carries. */
void answer_restart(struct answer *);

/*
 * Begins the head. The status is its code and phrase, "404 Not Found"; for
 * "200 OK" no Status field is written, since some web servers pass it on. A
 * content type of NULL writes none.
 */
void answer_head(struct answer *, const char *status, const char *content_type);

/* Adds one header field. No value comes from a client unchecked. */
void answer_field(struct answer *, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Ends the head; the bytes are the body, or its beginning. */
void answer_body(struct answer *, const void *bytes, size_t len_bytes);

/*
 * Begins the head of an event stream. Web servers and proxies may buffer a
 * response before they pass it on; the fields ask nginx, caches and proxies not
 * to do so.
 */
void answer_stream_head(struct answer *);

/* For the edge: opens the stream that there is; as stream_open. */
void answer_open_stream(struct answer *, struct peer *);

/* Begins the head of an answer of one line of text. */
void answer_text_head(struct answer *, const char *status);

/* Ends that head; the line is the body, without its line end. */
void answer_text(struct answer *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
