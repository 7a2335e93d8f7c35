#ifndef HUB_MARK_H
#define HUB_MARK_H

#include "base/list.h"

struct frame;
struct histogram;
struct mark;
struct subscription;
struct topic;
struct turns;

/*
 * Stands in a topic's lists behind all subscriptions that are to have a frame.
 * When its turn comes, the last of them has had it; those who stalled do not
 * count. So the time is measured that a publication takes. Most topics have one
 * frame on its way at a time, so each keeps the mark that it has used: the
 * spare one, NULL if there is none.
 */

/* A mark's node, to be put into the list of those who wait. */
struct list *mark_new(struct mark **spare, struct topic *, struct frame *);

/*
 * All have had the mark's frame in that topic. Frees the mark, which has that
 * place. If it is the last of the frame's marks, adds to the histogram, in us,
 * how long ago the frame was published.
 */
void mark_reached(struct subscription *place, struct mark **spare,
    struct histogram *latency, const struct turns *);

/* Frees all marks of a list that holds nothing else, or the spare one. */
void marks_free(struct list *);
void mark_free_spare(struct mark *);

#endif
