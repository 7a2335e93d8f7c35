#ifndef PRESENCE_ROSTER_H
#define PRESENCE_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "presence/subscriber_id.h"

/*
 * What this process has heard of the subscriptions of other processes. It only
 * remembers: presence/lease.h says who is heard, and when a process is dead.
 *
 * Each subscription is that of a process, by whose id of a subscriber it is
 * known. When a process has died, another one adopts its subscriptions: they
 * are not active any more, and it announces that, one after the other.
 *
 * What a process says to have is compared by a digest of its subscriptions, a
 * sum, so that one can be added and taken out.
 */
struct roster {
	struct list processes;
	struct list heard; /* these, the one heard the longest ago first */
	void       *process_tree;
	void       *selector_tree;
	void       *entry_tree;
	size_t      process_count;
	size_t      entry_count; /* those that are ending included */
	size_t      ending_count;
	size_t      byte_count;    /* the memory of all, about */
	uint64_t    unheard_count; /* subscriptions without room */
};

struct roster_limits {
	size_t entry_count_max;
	size_t byte_count_max;
};

extern const struct roster_limits roster_limits;

/* A text that subscriptions have in common. */
struct roster_selector {
	struct list entries;
	size_t      entry_count;
	bool        is_pattern; /* a URL pattern */
	const char *text;       /* in the same memory */
};

struct roster_process {
	struct list node;       /* in roster->processes */
	struct list heard_node; /* in roster->heard */
	uint64_t    number;
	struct list entries; /* the active ones */
	struct list ending;  /* of dead processes, which it has adopted */
	size_t      entry_count;
	uint64_t    digest; /* of the active ones */

	/* For whoever hears it: lease.c. */
	int64_t  heard_ms;
	int64_t  lease_ms;      /* how long it may be silent */
	uint64_t heard_count;   /* renewals of our own until then */
	int64_t  asked_ms;      /* when it was asked what it has; 0: never */
	int64_t  ended_ms;      /* when it was said to be dead; 0: never */
	bool     has_left;      /* it has ended by itself */
	bool     is_dead;       /* as far as we know */
	bool     is_wrong;      /* it has others than we know of */
	bool     is_list_begun; /* they are being listed */
};

struct roster_entry {
	struct list             node;          /* of its process */
	struct list             selector_node; /* selector->entries */
	struct roster_process  *process;
	struct roster_selector *selector;
	struct subscriber_id    id;
	unsigned                shapes; /* ANNOUNCEMENT_... that were heard */
	bool                    is_ending;
	bool                    is_doubtful; /* until it is heard again */
	struct roster_entry   **teller;      /* who tells of its end, or NULL */
	char                   *payload;     /* JSON, or NULL */
};

/* A subscription as it was heard. */
struct roster_fact {
	struct subscriber_id id;
	unsigned             shape; /* one, or several, ANNOUNCEMENT_... */
	bool                 is_pattern;
	const char          *selector;
	const char          *payload; /* JSON, or NULL */
};

void roster_init(struct roster *);

/* Forgets all. Who tells of an entry has NULL in place of it. */
void roster_clear(struct roster *);

/* The process of that number; NULL: nothing is known of it. */
struct roster_process *roster_find(const struct roster *, uint64_t number);

/* The same, made if need be; NULL: there is no room. */
struct roster_process *roster_get(struct roster *, uint64_t number);

/* Forgets the process and all that it has. */
void roster_forget(struct roster *, struct roster_process *);

/* Whether there is room for many more. */
bool roster_has_room(const struct roster *);

/*
 * Remembers a subscription of the process as an active one. False: there is no
 * room, which is counted.
 */
bool roster_add(struct roster *, struct roster_process *,
    const struct roster_fact *);

/* It is not active any more in that shape, whosoever it was. */
void roster_remove(struct roster *, const struct roster_fact *);

/* What the process has is in doubt, until it is added again. */
void roster_doubt(struct roster_process *);

/* Forgets what of it is still in doubt. */
void roster_drop_doubtful(struct roster *, struct roster_process *);

/* What the dead process had is to be ended by the heir; the dead is forgotten.
 */
void roster_adopt(struct roster *, struct roster_process *heir,
    struct roster_process *dead);

/* How many active subscriptions name that, in one of the shapes. */
size_t roster_count(const struct roster *, const char *selector,
    bool is_pattern, unsigned shapes);

/* Which subscriptions are meant. */
struct roster_wish {
	unsigned                    shape;
	const char                 *selector; /* NULL: any */
	bool                        is_pattern;
	const struct subscriber_id *id; /* NULL: any; else with a selector */
};

/* Calls found for each that is active. */
void roster_each(const struct roster *, const struct roster_wish *,
    void (*found)(void *arg, const struct roster_entry *), void *arg);

/* What a subscription adds to a digest, in each of the shapes. */
uint64_t roster_digest(const struct roster_fact *);

#endif
