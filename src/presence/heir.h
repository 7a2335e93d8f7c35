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
 * ones have ended, a few at a time.
 */
struct heir {
	const struct presence *presence;
	struct roster         *roster;
	struct roster_process *own; /* who has adopted them */
	struct turns          *turns;
	struct heir_teller     tellers[HEIR_TELLER_COUNT];
	size_t                 flying_count;
	int64_t                next_ms; /* not before, since the store failed */
};

void heir_init(struct heir *, const struct presence *, struct roster *,
    struct roster_process *own, struct turns *);

/* Publishes what is due. */
void heir_run(struct heir *);

/* When heir_run is needed next, on turns_now_ms's clock. */
int64_t heir_next_ms(const struct heir *);

#endif
