#ifndef PRESENCE_LEASE_H
#define PRESENCE_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "presence/heir.h"
#include "presence/roster.h"
#include "store/store.h"

struct presence;
struct turns;
struct update;

/*
 * Up to where what a process has is listed: subscribers that were told before
 * this one with all they have, and of this one so many announcements.
 */
struct lease_place {
	uint64_t number; /* subscriber->told_number; 0: nothing is listed */
	size_t   count;
};

/*
 * Presence over all processes that share a store. Each hears the announcements
 * of the others, as they come through the log, and remembers them (roster.h).
 *
 * A process that has subscribers says three times within its lease that it is
 * there (lease_record.h). One that was silent for its lease is dead, if three
 * such records of this process's own have come through the log meanwhile: so
 * neither a store that stands still nor a process that stood still itself makes
 * others dead. Whoever finds that says so. The first who has said it, in the
 * log's order, is the heir, for all processes the same one: it alone announces
 * that the dead one's subscriptions have ended. If it dies as well, another one
 * goes on.
 *
 * A process that serves one stream hears nobody. The others of its machine find
 * by its will that it was killed (will.h); and if it could not say for a lease
 * that it is there, it counts itself as taken for dead.
 *
 * Each record has a digest of what its process has announced. Whoever has heard
 * something else, since the log has not kept it for long enough, asks, and gets
 * a list. One process's records come through the log in the order in which they
 * were published.
 */
struct lease {
	struct presence       *presence;
	struct turns          *turns;
	struct roster          roster;
	struct roster_process *own; /* with what it has adopted */
	struct heir            heir;
	char                  *topic; /* of the records */
	int64_t                lease_ms;
	bool                   is_shared; /* other processes may be there */
	bool                   is_lean;   /* it is heard, and does not hear */
	bool                   is_level;  /* the log was read */
	bool                   is_on;

	struct store_publish publish;
	bool                 is_flying;
	bool                 is_over;
	int64_t              due_ms;      /* of the next record; or INT64_MAX */
	int64_t              sent_ms;     /* when the last one was published */
	int64_t              count_ms;    /* when one was counted below */
	int64_t              kept_ms;     /* one was kept; of a lean process */
	uint64_t             heard_count; /* of our own records */
	bool                 is_hello_due;
	bool                 is_hello_sent; /* in what is under way */
	bool                 has_wrong;     /* somebody is to be asked */

	/* The list, that somebody has asked for. */
	bool               is_listing;
	bool               is_part_sent; /* what is under way is a part of it */
	struct lease_place list_after;   /* what was sent */
	struct lease_place list_up_to;   /* the same, in what is under way */
	bool               is_list_end; /* what is under way is the last part */
	int64_t            listed_ms;
};

/* Where records are, below the hub's path, which publishers cannot name. */
#define LEASE_PATH "/lease"

/*
 * The presence's store and turns outlive it. is_shared: other processes may
 * have the store open. is_lean: this one does not read all of the log.
 */
void lease_init(struct lease *, struct presence *, bool is_shared,
    bool is_lean);

/* When the store is closed. */
void lease_deinit(struct lease *);

/* How long this process may be silent. */
void lease_set_ms(struct lease *, int64_t lease_ms);

/* The log was read for the first time. */
void lease_set_level(struct lease *);

/*
 * Hears an update that has come from the log. True: it is not for subscribers.
 * May be called before lease_init, when all is zero.
 */
bool lease_hear(struct lease *, const struct update *);

/* Publishes what is due, once in each turn, after presence_run. */
void lease_run(struct lease *);

/* When lease_run is needed next, on turns_now_ms's clock. */
int64_t lease_next_ms(const struct lease *);

/*
 * The process ends: the others are to know at once. Call it in each turn until
 * it returns true: nothing is under way any more.
 */
bool lease_close(struct lease *);

/* For lease_hear.c: how often this process is to speak. */
int64_t lease_period_ms(const struct lease *);

/* Has it speak soon, unless it is to anyway; not more often than each second.
 */
void lease_hurry(struct lease *);

/* Whether the process is to be asked now what it has. */
bool lease_has_to_ask(const struct lease *, const struct roster_process *);

#endif
