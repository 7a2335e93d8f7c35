#ifndef HUB_CURSOR_H
#define HUB_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/topic.h"

struct frame;
struct update;

/* What became of a cursor that is called. */
enum cursor_event {
	CURSOR_READY,  /* there may be frames behind the position */
	CURSOR_OVERRUN /* frames behind the position were dropped */
};

struct cursor;
typedef void cursor_fn(struct cursor *, enum cursor_event);

/* Whether the cursor's owner may have this update. */
typedef bool cursor_filter(const struct cursor *, const struct update *);

/* Topics that one cursor may follow. */
#define CURSOR_TOPICS_MAX 256

/*
 * A subscriber's position in one or several topics. How the topics see it is
 * told above struct topic (hub/topic.h): it is one subscriber, with a
 * subscription in each of them. What a cursor adds is the order: it takes the
 * frames of its topics merged by their positions, each once, and moves its one
 * position over all of them. It is a member of its owner, which gets the calls;
 * within one the owner may do anything with the cursor, also close it.
 *
 * A filter passes over the frames that the owner may not have. The position
 * moves over them as if they had been taken, or they would be missed later.
 */
struct cursor {
	struct subscriber subscriber; /* position, and number of topics */
	cursor_fn        *call;
	cursor_filter    *accepts; /* NULL: takes every frame */

	union {
		struct subscription  only; /* if there is one topic */
		struct subscription *many; /* if there are several */
	} in;

	/* With a filter: the last frame that it let through, */
	uint64_t accepted_position;
	/* and the last that it looked at behind it. */
	uint64_t passed_position;
};

/* Positions that stand for others. */
#define CURSOR_FROM_START 0
#define CURSOR_FROM_NOW UINT64_MAX

/*
 * Opens a stalled cursor on 1 to CURSOR_TOPICS_MAX topics, all different,
 * behind that position, which may lie ahead of all that was published. What
 * the topics do not keep any more is passed over. accepts: a filter, or NULL.
 */
void cursor_open(struct cursor *, struct topic *const *topics,
    size_t topic_count, uint64_t position, cursor_fn *, cursor_filter *accepts);
bool cursor_is_open(const struct cursor *);
void cursor_close(struct cursor *);

/* All frames up to this position were taken. */
uint64_t cursor_position(const struct cursor *);

/* Whether the topics have frames behind the position. */
bool cursor_is_behind(const struct cursor *);

/* No CURSOR_READY until cursor_resume; CURSOR_OVERRUN still comes. */
void cursor_stall(struct cursor *);

/* CURSOR_READY comes, in its turn, also when nothing is pending. */
void cursor_resume(struct cursor *);

/*
 * The next frames in order, at most max of them; returns how many. They stay
 * valid until the next publish. The position does not move, but over frames
 * that the filter does not let through.
 */
size_t cursor_peek(struct cursor *, struct frame **, size_t max);

/* Moves the position behind a frame of the last cursor_peek. */
void cursor_advance(struct cursor *, const struct frame *);

#endif
