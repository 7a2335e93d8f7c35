#ifndef HTTP_PATH_H
#define HTTP_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct call;

/*
 * The path that a client asked for, from what the web server says of it.
 * Servers differ: some put what follows the mount point into PATH_INFO, some
 * the whole path into SCRIPT_NAME or PATH_INFO, and nobody says then how much
 * of it is the mount point.
 */
struct path {
	char *full;     /* decoded, NUL-terminated */
	char *route;    /* points into full */
	bool  is_exact; /* route is all behind the mount point */
};

/*
 * Returns false when the request names no path. In both cases path->full is
 * to be freed; for the router it is the call's from there on.
 */
bool path_init(struct path *, const struct call *);

/* Whether the path is that of a route, such as "/clock". */
bool path_is(const struct path *, const char *route);

/* Whether it names a CGI program itself, without the slash that it needs. */
bool path_is_program(const struct path *, const struct call *);

/*
 * Appends the path with every byte that could mean something to a browser, a
 * terminal or a header as %XX, cut to some length.
 */
void path_append_safe(struct buf *, const char *path);

#endif
