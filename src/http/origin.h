#ifndef HTTP_ORIGIN_H
#define HTTP_ORIGIN_H

#include <stdbool.h>

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

#endif
