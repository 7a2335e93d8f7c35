#ifndef PRESENCE_HEIR_H
#define PRESENCE_HEIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "presence/roster.h"
#include "store/store.h"

struct heir;
struct presence;
struct turns;
struct wills;

/* Announcements under way at a time. */
#define HEIR_TELLER_COUNT 16

struct heir_teller {
	struct store_publish publish;
	struct heir         *heir;
	struct roster_entry *entry; /* NULL: it is not to be ended any more */
	unsigned             shape;
	bool                 is_flying;
};

/*
 * Announces that the subscriptions which this process has adopted from dead
 * ones have ended, a few at a time. Which processes of this machine were killed
 * it finds out by their wills.
 */
struct heir {
	const struct presence *presence;
	struct roster         *roster;
	struct roster_process *own; /* who has adopted them */
	struct turns          *turns;
	struct heir_teller     tellers[HEIR_TELLER_COUNT];
	size_t                 flying_count;
	int64_t                next_ms; /* not before, since the store failed */
	struct wills *wills;      /* of this machine; NULL: there are none */
	bool          is_looking; /* for one of a killed process */
	bool          has_will;   /* the adopted ones are of it */
};

void heir_init(struct heir *, const struct presence *, struct roster *,
    struct roster_process *own, struct turns *);

/*
 * The heir adopts what the dead process had, which is said in the log. The dead
 * is forgotten.
 */
void heir_adopt(struct heir *, struct roster_process *dead);

/* Has it look for processes that were killed. */
void heir_look(struct heir *);

/* Publishes what is due. */
void heir_run(struct heir *);

/* When heir_run is needed next, on turns_now_ms's clock. */
int64_t heir_next_ms(const struct heir *);

#endif
