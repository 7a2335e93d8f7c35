#ifndef HUB_TOPIC_H
#define HUB_TOPIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/list.h"
#include "hub/ring.h"

struct histogram;
struct turns;

/*
 * A topic keeps the frames of its last events in a ring; each subscriber is a
 * cursor, a position in it. Live delivery, replay and catching up after a
 * stall are the same: the frames behind the position. Positions are sequence
 * numbers that rise through the whole hub, so one cursor can follow several
 * topics and still see every event once and in order.
 *
 * A topic knows no socket. It wakes cursors, some hundred at a time, from
 * turns_run (hub/turns.h).
 */

struct topic;

/* Limits of one topic's ring; the oldest frames make room for a new one. */
struct topic_limits {
	size_t frame_count_max;
	size_t frame_bytes_max; /* the newest frame stays whatever its size */
	struct histogram *latency; /* of deliveries to all; or NULL */
	bool is_coalesced;         /* collects events, as turns->held says */

	/*
	 * The count alone drops no frame that a subscriber is still to have:
	 * for topics whose owner keeps the frames anyway, and calls topic_drop
	 * when they take too much.
	 */
	bool is_patient;

	/* The last subscriber has left: not to be freed within. Or NULL. */
	void (*on_idle)(void *arg);
	void *arg;
};

/* The name is for the log. Free with topic_free, without subscribers. */
struct topic *topic_new(struct turns *, const char *name,
    const struct topic_limits *);
void          topic_free(struct topic *);

/*
 * Gives a new frame its place behind all others, or one that was published to
 * another topic just now, the same place here. Takes a reference of its own.
 * If an older frame has to go, those who can take it are served first, within
 * the call, so that a burst loses nothing to subscribers that keep up.
 */
void topic_publish(struct topic *, struct frame *);

/* Drops the frames up to this sequence number, in the same way. */
void topic_drop(struct topic *, uint64_t seq);

size_t topic_frame_count(const struct topic *);

/* Of the newest frame that is gone; 0 when all are there. */
uint64_t topic_dropped_seq(const struct topic *);

const char *topic_name(const struct topic *);
size_t      topic_subscriber_count(const struct topic *);

/* What became of a cursor that its topic calls. */
enum cursor_event {
	CURSOR_READY,  /* there may be frames behind the position */
	CURSOR_OVERRUN /* frames behind the position are gone for good */
};

struct cursor;
typedef void cursor_fn(struct cursor *, enum cursor_event);

/* One cursor's place among the subscribers of one topic. */
struct subscription {
	struct list    node; /* in one of the topic's lists */
	struct topic  *topic;
	struct cursor *cursor;
	uint64_t       gone_seq; /* gone already when the cursor was opened */
};

/* Topics that one cursor may follow. */
#define CURSOR_TOPICS_MAX 256

/*
 * A subscriber's position. It lives inside its owner, to whom the calls go;
 * from within one the owner may do anything with the cursor, close included.
 */
struct cursor {
	uint64_t             seq; /* all frames up to this one were taken */
	cursor_fn           *call;
	struct subscription *subscriptions;      /* &only if there is one */
	size_t               subscription_count; /* 0: closed */
	struct subscription  only;
};

/* Positions that need no sequence number. */
#define CURSOR_FROM_START 0
#define CURSOR_FROM_NOW UINT64_MAX

/*
 * Opens a stalled cursor on 1 to CURSOR_TOPICS_MAX topics, all different,
 * behind the frame of that sequence number. What they do not keep any more is
 * passed over.
 */
void cursor_open(struct cursor *, struct topic *const *topics,
    size_t topic_count, uint64_t seq, cursor_fn *);
bool cursor_is_open(const struct cursor *);
void cursor_close(struct cursor *);

/* No CURSOR_READY until cursor_resume; CURSOR_OVERRUN still comes. */
void cursor_stall(struct cursor *);

/* CURSOR_READY comes, in its turn, also when nothing is pending. */
void cursor_resume(struct cursor *);

/*
 * The next frames in order, at most max of them; returns how many. They stay
 * valid until the next publish. The position does not move.
 */
size_t cursor_peek(const struct cursor *, struct frame **, size_t max);

/* Moves the position behind the frame. */
void cursor_advance(struct cursor *, const struct frame *);

/*
 * For turns_run: calls at most max ready cursors of the topic whose node in the
 * hub's list this is, takes the node out when none is left, and returns how
 * many it called.
 */
size_t topic_run(struct list *busy_node, size_t max);

/* For turns_run: the topic of that deadline in turns->held is to deliver now.
 */
void topic_release_held(struct deadline *);

#endif
