#ifndef HUB_TOPIC_H
#define HUB_TOPIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "hub/ring.h"
#include "hub/update.h"

struct frame;
struct histogram;
struct selector;
struct turns;

/*
 * A topic keeps the frames of its last events in a ring. A subscriber is a
 * position: it has had every frame up to there. Live delivery, replay, and
 * catching up after a stall are therefore the same: the frames behind the
 * position. Positions rise through the whole log, so a subscriber can follow
 * several topics and still has every event once and in order.
 *
 * Each subscription stands in one of three lists. `waiting`: its subscriber has
 * had all there is. `ready`: its subscriber will be visited, some hundred in a
 * turn (hub/turns.h). `stalled`: its subscriber cannot take more, and will say
 * when it can. A publish moves the whole waiting list to the end of the ready
 * list, in one step however many stand there; a visit moves one subscription
 * back to waiting, before the subscriber takes what it can.
 *
 * A ring has limits, so the oldest frame has to be dropped at some time. A
 * subscriber that needs it and can take it is visited first; one that needs it
 * and cannot take it is overrun: it is told so and has to begin anew. Frames
 * that it may not have never do that to it, or it would learn of them. To look
 * through the lists at each publish would cost too much, hence two minima: no
 * subscriber in the stalled list is before stalled_min, and none that is to be
 * visited is before pending_min. Frames up to the smaller one are needed by
 * nobody. Both may be too low, since a subscriber that moves on does not raise
 * them, but never too high: too low costs a look at the list, which finds the
 * true minimum; too high would lose an event.
 *
 * A subscriber of several topics has a subscription in each, and takes the
 * frames of all of them at its first visit. When the other topics come to it,
 * it has had all that they have, and they pass it over.
 *
 * A topic knows no socket and no cursor, only its subscriptions.
 */
struct topic;

/* Limits of one topic's ring; the oldest frames make room for a new one. */
struct topic_limits {
	size_t frame_count_max;
	size_t frame_bytes_max; /* the newest frame stays whatever its size */

	/*
	 * For so long after its publication no frame is dropped for the count
	 * alone that a subscriber is still to have: a burst loses nothing to
	 * those who keep up. See topic_trim. 0: the count is strict.
	 */
	int64_t patience_ms;

	struct histogram *latency; /* of each event to its last subscriber */
	bool is_coalesced;         /* collects events, as turns->held says */

	/* Of a pattern: which topics' updates it has; else NULL. */
	const struct selector *selector;

	/* Called with arg, or NULL: the last subscriber has left; */
	void (*on_idle)(void *arg);

	/* the ring drops this frame. Neither may free the topic. */
	void (*on_drop)(void *arg, struct frame *);
	void *arg;
};

/* The name is for the log. Free with topic_free, without subscribers. */
struct topic *topic_new(struct turns *, const char *name,
    const struct topic_limits *);
void          topic_free(struct topic *);

/*
 * Adds a frame, whose position is behind all others of this topic; 0 gets the
 * next one of a count that is the topic's own. Takes a reference of its own. If
 * an older frame has to be dropped, those who can take it are served first,
 * within the call, so that a burst loses nothing to subscribers that keep up.
 * now_ms is on the monotonic clock.
 */
void topic_publish(struct topic *, struct frame *, int64_t now_ms);

/* Drops the frames up to this position, in the same way. */
void topic_drop(struct topic *, uint64_t position);

/* The same with the oldest frame, which there is. */
void topic_drop_oldest(struct topic *);

/* Drops this frame alone, which it has, in the same way; no on_drop. */
void topic_remove(struct topic *, const struct frame *);

/*
 * Drops what the limits do not let it keep any longer: frames beyond its count
 * that no subscriber needs, or whose time is over.
 */
void topic_trim(struct topic *, int64_t now_ms);

bool topic_is_over_count(const struct topic *);

/* Of the newest frame that was published; 0 when there was none. */
uint64_t topic_newest_position(const struct topic *);

/* Up to which position frames were dropped; 0: none were. */
struct dropped {
	uint64_t position;        /* of the newest frame that was dropped */
	uint64_t public_position; /* of the newest that is not private */
	uint64_t shared_position; /* the newest private one of several topics */
};

/* What is dropped with the update. */
static inline struct dropped
dropped_with(const struct update *update)
{
	struct dropped dropped = { .position = update->position };

	if (!update->is_private)
		dropped.public_position = update->position;
	else if (update->topic_count > 1)
		dropped.shared_position = update->position;
	return dropped;
}

const struct dropped *topic_dropped(const struct topic *);

/* Frames up to this position count as dropped, also those that it never had. */
void topic_set_dropped(struct topic *, const struct dropped *);

/* Raises the first to what was dropped by the second. */
static inline void
dropped_add(struct dropped *dropped, const struct dropped *more)
{
	if (more->position > dropped->position)
		dropped->position = more->position;
	if (more->public_position > dropped->public_position)
		dropped->public_position = more->public_position;
	if (more->shared_position > dropped->shared_position)
		dropped->shared_position = more->shared_position;
}

const struct ring *topic_ring(const struct topic *);

static inline size_t
topic_frame_count(const struct topic *topic)
{
	return topic_ring(topic)->frame_count;
}

const char            *topic_name(const struct topic *);
size_t                 topic_subscriber_count(const struct topic *);
const struct selector *topic_selector(const struct topic *);

/*
 * For good: each subscriber is told in its turn that it is overrun, and nothing
 * is published to the topic any more.
 */
void topic_end(struct topic *);

/* What a topic knows of a subscriber; there are many, so it is small. */
struct subscriber {
	uint64_t                     position; /* has had all frames up to it */
	const struct subscriber_ops *ops;
	uint32_t topic_count; /* that it follows: for its owner */
	bool     is_due;      /* to be visited though it may have had all */
};

struct subscriber_ops {
	/*
	 * There may be frames behind the position, or some were dropped.
	 * Anything may be done within but free a topic.
	 */
	void (*visit)(struct subscriber *);

	/* Whether it may have the update; it loses nothing by any other. */
	bool (*wants)(const struct subscriber *, const struct update *);
};

/* A subscriber's place in one topic. */
struct subscription {
	struct list        node; /* in one of the topic's lists */
	struct topic      *topic;
	struct subscriber *subscriber; /* NULL: no subscription, but a mark */
	uint64_t dropped_position; /* what was dropped up to it is no loss */
};

/* Begins in no list: topic_stall or topic_resume has to follow. */
void topic_join(struct topic *, struct subscription *, struct subscriber *);
void topic_leave(struct subscription *);

/* No visits until topic_resume, but when the subscriber is overrun. */
void topic_stall(struct subscription *);

/* A visit in its turn if is_ready, else when something is published. */
void topic_resume(struct subscription *, bool is_ready);

/* Whether a frame was dropped that its subscriber had yet to get. */
bool topic_has_overrun(const struct subscription *);

#endif
