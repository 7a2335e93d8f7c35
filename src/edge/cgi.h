#ifndef EDGE_CGI_H
#define EDGE_CGI_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct cgi;
struct router;

/* Whether the environment is that of a CGI program (RFC 3875). */
bool cgi_is_requested(void);

/*
 * Takes the one request that the environment and standard input hold. Reading
 * may take as long as the client takes to send it, so signals should end the
 * process as they do by default.
 */
struct cgi *cgi_new(uv_loop_t *, const struct router *, size_t body_bytes_max,
    void (*on_done)(void *), void *arg);

/*
 * Answers it on standard output. When all is written, or the client has closed
 * the connection, on_done is called, here or from the loop.
 */
void cgi_start(struct cgi *);

/*
 * The process is to stop: a request that waits for its answer is refused. A
 * stream is ended by streams_end_all.
 */
void cgi_stop(struct cgi *);

/* After its stream, if there was one, has ended. */
void cgi_free(struct cgi *);

#endif
