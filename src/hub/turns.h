#ifndef HUB_TURNS_H
#define HUB_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/list.h"

/*
 * What all topics share: the sequence of events, and the turns in which
 * topics with something to deliver are served, a slice each, so that a topic
 * with ten thousand subscribers does not hold up one that has a single one.
 */
struct turns {
	uint64_t             last_seq;
	struct list          busy; /* topics with cursors to call, in turn */
	struct deadline_list held; /* coalesced topics, from the first event */
	int64_t (*now_us)(void);
};

/* now_us: the monotonic clock in µs; tests set theirs by hand. */
void turns_init(struct turns *, int64_t (*now_us)(void));
void turns_deinit(struct turns *);

/* The same clock in ms. */
int64_t turns_now_ms(const struct turns *);

/* Coalesced topics collect events for so long before they deliver; 0: not. */
void turns_set_coalesce_ms(struct turns *, int64_t coalesce_ms);

bool turns_is_busy(const struct turns *);

/* When turns_run is needed though nothing is busy; INT64_MAX: not. */
int64_t turns_next_ms(const struct turns *);

/* Calls at most call_count_max cursors of the topics that are busy, in turn. */
void turns_run(struct turns *, size_t call_count_max);

#endif
