#ifndef TOOL_FASTCGI_H
#define TOOL_FASTCGI_H

#include <stdint.h>

#include "base/buf.h"
#include "tool/reply.h"

/* What came back for a request. The reply's texts point into the bytes. */
struct fastcgi_answer {
	struct buf   bytes;
	struct reply reply;
};

enum fastcgi_result {
	FASTCGI_ANSWERED,
	FASTCGI_NOT_CONNECTED, /* errno says why */
	FASTCGI_TIMED_OUT,
	FASTCGI_BROKEN, /* the connection, before the answer was whole */
	FASTCGI_FAILED  /* what answers does not speak FastCGI */
};

/*
 * Publishes the form at the socket of a responder, as its web server would by
 * one request on a connection of its own (FastCGI specification, version 1.0).
 * The key may be NULL; once is an Idempotency-Key. The answer is filled in if
 * there is one, and to be given to fastcgi_answer_deinit in each case.
 */
enum fastcgi_result fastcgi_publish(const char *socket_path, const char *key,
    const char *once, const struct buf *form, int64_t timeout_ms,
    struct fastcgi_answer *);

void fastcgi_answer_deinit(struct fastcgi_answer *);

#endif
