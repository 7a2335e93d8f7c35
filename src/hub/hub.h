#ifndef HUB_HUB_H
#define HUB_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/list.h"
#include "hub/ids.h"
#include "hub/shares.h"
#include "hub/topic.h"
#include "pure/histogram.h"
#include "pure/position.h"
#include "pure/selector.h"

struct selector_index;
struct turns;
struct update;
struct update_reader;
struct url;

/* The name that stands for every topic. */
#define HUB_ALL "*"

struct hub_limits {
	size_t  event_count_max; /* of one topic */
	size_t  bytes_max;       /* of publishers' updates and topics */
	size_t  empty_bytes_max; /* of topics without updates */
	int64_t age_ms;
};

/* Topics by how much of the history is theirs: a list for each power of 2. */
#define HUB_SIZE_COUNT 65

/*
 * The topics that anyone may publish to, by name, and the updates that they
 * keep for those who come back: the tail of the store's log, in memory. The
 * store gives an update its position; hub_ingest delivers it. No other function
 * does either, so all processes have one order.
 *
 * An update is kept as long as one of its topics would replay it, or as "*" or
 * a pattern would while it has a subscriber. When there are too many bytes,
 * these are dropped first: updates that only those have; then those that a
 * topic keeps beyond its count for a slow subscriber; then the oldest of the
 * topic that has most. So a busy topic drops its own updates before those of a
 * quiet one.
 *
 * What the hub itself publishes, to topics below its path, has an eighth as
 * many bytes beside these: subscribers that come and leave cause no loss for
 * others.
 *
 * A topic without updates counts against the share of the client that asked for
 * it first (hub/shares.h), apart from the updates: asking for many topics
 * cannot remove what others have published. A topic that has only private
 * updates counts in the same way for clients that may not have them, so that no
 * client learns from its share that there are any.
 */
struct hub {
	struct turns     *turns;
	struct hub_limits limits;
	uint64_t          tag;      /* of the ids that we make; 0: not known */
	uint64_t          position; /* the log was read up to it */
	uint64_t          expected_position; /* kept for us, and to come */
	int64_t           lag_ms;     /* from the log to here, of the newest */
	bool              is_level;   /* it has had all that the log had */
	uint64_t       lost_position; /* all up to it may have been dropped */
	struct dropped freed;         /* by topics that were freed */
	void          *topics;        /* a tree, by name */
	struct ids     ids;
	struct shares  shares;
	struct shares  hidden;    /* of private updates that patterns have */
	struct list    updates;   /* frames, oldest first */
	struct list    orphans;   /* those that only "*" and patterns have */
	struct list    announced; /* those that the hub itself publishes */
	struct list    named;     /* topics */
	struct list    idle;      /* topics to be freed */
	struct list    by_size[HUB_SIZE_COUNT];
	struct deadline_list backlogs; /* topics beyond their count */
	/* Patterns (hub/pattern.h). */
	const struct url      *base; /* of URL patterns: the hub's; or NULL */
	void                  *pattern_tree;
	struct list            patterns;
	struct deadline_list   idle_patterns;
	struct selector_index *pattern_index;
	uint64_t               follow_number; /* hub_begin_follow's */

	struct topic    *all;
	bool             keeps_all;   /* "*" is followed */
	int64_t          all_idle_ms; /* since when it is not; 0: not known */
	size_t           topic_count;
	size_t           update_count;
	size_t           topic_bytes; /* of topics with updates */
	size_t           update_bytes;
	size_t           announced_count;
	size_t           announced_bytes; /* within the sum of both above */
	uint64_t         published_count;
	struct histogram latency; /* from publish to the last subscriber */
};

void hub_init(struct hub *, struct turns *, const struct hub_limits *);

/* Without subscribers. */
void hub_deinit(struct hub *);

/* Takes other limits. A topic's own count holds for new topics. */
void hub_set_limits(struct hub *, const struct hub_limits *);

/*
 * The topic of that name, which is made if need be, or the one that has every
 * update for HUB_ALL. NULL when the client has too many that nobody has
 * published to. Subscribe to it before the next hub_run. client: its
 * address, or NULL. reader: which updates it may have; NULL: all.
 */
struct topic *hub_topic(struct hub *, const char *name, const char *client,
    const struct update_reader *reader);

/*
 * A subscriber names what it follows. Until the next one does, no pattern is
 * freed to make room for another that hub_follow has found for this one.
 */
void hub_begin_follow(struct hub *);

