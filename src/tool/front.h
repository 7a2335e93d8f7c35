#ifndef TOOL_FRONT_H
#define TOOL_FRONT_H

#include <stdbool.h>

struct sample;

/* A web server, and by which module it reaches fcgi-sse. */
enum front {
	FRONT_UNKNOWN,
	FRONT_APACHE, /* which module cannot be told */
	FRONT_APACHE_PROXY,
	FRONT_APACHE_FCGID,
	FRONT_APACHE_CGI,
	FRONT_LIGHTTPD,
	FRONT_NGINX,
	FRONT_HAPROXY,
	FRONT_CADDY,
	FRONT_H2O,
	FRONT_VARNISH, /* in front of another */
	FRONT_COUNT
};

/* How it is called in doc/web-servers.md. */
const char *front_name(enum front);

/* Whether it is Apache, with whatever module. */
bool front_is_apache(enum front);

/* What was recognised. */
struct fronts {
	enum front inner;   /* who asks fcgi-sse */
	enum front outer;   /* who answers the browser: the same, or a proxy */
	bool       is_said; /* by the field Server alone */
};

/*
 * Recognises the web server by what it does: by its own page for a request
 * that is malformed (odd), by what it makes of the names of fields, by what
 * it leaves out of a stream's head (stream, by HTTP/1.1), and by how fcgi-sse
 * says it was started (post, an answer to a POST); last by the field Server.
 */
void fronts_recognise(struct fronts *, const struct sample *odd,
    const struct sample *stream, const struct sample *post);

#endif
