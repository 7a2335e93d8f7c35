#ifndef HTTP_PATH_H
#define HTTP_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct call;

/*
 * The path that a client asked for, from what the web server says of it.
 * Servers differ: some put what follows the mount point into PATH_INFO, some
 * the whole path into SCRIPT_NAME or PATH_INFO, and then only the option mount
 * says how much of it is the mount point. Only what follows the mount point is
 * a route, and all of it: otherwise another path with the same end would evade
 * a web server's rule for one.
 */
struct path {
	char       *full;  /* decoded, NUL-terminated */
	const char *route; /* points into full; NULL: below no mount point */
	bool        is_mount_known; /* if not, it is taken for the root */
};

/*
 * Mounts are the option's, and count alone if there are any. Returns false
 * when the request names no path. In both cases path->full is to be freed; for
 * the router it is the call's from there on.
 */
bool path_init(struct path *, const struct call *, char *const *mounts,
    size_t mount_count);

/*
 * Whether the path is that of a route, such as "/clock". A well-known URI is
 * one at the root of the host too, whatever the mount point is.
 */
bool path_is(const struct path *, const char *route);

/*
 * What follows the route's slash, where the route ends with a slash and "*" and
 * the path begins with it; it points into full, and may be empty. Else NULL.
 * What is said of a well-known URI holds here too.
 */
const char *path_rest(const struct path *, const char *route);

/*
 * Where the mount point is not known and the path ends like the route, or has
 * one with a "*" in it: how long the mount point would be. Otherwise 0.
 */
size_t path_guess_mount(const struct path *, const char *route);

/*
 * Whether it is the mount point itself, without the slash that it needs, or
 * names a CGI program, which is one.
 */
bool path_is_mount(const struct path *, const struct call *);

/*
 * Appends the path with every byte that could mean something to a browser, a
 * terminal or a header as %XX, cut to some length.
 */
void path_append_safe(struct buf *, const char *path);

#endif
