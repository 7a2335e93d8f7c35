#ifndef ROUTES_PRESENCE_H
#define ROUTES_PRESENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/list.h"
#include "pure/selector.h"

struct access;
struct store;
struct token;
struct turns;

/*
 * Who subscribes to what: private updates, which go the way of all updates
 * through the store, tell of each subscriber of this process and each of its
 * selectors when it comes and when it is gone.
 *
 * Whoever comes or is gone waits in the queue of its client, which is looked
 * at once a second at most; the first time that is at the end of the turn.
 * Nothing is told of a subscriber that was gone before its turn came, so
 * clients that come and go all the time fill no history. What is queued, and
 * what a look sends, is limited for each client.
 *
 * Nothing is published from within a call of a stream: presence_run does it.
 */
struct presence {
	struct store        *store;
	struct turns        *turns;
	const struct access *access;
	char                *hub_path;
	unsigned             shapes; /* ANNOUNCEMENT_...; 0: it is off */
	void                *clients;
	struct heap          due;   /* clients, by the time of the next look */
	struct list          ready; /* subscribers of whom more is to be told */
	struct list          there; /* entries of those that have not left */
	size_t               sending_count; /* these, and what the store has */
	size_t               selector_count;
	size_t               byte_count;    /* of the selectors' texts */
	uint64_t             unheard_count; /* of whom nothing is told */
	bool                 is_closing;
	bool                 is_over; /* nothing more is told */
};

struct presence_limits {
	size_t selector_count_max;
	size_t byte_count_max;
};

/* What may be remembered; one client may have half of it. */
extern const struct presence_limits presence_limits;

struct presence_selector {
	enum selector_kind kind;
	const char        *text;
};

/* One stream's. */
struct subscriber;

/* What can be asked of a subscriber from when it joins until it leaves. */
struct presence_entry {
	struct list                     node; /* in presence->there */
	const char                     *id;
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
 * is held. If there are too many of them nothing is told of this one.
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
 * The process ends, and all have left: what is to be told is told without
 * waiting, and once only. Call presence_run in each turn of the loop until
 * presence_is_busy says no.
 */
void presence_close(struct presence *);
bool presence_is_busy(const struct presence *);

/*
 * Forgets what is not told yet: there is no more time for it. What the store
 * has already is forgotten when the store answers.
 */
void presence_give_up(struct presence *);

#endif
