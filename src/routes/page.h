#ifndef ROUTES_PAGE_H
#define ROUTES_PAGE_H

#include "http/router.h"

struct publish_route;

/* What the handlers work with: their context. */
struct page_route {
	const struct publish_route *publish; /* who may */
};

/* The page and the files that it needs. The context is not used. */
handler_fn page_route_get;

/* What the page has to know: whether its visitors may chat. */
handler_fn page_route_settings;

#endif
