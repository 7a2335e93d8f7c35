#ifndef HUB_FRAME_H
#define HUB_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "hub/update.h"

struct own_id;
struct pattern;

/*
 * An event as it is sent to clients: encoded once, and shared by all rings and
 * streams that deliver it. It knows the update that it is.
 */
struct frame {
	/*
	 * The names of the topics, and the id, are the hub's. A frame of no
	 * hub has neither. The position is 0 until it is published.
	 */
	struct update update;

	int64_t  published_ms; /* monotonic; 0: not yet */
	int64_t  published_us; /* the same, to who subscribes; 0: to nobody */
	unsigned mark_count;   /* topics whose last subscriber has it not yet */
	unsigned ref_count;

	/* The hub's, for those that it keeps. */
	unsigned         ring_count;    /* rings of named topics that have it */
	unsigned         pattern_count; /* whose rings have it */
	unsigned         pattern_slots; /* used, some by NULL: it was removed */
	unsigned         pattern_next;  /* where the next is looked for */
	struct pattern **patterns;
	struct list      node;      /* of all that are kept */
	struct list      orphan;    /* of those that no named ring has */
	struct list      announced; /* of the hub's own announcements */
	struct own_id   *own_id;    /* if its publisher chose one */

	size_t len_bytes;
	char   bytes[];
};

/* A copy of the bytes with one reference, which is the caller's. */
struct frame *frame_new(const char *bytes, size_t len_bytes);

/*
 * The frame of an update: the id field with this id, and the event. The names
 * of its topics are yet to be written, and they and its own id are not copied.
 */
struct frame *frame_new_update(const struct update *, const char *id);

/* The names of its topics, to be written. */
const char **frame_topics(struct frame *);

/* What an update takes, with its slots in the rings of its topics. */
size_t frame_cost_bytes(const struct frame *);

/*
 * A pattern's ring is to have it, or does not have it any more. Quick where
 * they are removed in the order in which they came.
 */
void frame_add_pattern(struct frame *, struct pattern *);
void frame_remove_pattern(struct frame *, const struct pattern *);

/* One of these patterns, which is removed; NULL: there is none. */
struct pattern *frame_take_pattern(struct frame *);

void frame_ref(struct frame *);
void frame_unref(struct frame *);

#endif
