#ifndef ROUTES_STATUS_H
#define ROUTES_STATUS_H

#include <stdbool.h>

#include "http/router.h"

struct sampler;
struct store;
struct store_gate;
struct streams;

/*
 * For whoever looks after the process. To clients on other machines these are
 * closed unless --status opens them. What the handlers work with:
 */
struct status_route {
	bool            is_open; /* --status */
	struct streams *streams;
	struct sampler *sampler;

	const struct store      *store; /* of updates; NULL: there is none */
	const struct store_gate *gate;  /* says why */
};

/* Whether the client may look; if not, the call was answered. */
bool status_route_allows(const struct status_route *, struct call *);

/*
 * Whether the process takes new streams, and updates: 503 and a reason while it
 * stops, or while its store takes none.
 */
handler_fn status_route_health;

/* The status page and its files, and the stream of samples that it shows. */
handler_fn status_route_page;
handler_fn status_route_events;

#endif
