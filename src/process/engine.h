#ifndef PROCESS_ENGINE_H
#define PROCESS_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "edge/conns.h"
#include "hub/hub.h"
#include "hub/turns.h"
#include "presence/lease.h"
#include "presence/presence.h"
#include "process/routing.h"
#include "process/seating.h"
#include "process/tail.h"
#include "stream/streams.h"

struct access;
struct keys;
struct options;
struct store_choice;
struct wills;

/*
 * The loop and all parts that it drives, for FastCGI and CGI alike. Each turn
 * of the loop delivers a slice of what is to be delivered, does what is due,
 * frees what has ended, and arms one timer for what comes next.
 */
struct engine {
	uv_loop_t       loop;
	uv_prepare_t    turn;
	uv_idle_t       more; /* active: the loop is not to sleep */
	uv_timer_t      timer;
	int64_t         armed_ms; /* the timer's time; INT64_MAX: none */
	int64_t         clock_due_ms;
	size_t          peak_count; /* of connections, since the last trim */
	struct turns    turns;
	struct streams  streams;
	struct clock   *clock;
	struct sampler *sampler;
	struct access  *access;
	struct presence presence;
	struct lease    lease;
	struct routing  routing;
	struct conns    conns; /* none under CGI */
	struct hub      hub;
	struct tail     tail;
	struct seating  seating;
	struct wills   *wills; /* of this machine's processes; NULL: none */

	int64_t (*wall_ms)(void); /* the time of day */

	/* Called in each turn, when all that is due is done; NULL: nothing. */
	void (*on_turn)(void *);
	void *arg;
};

/* The options have to outlive the engine, which takes over the token keys. */
void engine_init(struct engine *, const struct options *, struct store_choice *,
    struct keys *, size_t descriptors_max);

/*
 * Takes over what may change while the process runs: limits and times of
 * streams and of the history, origins, the status option, and who may
 * publish and subscribe. The old options may go then. It takes over the token
 * keys.
 */
void engine_set_options(struct engine *, const struct options *, struct keys *);

/* Runs until engine_stop. */
void engine_run(struct engine *);
void engine_stop(struct engine *);

/* After all other handles of the loop were closed with uv_close. */
void engine_deinit(struct engine *);

#endif
