#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/*
 * FastCGI as a web server speaks it: appends what it sends, and reads what it
 * is answered. The fuzzers use this too.
 */

#define WIRE_KEEP_CONN 1

/* One record. */
void wire_record(struct buf *, unsigned type, unsigned id, const void *content,
    size_t len_bytes, size_t padding_bytes);

void wire_begin(struct buf *, unsigned id, unsigned role, unsigned flags);

/* The content of a PARAMS record: the pairs of NAME=value, which NULL ends. */
void wire_pairs(struct buf *, const char *const *env);

/* A stream of records of that type, and the empty one that ends it. */
void wire_stream(struct buf *, unsigned type, unsigned id, const void *bytes,
    size_t len_bytes);

/* A whole request of a responder. */
void wire_request(struct buf *, unsigned id, unsigned flags,
    const char *const *env, const char *body);

/* What has been answered to one request. */
struct wire_answer {
	struct buf *out; /* content of FCGI_STDOUT is appended */
	bool        is_out_ended;
	bool        is_ended; /* FCGI_END_REQUEST has come */
	unsigned    status;   /* its protocolStatus */
	size_t      used_bytes;
};

/*
 * Reads the records of the request up to its end, or as many as are there
 * whole. False when they are not what an application may send for it.
 */
bool wire_read(struct wire_answer *, unsigned id, const char *bytes,
    size_t len_bytes);

#endif
