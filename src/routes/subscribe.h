#ifndef ROUTES_SUBSCRIBE_H
#define ROUTES_SUBSCRIBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "http/bearer.h"
#include "http/router.h"

struct cors;
struct hub;
struct lean;
struct presence;
struct store;
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

	/*
	 * It is asked for publishers' ids that the hub does not know; NULL: it
	 * is this process's memory, of which the hub has all.
	 */
	struct store *store;

	/* Calls that wait until the hub has what was published before them. */
	struct list waiting;
	bool        waits_no_more; /* for the log to be read to its end */

	/* Calls whose ids the store looks for. */
	struct list asking;
};

/* A stream of the topics that the query names, or of the path's one. */
handler_fn subscribe_route_get;

void subscribe_route_init(struct subscribe_route *);

/*
 * The log was read to its end, or has been waited for long enough: from now on
 * no call waits for that. Those that wait for it are answered, unless they wait
 * for what was published here as well.
 */
void subscribe_route_resume(struct subscribe_route *);

/*
 * In each turn of the loop: answers the calls for which the hub has all that
 * was published here before them, or that have waited for it long enough, and
 * those whose ids the store has looked for long enough. While the log is read
 * to its end none of the first is answered. now_ms, and what next_ms
 * returns, is on turns_now_ms's clock.
 */
void    subscribe_route_run(struct subscribe_route *, int64_t now_ms);
int64_t subscribe_route_next_ms(const struct subscribe_route *);

/*
 * Has the function answer the call of a subscriber once the token is judged: as
 * bearer_judge, but where no token is needed and there are no keys, tokens are
 * ignored.
 */
void subscribe_route_judge(const struct subscribe_route *, struct call *,
    bearer_fn *answer, void *context);

/* Whether by that verdict one may subscribe; if not, the call was answered. */
bool subscribe_route_allows(const struct subscribe_route *, struct call *,
    const struct bearer_verdict *);

#endif
