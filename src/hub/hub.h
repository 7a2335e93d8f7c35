#ifndef HUB_HUB_H
#define HUB_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "pure/histogram.h"

struct turns;
struct topic;

/* The name that stands for every topic. */
#define HUB_ALL "*"

struct hub_limits {
	size_t  event_count_max; /* of one topic */
	size_t  topic_count_max;
	size_t  bytes_max; /* of all, topics included */
	int64_t age_ms;
};

/*
 * The topics that anyone may publish to, by name, and the updates that they
 * keep for those who come back. The oldest update goes when there are too many
 * bytes or when it is too old; a topic goes that has neither an update nor a
 * subscriber. Topics themselves may take a quarter of the bytes: more of them
 * are refused, since what others have published is not to go for empty ones.
 */
struct hub {
	struct turns     *turns;
	struct hub_limits limits;
	void             *topics;  /* a tree, by name */
	void             *ids;     /* a tree: the oldest update with each id */
	struct list       updates; /* oldest first */
	struct list       idle;    /* topics to be freed */
	struct topic     *all;
	uint64_t          position; /* of the newest update */
	size_t            topic_count;
	size_t            update_count;
	size_t            topic_bytes;
	size_t            update_bytes;
	uint64_t          published_count;
	struct histogram  latency; /* from publish to the last subscriber */
};

void hub_init(struct hub *, struct turns *, const struct hub_limits *);

/* Without subscribers. */
void hub_deinit(struct hub *);

/* Takes other limits. A topic's own count holds for new topics. */
void hub_set_limits(struct hub *, const struct hub_limits *);

/*
 * The topic of that name, which is made if need be, or the one that has every
 * update for HISTORY_ALL. NULL when there are too many. Subscribe to it before
 * the next hub_run.
 */
struct topic *hub_topic(struct hub *, const char *name);

/* An update: the frame of its event, and where it goes. */
struct update_spec {
	const char *const *topics;      /* different names */
	size_t             topic_count; /* at least 1 */
	const char        *id;
	const char        *bytes;
	size_t             len_bytes;
};

/* Publishes to all the topics. Returns 0, or -1 when there are too many. */
int hub_publish(struct hub *, const struct update_spec *);

/*
 * The sequence number of the update with that id that went to one of the
 * topics; false: none is kept. An id may stand for several updates, then it is
 * the oldest that counts: rather an event twice than one lost. Spaces around
 * an id do not count, since a header field loses them.
 */
bool hub_find(const struct hub *, const char *id, struct topic *const *topics,
    size_t topic_count, uint64_t *seq);

/* The memory that topics and updates take. */
size_t hub_bytes(const struct hub *);

/* Lets go of what is too old, and of topics that nobody uses. */
void hub_run(struct hub *);

/* When hub_run is needed next, on turns_now_ms's clock; INT64_MAX: never. */
int64_t hub_next_ms(const struct hub *);

#endif
