#ifndef STREAM_STREAMS_H
#define STREAM_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/heap.h"
#include "base/list.h"
#include "stream/clients.h"
#include "stream/places.h"
#include "stream/stream.h"

struct access;
struct hub;
struct rota;
struct seats;
struct turns;

struct stream_limits {
	size_t   count_max;        /* open at a time */
	size_t   seat_count;       /* in all processes; 0: no seats are taken */
	size_t   client_count_max; /* from one address; 0: no limit */
	int64_t  heartbeat_ms;     /* silence before a comment is sent */
	int64_t  stall_timeout_ms; /* no room to write for so long ends it */
	int64_t  lifetime_ms;      /* 0: no limit */
	int64_t  return_spread_ms; /* who is sent away comes back within */
	unsigned padding_bytes;    /* for streams that name none themselves */

	/* Where processes share seats, these are the places. */
	struct places_limits places;
};

/* Why no stream is to be opened now. */
enum stream_refusal {
	STREAM_ADMITTED,
	STREAM_REFUSED_FULL,   /* count_max are open, or no seat is free */
	STREAM_REFUSED_CLIENT, /* client_count_max of this address */
	STREAM_REFUSED_TURN,   /* all places are taken by others */
	STREAM_REFUSED_DRAINING,
	STREAM_REFUSAL_COUNT
};

/* The log's and the metrics' word for it. */
const char *stream_refusal_word(enum stream_refusal);

/* What all streams together have done. */
struct stream_totals {
	uint64_t opened_count;
	uint64_t refusal_counts[STREAM_REFUSAL_COUNT];
	uint64_t event_count;
	uint64_t byte_count;
	uint64_t end_counts[STREAM_END_COUNT];
};

/* All streams of the process. */
struct streams {
	struct turns        *turns;
	const struct hub    *hub; /* makes ids to come back with; or NULL */
	struct stream_limits limits;
	struct stream_totals totals;
	struct clients       clients;
	struct places        places; /* few, by turns, if there is a limit */

	/*
	 * Where there are limits for all processes that share them, one is
	 * taken for each open stream; NULL: there are none.
	 */
	struct seats        *seats;
	struct rota         *rota; /* turns on the seats; NULL without these */
	size_t               seat_count; /* that are taken by this process */
	size_t               open_count;
	size_t               stalled_count;
	bool                 is_draining;
	struct list          open;
	struct list          ended; /* freed by streams_reap */
	struct deadline_list heartbeats;
	struct deadline_list stalls;
	struct heap          lifetimes; /* of streams that have one, by end */

	/*
	 * Streams with a token, by the time of day when it ends. Both below
	 * are to be set before there is one.
	 */
	struct heap          expiries;
	const struct access *access;
	int64_t (*wall_ms)(void);

	int64_t clock_ahead_ms; /* the time of day ahead of turns' clock */
};

void streams_init(struct streams *, struct turns *,
    const struct stream_limits *);

/*
 * Takes other limits. Open streams stay, with the lifetime that they have; the
 * times of heartbeats and stalls are theirs too from now on.
 */
void streams_set_limits(struct streams *, const struct stream_limits *);

/* Without open streams. */
void streams_deinit(struct streams *);

/*
 * Sends the heartbeats and ends the streams that are due, and while draining
 * a slice of the others.
 */
void streams_run(struct streams *);

/* When streams_run is needed next, on turns_now_ms's clock; INT64_MAX: never.
 */
int64_t streams_next_ms(const struct streams *);

/* Whether streams_run has more to do at once. */
bool streams_is_busy(const struct streams *);

/*
 * Ends all streams as STREAM_END_SHUTDOWN, a slice in each streams_run, and
 * tells their clients to come back, within the spread.
 */
void streams_drain(struct streams *);

/* Ends all that are left, at once. */
void streams_end_all(struct streams *, enum stream_end);

/*
 * Looks whether the time of day was set. Where it was set back, streams with a
 * token end when they would have; where it was set forward, those whose token
 * is over by it end at once. Called before a stream gets a token's time.
 */
void streams_watch_clock(struct streams *);

/*
 * Ends the streams whose tokens were verified by keys that are no longer
 * there and, unless anonymous ones are allowed, those of the hub that have no
 * token; a slice in each streams_run.
 */
void streams_check_rights(struct streams *, bool is_anonymous_allowed);

/* The stream has opened; for stream_open. */
void streams_joined(struct streams *, const struct stream *);

/* It has ended; for stream_end. */
void streams_left(struct streams *, const struct stream *);

/* Takes over the limits of seats, and of turns on them; for set_limits. */
void streams_share_seats(struct streams *);

/* Leaves the seats whose streams have ended, or were not opened. */
void streams_leave_seats(struct streams *);

/* How many are open in all processes that share the seats, or in this one. */
size_t streams_shared_count(const struct streams *);

/* How many were refused, for whatever reason. */
uint64_t streams_refused_count(const struct streams *);

/*
 * Whether the client may open one more, for which the oldest stream may be
 * ended once it opens. A refusal is counted and logged, and *return_ms is the
 * time after which the client is to come back.
 */
enum stream_refusal streams_admit(struct streams *, const char *client,
    const char *path, long *return_ms);

/* Ends the oldest, if one that was admitted and opens now takes its place. */
void streams_make_place(struct streams *);

/*
 * A time after which a client is to come back, in ms, from one second on
 * and spread at random.
 */
long streams_return_ms(const struct streams *);

/* Frees what has ended; never from within a call of a stream or topic. */
void streams_reap(struct streams *);

#endif
