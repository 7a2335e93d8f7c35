#ifndef PURE_URL_H
#define PURE_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/*
 * URLs as browsers read them: the URL standard (url.spec.whatwg.org), sections
 * 3 and 4, without its drive letters of Windows and without names of hosts
 * that are not ASCII.
 */

enum url_part {
	URL_PROTOCOL, /* without its colon */
	URL_USERNAME,
	URL_PASSWORD,
	URL_HOSTNAME,
	URL_PORT, /* empty: the scheme's own, or none */
	URL_PATHNAME,
	URL_SEARCH, /* without "?" */
	URL_HASH,   /* without "#" */
	URL_PART_COUNT
};

/* A parsed URL; {0} before the first url_parse. All parts are ASCII. */
struct url {
	struct buf parts[URL_PART_COUNT];
	bool       is_special;      /* http and its like */
	bool       has_opaque_path; /* as in urn:a:b */
	struct buf text;            /* what was parsed; only url.c needs it */
};

/* Accepts names of hosts that are not ASCII. */
#define URL_ANY_HOST 1u

/*
 * Parses the text, relative to a base if that is not NULL, into a URL that may
 * hold an earlier one. Returns 0, or -1 when it is no URL: then the parts mean
 * nothing. url_deinit is due in either case.
 */
int  url_parse(struct url *, const char *text, size_t len_bytes,
     const struct url *base, unsigned flags);
void url_deinit(struct url *);

/* Whether the part is that text. */
bool url_part_is(const struct url *, enum url_part, const char *text);

/* Whether the scheme, in lower case, is special: http, https, ws, ... */
bool url_scheme_is_special(const char *scheme, size_t len_bytes);

/* All special schemes; NULL ends them. */
extern const char *const url_special_schemes[];

/* The port of a special scheme, or "" when it has none. */
const char *url_default_port(const char *scheme, size_t len_bytes);

/*
 * Whether the URL lies at the hub's or below it, whatever its scheme and host:
 * compared are the paths, in which %XX of unreserved characters are decoded.
 */
bool url_is_below(const struct url *, const struct url *hub);

#endif
