#ifndef ROUTES_PAGE_H
#define ROUTES_PAGE_H

#include <stdint.h>

#include "http/router.h"

struct presence;
struct publish_route;

/* What the handlers work with: their context. */
struct page_route {
	const struct publish_route *publish;     /* who may */
	const struct presence      *presence;    /* in which shapes */
	int64_t                     lifetime_ms; /* of streams; 0: no limit */
};

/* The page and the files that it needs. The context is not used. */
handler_fn page_route_get;

/*
 * What the page has to know: whether its visitors may chat, in which shapes the
 * subscriptions are listed and announced, and after which time streams are
 * ended on purpose.
 */
handler_fn page_route_settings;

#endif
