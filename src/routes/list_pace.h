#ifndef ROUTES_LIST_PACE_H
#define ROUTES_LIST_PACE_H

#include <stdint.h>

#include "base/list.h"
#include "http/bearer.h"

/*
 * A list takes some ten ms to write, and the one thread that writes it serves
 * all. After each one the others have as much time as it took; calls that come
 * meanwhile are held, and answered in the order in which they came. Each client
 * may have some calls held, and is refused more of them.
 */
struct list_pace {
	struct turns *turns;
	struct list   waiting; /* calls that are held, the oldest first */
	int64_t       due_us;  /* none is answered before */
};

#define LIST_PACE_HELD_MAX 4

/* The turns outlive it. No call is held when it ends. */
void list_pace_init(struct list_pace *, struct turns *);

/*
 * Has the function answer the call, now or in a later turn, whose token is
 * good. It answers at once, and does not hold the call.
 */
void list_pace_answer(struct list_pace *, struct call *,
    const struct bearer_verdict *, bearer_fn *answer, void *context);

/* Has calls answered that were held, in each turn of the loop. */
void list_pace_run(struct list_pace *);

/* When that is needed next, on turns_now_ms's clock. */
int64_t list_pace_next_ms(const struct list_pace *);

#endif
