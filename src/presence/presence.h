#ifndef PRESENCE_PRESENCE_H
#define PRESENCE_PRESENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/list.h"
#include "presence/subscriber_id.h"
#include "pure/selector.h"

struct access;
struct store;
struct token;
struct turns;
struct wills;

/*
 * Presence: who subscribes to what. For each subscriber of this process and
 * each of its selectors a private update is published when it comes, and
 * another one when it has left. They go through the store like all updates.
 *
 * A subscriber that comes or leaves waits in the queue of its client. Each
 * queue is looked at once a second at most, and the first time at the end of
 * the loop's turn. A subscriber that has left before its announcement was sent
 * is not announced, so clients that come and go all the time do not fill the
 * history. What is queued, and what a look sends, is limited for each client.
 *
 * Nothing is published from within a call of a stream: presence_run does it.
 */
struct presence {
	struct store        *store;
	struct turns        *turns;
	const struct access *access;
	char                *hub_path;
	uint64_t             process; /* its number in ids of subscribers */
	unsigned             shapes;  /* ANNOUNCEMENT_...; 0: it is off */
	void                *clients;
	struct heap          due;   /* clients, by the time of the next look */
	struct list          ready; /* subscribers to announce further */
	struct list          there; /* entries of those that have not left */
	struct list          told;  /* subscribers with announcements out */
	size_t               told_count;    /* announcements that are out */
	uint64_t             told_digest;   /* of these: roster_digest */
	uint64_t             told_number;   /* of the last one in told */
	size_t               sending_count; /* these, and what the store has */
	size_t               selector_count;
	size_t               byte_count;    /* of the selectors' texts */
	uint64_t             unheard_count; /* that are not announced */
	struct wills        *wills;         /* see will.h; NULL: none */
	size_t               willed_count;  /* announcements in the own one */
	bool                 is_will_bad;   /* which was said in the log */
	bool                 is_closing;
	bool                 is_over; /* nothing more is announced */
};

/* So often a client's queue is looked at. */
#define PRESENCE_LOOK_MS 1000

struct presence_limits {
	size_t selector_count_max;
	size_t byte_count_max;
};

/* What may be remembered; one client may have half of it. */
extern const struct presence_limits presence_limits;

struct presence_selector {
	enum selector_kind kind;
	const char        *text;
	unsigned           shapes; /* that can announce it; of an entry's */
};

/* One stream's. */
struct subscriber;

/* What can be asked of a subscriber from when it joins until it leaves. */
struct presence_entry {
	struct list                     node; /* in presence->there */
	const struct subscriber_id     *number;
	const char                     *id;    /* the same */
	const struct token             *token; /* or NULL */
	const struct presence_selector *selectors;
	size_t                          selector_count;
};

/* Store, turns and access outlive it. It is off until shapes is set. */
void presence_init(struct presence *, struct store *, struct turns *,
    const struct access *);

/* When nothing is left: see presence_close. */
void presence_deinit(struct presence *);

/*
 * Somebody from the address subscribes to these, with the token or NULL, which
 * is held. If there are too many of them this one is not announced.
 */
struct subscriber *presence_join(struct presence *, const char *address,
    const struct presence_selector *, size_t selector_count, struct token *);

/* A struct subscriber is gone; for where a pointer is to be freed. */
void presence_leave(void *);

/* Publishes what is due, once in each turn. */
void presence_run(struct presence *);

/* When presence_run is needed next, on turns_now_ms's clock. */
int64_t presence_next_ms(const struct presence *);

/*
 * The process ends, and all subscribers have left: their announcements are sent
 * without waiting, and are not tried again. Call presence_run in each turn of
 * the loop until presence_is_busy returns false.
 */
void presence_close(struct presence *);
bool presence_is_busy(const struct presence *);

/*
 * Others have taken this process for dead by an update at that position, and
 * announce that the subscribers have left which came before it. They are
 * announced again, with other ids, behind the ends of the old ones.
 */
void presence_doubt(struct presence *, uint64_t position);

/*
 * Forgets the announcements that were not sent: there is no more time for them.
 * Those that the store has already are forgotten when it answers.
 */
void presence_give_up(struct presence *);

#endif