/*
 * What a subscriber follows who names it so: the topic of that name, or a
 * pattern, which is made if need be, with what is kept of its updates. As
 * hub_topic otherwise. NULL with *why when the text is not valid: it can follow
 * the parameter's name; NULL without when the client has too many.
 */
struct topic *hub_follow(struct hub *, enum selector_kind, const char *text,
    const char *client, const struct update_reader *, const char **why);

/* How many subscribers the topic of that name has, or HUB_ALL; 0: no topic. */
size_t hub_follower_count(const struct hub *, const char *name);

/*
 * Takes the next updates of the log and delivers them. An update that is not
 * behind all before it is passed over. now_ms is on the monotonic clock;
 * wall_ms, the time of day, tells how old they are by their positions; 0: they
 * are new. Never from within a call of a subscriber, see turns_is_calling.
 */
void hub_ingest(struct hub *, const struct update *, size_t count,
    int64_t now_ms, int64_t wall_ms);

/* The store keeps an update of this process there: it is to come. */
void hub_expect(struct hub *, uint64_t position);

/*
 * The log was read up to there for some topics alone: what went to others is
 * passed over. How far that is ids tell to the second, since it may be private.
 */
void hub_pass(struct hub *, uint64_t position);

/* Updates up to this position will not come: the log has discarded them. */
void hub_lose(struct hub *, uint64_t up_to);

/* Whether the update at that position was taken, or is lost. */
bool hub_has_come(const struct hub *, uint64_t position);

/* Whether the reader may have each private update that goes to the topic. */
bool hub_is_readers(const char *name, const struct update_reader *);

/*
 * Whether these topics keep all that went to them behind the position and that
 * the reader may have. Of others' updates that are gone it is told only what it
 * may have had: if it has a right to some topics, of those that went to several
 * or that a pattern had; and where they lie no closer than to the minute.
 */
bool hub_has_all_since(const struct hub *, struct topic *const *topics,
    size_t topic_count, uint64_t position, const struct update_reader *);

/*
 * The position of the update with that id; false: it is not known. Of an id
 * that was made from a position it is that one, which may lie ahead of all
 * updates when another process has read further in the log. Of a publisher's
 * own it is the oldest on these topics. If none is there, it is the oldest at
 * all, provided that these topics have dropped nothing: else it might be one of
 * theirs that is gone, and rather is an event sent twice than one lost.
 * An id that a publisher chose for an update that the reader may not have is
 * not known to it; NULL: one who may have all.
 */
bool hub_find(const struct hub *, const char *id, struct topic *const *topics,
    size_t topic_count, const struct update_reader *, uint64_t *position);

/*
 * The position behind which everything is new. While older updates are still
 * read, and calls do not wait for them any more, the clock decides: positions
 * are made from one. wall_ms is the time since the epoch.
 */
uint64_t hub_now(const struct hub *, int64_t wall_ms);

/*
 * Where the replay begins for who has had the event with that id: behind it or,
 * if it is not kept, which is no error, before all that is kept. found: what
 * the store has for an id that the hub does not know, or NULL. *from is then
 * what the Last-Event-ID field of the response says: the event before the first
 * that is sent, or that there is none.
 */
uint64_t hub_resume(const struct hub *, const char *id,
    struct topic *const *topics, size_t topic_count,
    const struct update_reader *reader, const struct update *found,
    const char **from);

/*
 * A position that can stand for this one in an id that is shown to the reader,
 * at it or before it: what lies between the two the reader may not have, and
 * the id is not that of such an update, nor tells its time but roughly. If that
 * cannot be told, it lies before others as well.
 */
uint64_t hub_shown_position(const struct hub *, uint64_t position,
    const struct update_reader *);

/*
 * The position behind which the last so many updates of these topics lie that
 * the reader may have, or all of them, if they are fewer.
 */
uint64_t hub_last(struct topic *const *topics, size_t topic_count, size_t count,
    const struct update_reader *);

/* Writes the id of a position; false, and nothing, while the tag is unknown. */
bool hub_id(const struct hub *, uint64_t position,
    char id[static POSITION_ID_BYTES]);

/* Drops all updates; who has not had them is overrun. */
void hub_drop_all(struct hub *);

/*
 * Forgets all updates, topics and patterns, and where it was in the log: it is
 * to begin anew elsewhere. Without subscribers.
 */
void hub_reset(struct hub *);

/* The memory that updates and their topics take. */
size_t hub_bytes(const struct hub *);

/* Frees updates that are too old, and topics that are not used. */
void hub_run(struct hub *, int64_t now_ms);

/* When hub_run is needed next, on the monotonic clock; INT64_MAX: never. */
int64_t hub_next_ms(const struct hub *);

#endif
