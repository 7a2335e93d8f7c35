#ifndef ROUTES_OPENING_H
#define ROUTES_OPENING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call;
struct selection;
struct subscribe_route;
struct token;
struct topic;
struct update;

/*
 * The answer to a subscriber, once nothing has to be waited for any more: its
 * head, and the stream that follows. token: the subscriber's, or NULL.
 */

/* What the call asks for. False: it is wrong, and the call was answered. */
bool opening_read(struct call *, struct selection *, uint64_t *last_count);

/* The topics that were selected; false: the call was answered. */
bool opening_follow(const struct subscribe_route *, struct call *,
    const struct selection *, const struct token *, struct topic **topics,
    size_t *topic_count);

/*
 * Whether there is room for the stream. A client that is refused before its
 * first event gets the position at which its stream would have begun, so that
 * it misses nothing while it waits.
 */
bool opening_admits(const struct subscribe_route *, struct call *,
    const struct selection *, size_t last_count, const struct token *token);

/* What the store has for the id of a call. */
struct finding {
	const struct update *update; /* NULL: nothing */
};

/*
 * Subscribes to what was selected. False: the id is not known here; more has to
 * be read first, or the store be asked. finding: what it said; NULL: it was not
 * asked, or the process is lean.
 */
bool opening_answer(const struct subscribe_route *, struct call *,
    const struct selection *, size_t last_count, struct token *token,
    const struct finding *);

#endif
