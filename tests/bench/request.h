#ifndef BENCH_REQUEST_H
#define BENCH_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

enum { REQUEST_BYTES_MAX = 2048 };

/* What is asked; query may be empty, what is not needed NULL. */
struct request {
	const char *method;
	const char *path;
	const char *query;
	const char *last_event_id;
	const char *authorization;
	const char *body;    /* a form's */
	bool        is_kept; /* the connection stays for the next request */
};

/*
 * Write the request's bytes into a buffer of REQUEST_BYTES_MAX and return
 * their number: as nginx sends them to a responder (BEGIN_REQUEST, PARAMS,
 * STDIN), or as a web server receives them from an EventSource. The
 * latter has only the fields that belong to EventSource: a web server keeps the
 * head in memory as long as the stream, so a browser's other fields would be
 * counted as its cost (some 1 KiB in lighttpd).
 */
size_t request_fcgi(char *, const struct request *);
size_t request_http(char *, const struct request *);

#endif
