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

/*
 * Refuses a POST by what its head says, before the body has come: answers the
 * call then. One that it lets pass is handed to the handler later, as another
 * call.
 */
typedef void check_fn(struct call *, void *context);

/*
 * A path, and the functions that answer it. Where the path ends with a slash
 * and "*", anything may follow the slash: call->rest. A QUERY is a GET whose
 * query goes on in its body, a form.
 */
struct route {
	const char *path;
	handler_fn *get; /* GET and HEAD */
	void       *get_context;
	handler_fn *post; /* NULL: no POST, and no QUERY */
	void       *post_context;
	check_fn   *post_check; /* with post_context; NULL: none */
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

/*
 * Looks at a call that has no body yet. Returns whether it was answered, since
 * it is refused whatever its body is. If not, *takes_body tells whether the
 * body will be looked at.
 */
bool router_check(const struct router *, struct call *, bool *takes_body);

/* Answers the call as refusal_come_back does, whatever it asks for. */
void router_refuse(const struct router *, struct call *, long retry_ms,
    const char *why);

#endif
