#ifndef HTTP_ORIGIN_H
#define HTTP_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct call;

/*
 * Whether a browser sent this for a page of another origin than the one that
 * the request is for; other programs say nothing of a page. Where the browser
 * tells by Sec-Fetch-Site (Fetch Metadata), that decides, since it sees what
 * proxies change. Else Origin (Fetch standard, section 3.2) is compared with
 * the host and port that the web server names: HTTP_HOST, with SERVER_PORT if
 * it has no port, and SERVER_NAME if it is not there.
 *
 * If so, and unless `why` is NULL, appends to it what was compared with what:
 * a clause about the page, "its origin ... is not ...", without a NUL.
 */
bool origin_is_foreign(const struct call *, struct buf *why);

/*
 * Whether the call says that it comes from a page of its own origin, by
 * Sec-Fetch-Site, Origin or else Referer. One that says nothing does not.
 */
bool origin_is_own(const struct call *);

/*
 * Whether it says by Origin, or else by Referer, that it comes from a page of
 * one of these origins. "*" is any; a "*" within one stands for any characters
 * of a host or port.
 */
bool origin_is_listed(const struct call *, char *const *origins,
    size_t origin_count);

#endif
