#ifndef ROUTES_SUBSCRIPTIONS_H
#define ROUTES_SUBSCRIPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "http/router.h"
#include "routes/list_pace.h"

struct bearer;
struct cors;
struct hub;
struct presence;
struct roster;

/* What the handler works with: its context. */
struct subscriptions_route {
	const struct presence *presence;
	const struct roster   *roster;
	struct bearer         *bearer;
	const struct hub      *hub;
	const struct cors     *cors;
	int64_t (*wall_ms)(void);
	struct list_pace pace;
	bool is_single_use; /* the process has no stream but that of a call */
};

/*
 * Lists the active subscriptions of this process's streams and of those of
 * other processes, as the roster has them: all of them, those to one selector,
 * or one, as the path says. It takes a token that allows its holder to
 * subscribe to that path. 501 where each stream has a process of its own.
 */
handler_fn subscriptions_route_get;

#endif
