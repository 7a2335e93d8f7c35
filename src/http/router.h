#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

#include "http/cors.h"

struct call;

/*
 * Answers the call (http/call.h), now or later; the context is the route's.
 * For a HEAD request a handler writes the same head, and opens no stream.
 */
typedef void handler_fn(struct call *, void *context);

/* A path, and who answers it. */
struct route {
	const char *path;
	handler_fn *get; /* GET and HEAD */
	void       *get_context;
	handler_fn *post; /* NULL: no POST */
	void       *post_context;
};

/* The table of routes, and where they are. */
struct router {
	const struct route *routes;
	size_t              route_count;
	char *const        *mounts; /* --mount; without any as path_init says */
	size_t              mount_count;
	struct cors         cors;
};

/*
 * Finds the route by method and path, and runs its handler. Returns whether
 * the call was answered; if not, call->on_answer is called later. An error is
 * an answer too.
 */
bool router_run(const struct router *, struct call *);

#endif
