#ifndef TOOL_REPLY_H
#define TOOL_REPLY_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct target;

/* More of a response is of no use. */
#define REPLY_BODY_BYTES_MAX 4096

/* What a web server, or fcgi-sse, answered. */
struct reply {
	long        status;
	const char *content_type;  /* NULL: none was given */
	const char *location;      /* of a redirection; otherwise NULL */
	const char *note;          /* its field Fcgi-Sse-Note, or NULL */
	long        retry_after_s; /* 0: none was given */
	const char *body;          /* its start at least; not terminated */
	size_t      body_bytes;
};

/* A request that had no answer. */
struct failure {
	int                  code;     /* a CURLcode */
	long                 os_error; /* an errno, or 0 */
	const char          *what;     /* in words; may be empty */
	const struct target *target;
	bool                 is_proven; /* an earlier one was accepted */
};

/*
 * Whether the event was accepted; then the body is its id. A 200 of a page or
 * of another program is none.
 */
bool reply_is_id(const struct reply *);

/* Whether such an answer may pass: the server, or its store, is away. */
bool reply_is_passing(const struct reply *);

/*
 * Whether the event may have been published all the same: a proxy or the web
 * server gave the answer, which cannot know, or fcgi-sse does not know itself.
 */
bool reply_is_doubtful(const struct reply *);

/*
 * Appends why the event was not accepted, and what to do. The key, NULL if
 * none was sent, is not repeated, whatever the server says.
 */
void reply_append_cause(struct buf *, const struct reply *, const char *key);

/* Appends why there was no answer, and what is likely to be the cause. */
void reply_append_failure(struct buf *, const struct failure *);

#endif
