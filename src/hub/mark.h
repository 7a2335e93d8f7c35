#ifndef HUB_MARK_H
#define HUB_MARK_H

#include <stdint.h>

#include "base/list.h"

struct frame;
struct subscription;
struct topic;

/*
 * Stands in a topic's lists behind all subscriptions that are to have a frame.
 * When its turn comes, the last of them has had it; those who stalled do not
 * count. So the time is measured that a publication takes.
 */

/* A mark's node, to be put into the list of those who wait. */
struct list *mark_new(struct topic *, struct frame *);

/*
 * All have had the mark's frame in that topic. Frees the mark, which has that
 * place. Returns when the frame was published, on the monotonic clock in us, if
 * this was the last of its marks; else -1.
 */
int64_t mark_reached(struct subscription *place);

/* Frees all marks of a list that holds nothing else. */
void marks_free(struct list *);

#endif
