#ifndef HUB_TURNS_H
#define HUB_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/list.h"

/*
 * Whose turn it is: whatever has calls to make, such as a topic with cursors
 * to call, stands in a queue and makes a slice of them when its turn comes, so
 * that a topic with ten thousand subscribers does not hold up one that has a
 * single one.
 */
struct turns {
	struct list          busy; /* of turn nodes, the next first */
	struct deadline_list held; /* turns that wait for others to join */
	int64_t (*now_us)(void);
	int64_t  now_ms;     /* of this turn; -1: not read yet */
	bool     has_begun;  /* the time is kept in now_ms */
	unsigned call_depth; /* see turns_is_calling */
};

/*
 * Whether subscribers are being called just now. The functions that call them
 * use topics, streams and frames: until they have returned none of these may be
 * freed, and no update may be delivered. topic_free, stream_free and hub_ingest
 * assert it. What is to be freed is in a list until the end of the loop's turn.
 * What is to be published is given to the store, from anywhere: it delivers in
 * a turn of its own.
 */
static inline bool
turns_is_calling(const struct turns *turns)
{
	return turns->call_depth > 0;
}

/* One place in the queue; it lies within its owner. */
struct turn {
	struct list     node;
	struct deadline held;

	/*
	 * Makes at most max calls, and says with turns_add or turn_leave
	 * whether some are left. Returns how many it made.
	 */
	size_t (*run)(struct turn *, size_t max);

	/* The time of turns_hold is over. */
	void (*release)(struct turn *);
};

/* now_us: the monotonic clock in µs; tests set theirs by hand. */
void turns_init(struct turns *, int64_t (*now_us)(void));
void turns_deinit(struct turns *);

/*
 * The same clock in ms. Between two calls of turns_begin it is read once, when
 * the time is first asked for: whatever happens in one turn of the loop happens
 * at one time. Where turns_begin is never called it is read each time.
 */
int64_t turns_now_ms(struct turns *);

/* Time goes on. */
void turns_begin(struct turns *);

/* turns_hold holds for so long; 0: not at all. */
void turns_set_coalesce_ms(struct turns *, int64_t coalesce_ms);

bool turns_is_busy(const struct turns *);

/* When turns_run is needed though nothing is busy; INT64_MAX: not. */
int64_t turns_next_ms(const struct turns *);

/* Has those that are busy make at most so many calls together, in turn. */
void turns_run(struct turns *, int64_t now_ms, size_t call_count_max);

void turn_init(struct turn *, size_t (*run)(struct turn *, size_t max),
    void (*release)(struct turn *));

/* Takes a place at the end of the queue, unless it has one. */
void turns_add(struct turns *, struct turn *);

/* Goes to the end of the queue. */
void turns_requeue(struct turns *, struct turn *);

/*
 * Has release called after a time, unless it is to be already. Returns false,
 * and does nothing, if turns are not held.
 */
bool turns_hold(struct turns *, struct turn *, int64_t now_ms);

bool turn_is_held(const struct turn *);
void turn_unhold(struct turn *);

/* Has nothing to do any more. */
void turn_leave(struct turn *);

#endif
