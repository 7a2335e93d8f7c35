#ifndef EDGE_CGI_H
#define EDGE_CGI_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct cgi;
struct routes;

/* Whether the environment is that of a CGI program (RFC 3875). */
bool		 cgi_is_requested(void);

/*
 * Answers the one request that the environment and standard input hold on
 * standard output. When all is written, or the client is gone, on_done is
 * called, from the loop.
 */
struct cgi	*cgi_new(uv_loop_t *, struct routes *, size_t body_bytes_max,
		    void (*on_done)(void *), void *arg);

/* After its stream, if there was one, has ended. */
void		 cgi_free(struct cgi *);

#endif
