#ifndef BASE_DEADLINE_H
#define BASE_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

/*
 * Deadlines that all lie equally far ahead of the moment they are set: the
 * oldest is the next, so a list is enough, and one timer for its head. Times
 * are ms on the monotonic clock.
 */
struct deadline_list {
	struct list nodes;
	int64_t     after_ms; /* 0: no deadline ever comes */
};

struct deadline {
	struct list node;
	int64_t     due_ms;
};

void deadline_list_init(struct deadline_list *, int64_t after_ms);

/*
 * Changes how far ahead deadlines are set, and has those that run already come
 * no later than one that is set now; with 0 they stay. Setting after_ms alone
 * leaves them as they are.
 */
void deadline_list_change(struct deadline_list *, int64_t after_ms,
    int64_t now_ms);

/* One that is in no list; deadline_set and _clear need that once. */
void deadline_init(struct deadline *);

/* (Re)starts it in this list, taking it from any other. */
void deadline_set(struct deadline_list *, struct deadline *, int64_t now_ms);

/* Takes it out of its list, if it is in one. */
void deadline_clear(struct deadline *);

/* Takes the oldest out and returns it if it is due, else NULL. */
struct deadline *deadline_take_due(struct deadline_list *, int64_t now_ms);

/* When the oldest is due; INT64_MAX if there is none. */
int64_t deadline_next_ms(const struct deadline_list *);

#endif
