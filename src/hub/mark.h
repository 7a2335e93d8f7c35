#ifndef HUB_MARK_H
#define HUB_MARK_H

#include <stdint.h>

#include "base/list.h"

struct frame;
struct histogram;
struct subscription;
struct topic;

/*
 * Stands in a topic's lists behind all subscriptions that are to have a frame.
 * When its turn comes, the last of them has had it; those who stalled do not
 * count. So the time is measured that a publication takes.
 */

/* A mark's node, to be put into the list of those who wait. */
struct list *mark_new(struct topic *, struct frame *, int64_t now_us);

/*
 * All have had the mark's frame in that topic; if it is so in all topics, the
 * time is counted. Frees the mark, which has that place.
 */
void mark_reached(struct subscription *place, struct histogram *,
    int64_t                            now_us);

/* Frees all marks of a list that holds nothing else. */
void marks_free(struct list *);

#endif
