#ifndef TOOL_REPLY_H
#define TOOL_REPLY_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* More of a response is of no use. */
#define REPLY_BODY_BYTES_MAX 4096

/* What a web server answered. */
struct reply {
	long        status;
	const char *content_type; /* NULL: none was given */
	const char *location;     /* of a redirection; otherwise NULL */
	const char *body;         /* its start at least; not terminated */
	size_t      body_bytes;
};

/*
 * Whether the event was accepted; then the body is its id. A 200 of a page or
 * of another program is none.
 */
bool reply_is_id(const struct reply *);

/*
 * Appends why the event was not accepted, and what to do. The key, NULL if
 * none was sent, is not repeated, whatever the server says.
 */
void reply_append_cause(struct buf *, const struct reply *, const char *key);

#endif
