#ifndef ROUTES_METADATA_H
#define ROUTES_METADATA_H

#include "http/router.h"

struct access;

/*
 * What a client of draft 08 has to know of the hub: OAuth 2.0 Protected
 * Resource Metadata (RFC 9728). Its well-known path lies outside the hub's own,
 * so the web server needs a second rule for it. What the handler works with:
 */
struct metadata_route {
	const struct access *access;
	const char          *cookie; /* with tokens of draft 08 */
	char                *audience;
	char                *path; /* of this route; never NULL */
	char                *url;  /* for challenges; NULL: none */
};

/*
 * Sets the resource identifier, which is copied; NULL: there is none. The path
 * is made from that of the identifier if it is an http or https URL, else from
 * the hub's.
 */
void metadata_route_set(struct metadata_route *, const char *audience);
void metadata_route_deinit(struct metadata_route *);

/* The document, or 404 where no key for tokens of draft 08 is configured. */
handler_fn metadata_route_get;

#endif
