#ifndef HUB_TOPIC_H
#define HUB_TOPIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct histogram;
struct hub;

/*
 * A topic keeps the frames of its last events in a ring; each subscriber is a
 * cursor, a position in it. Live delivery, replay and catching up after a
 * stall are the same: the frames behind the position. Positions are sequence
 * numbers that rise through the whole hub, so one cursor can follow several
 * topics and still see every event once and in order.
 *
 * A topic knows no socket. It wakes cursors, some hundred at a time, from
 * hub_run (hub/hub.h).
 */

/* An event as it goes over the wire, encoded once and shared. */
struct frame {
	uint64_t	seq;		/* 0 until it is published */
	unsigned	ref_count;
	size_t		len_bytes;
	char		bytes[];
};

/* A copy of the bytes with one reference, which is the caller's. */
struct frame	*frame_new(const char *bytes, size_t len_bytes);
void		 frame_ref(struct frame *);
void		 frame_unref(struct frame *);

struct topic;

/* Limits of one topic's ring; the oldest frames make room for a new one. */
struct topic_limits {
	size_t	frame_count_max;
	size_t	frame_bytes_max;	/* the newest frame stays whatever its size */
	struct histogram *latency;	/* of deliveries to all; or NULL */
};

/* The name is for the log. Free with topic_free, without subscribers. */
struct topic	*topic_new(struct hub *, const char *name,
		    const struct topic_limits *);
void		 topic_free(struct topic *);

/* Gives the frame its place behind all others; takes a reference of its own. */
void		 topic_publish(struct topic *, struct frame *);

const char	*topic_name(const struct topic *);
size_t		 topic_subscriber_count(const struct topic *);

/* What became of a cursor that its topic calls. */
enum cursor_event {
	CURSOR_READY,		/* there may be frames behind the position */
	CURSOR_OVERRUN		/* frames behind the position are gone for good */
};

struct cursor;
typedef void	 cursor_fn(struct cursor *, enum cursor_event);

/* One cursor's place among the subscribers of one topic. */
struct subscription {
	struct list	 node;	/* in one of the topic's lists */
	struct topic	*topic;	/* NULL: not subscribed */
	struct cursor	*cursor;
};

/*
 * A subscriber's position. It lives inside its owner, to whom the calls go;
 * from within one the owner may do anything with the cursor, close included.
 */
struct cursor {
	uint64_t		 seq;	/* all frames up to this one were taken */
	cursor_fn		*call;
	struct subscription	 subscription;
};

/*
 * Opens a stalled cursor behind the topic's newest frame, or, with from_start,
 * before the oldest that is kept.
 */
void	 cursor_open(struct cursor *, struct topic *, bool from_start,
	    cursor_fn *);
bool	 cursor_is_open(const struct cursor *);
void	 cursor_close(struct cursor *);

/* No CURSOR_READY until cursor_resume; CURSOR_OVERRUN still comes. */
void	 cursor_stall(struct cursor *);

/* CURSOR_READY comes, in its turn, also when nothing is pending. */
void	 cursor_resume(struct cursor *);

/*
 * The next frames in order, at most max of them; returns how many. They stay
 * valid until the next publish. The position does not move.
 */
size_t	 cursor_peek(const struct cursor *, struct frame **, size_t max);

/* Moves the position behind the frame. */
void	 cursor_advance(struct cursor *, const struct frame *);

/*
 * For hub_run: calls at most max ready cursors of the topic whose node in the
 * hub's list this is, takes the node out when none is left, and returns how
 * many it called.
 */
size_t	 topic_run(struct list *busy_node, size_t max);

#endif
