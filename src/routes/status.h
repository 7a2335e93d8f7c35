#ifndef ROUTES_STATUS_H
#define ROUTES_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "http/router.h"

struct sampler;
struct store;
struct store_gate;
struct streams;
struct turns;

/*
 * The routes for the operator. Clients on other machines get 403 unless
 * --status is given. What the handlers work with:
 */
struct status_route {
	bool            is_open; /* --status */
	struct streams *streams;
	struct sampler *sampler;

	struct store      *store; /* of updates; NULL: there is none */
	struct store_gate *gate;  /* says why */

	/* The process answers one request at a time, and others are beside. */
	bool          is_single_use;
	struct turns *turns;
	struct list   waiting; /* calls until the store's state is known */
};

void status_route_init(struct status_route *);

/*
 * Has `answer` answer the call once the store knows whether it takes updates.
 * Where a process serves one request the store has to be asked first, and the
 * call waits two seconds at most.
 */
void status_route_learn(struct status_route *, struct call *,
    void (*answer)(struct call *, void *context), void *context);

/*
 * In each turn of the loop: goes on with calls that have waited. It is needed
 * next at status_route_next_ms, on turns_now_ms's clock.
 */
void    status_route_run(struct status_route *);
int64_t status_route_next_ms(const struct status_route *);

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
