#ifndef ROUTES_PAGE_H
#define ROUTES_PAGE_H

#include "http/router.h"

/* The page and the files that it needs. The context is not used. */
handler_fn page_route_get;

#endif
