#ifndef ROUTES_SUBSCRIBE_H
#define ROUTES_SUBSCRIBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "http/router.h"

struct bearer;
struct hub;
struct lean;
struct presence;
struct store_gate;
struct streams;
struct topic_by;

/* What the handler works with: its context. */
struct subscribe_route {
	struct hub            *hub;
	struct streams        *streams;
	struct presence       *presence;
	const struct cors     *cors;
	struct bearer         *bearer;
	const char            *public_url; /* the hub's, for the field Link */
	bool                   is_anonymous_allowed; /* without a token */
	struct store_gate     *gate;
	const struct topic_by *topic_by;
	int64_t (*wall_ms)(void);

	/* Of a process that serves one stream at a time; or NULL. */
	struct lean *lean;

	/* Calls that wait until the hub has what was published before them. */
	struct list waiting;
	bool        waits_no_more;
};

/* A stream of the topics that the query names, or of the path's one. */
handler_fn subscribe_route_get;

void subscribe_route_init(struct subscribe_route *);

/*
 * Answers those who wait for the hub to be level with the log, since it is, or
 * since they have waited long enough. From now on nobody waits for that; who
 * waits for what was published here goes on.
 */
void subscribe_route_resume(struct subscribe_route *);

/*
 * Once level: answers those who wait for what this process has published when
 * the hub has it, or when they have waited long enough. In each turn.
 */
void    subscribe_route_run(struct subscribe_route *, int64_t now_ms);
int64_t subscribe_route_next_ms(const struct subscribe_route *);

#endif
