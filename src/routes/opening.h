#ifndef ROUTES_OPENING_H
#define ROUTES_OPENING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/cursor.h"
#include "hub/update.h"
#include "routes/selection.h"

struct call;
struct subscribe_route;
struct token;
struct topic;

/*
 * A subscriber's stream before it is open: what the call asks for, and who
 * asks. The texts are the call's.
 */
struct opening {
	const struct subscribe_route *route;
	struct call                  *call;
	struct token                 *token; /* the subscriber's, or NULL */
	struct update_reader          reader;
	struct selection              selection;
	uint64_t    last_count; /* of the last updates; 0: none of them */
	const char *id;         /* of the last event that it has had, or NULL */
	bool        has_empty_id; /* it says that it has had none */

	/* What was selected, once it is followed. */
	struct topic *topics[CURSOR_TOPICS_MAX];
	size_t        topic_count;
};

/*
 * Reads what the call asks for; the opening is not to be moved. False: it is
 * wrong, and the call was answered.
 */
bool opening_init(struct opening *, const struct subscribe_route *,
    struct call *, struct token *);

/* Finds the topics that were selected; false: the call was answered. */
bool opening_follow(struct opening *);

/*
 * Whether there is room for the stream. A client that is refused before its
 * first event gets the position at which its stream would have begun, so that
 * it misses nothing while it waits.
 */
bool opening_admits(struct opening *);

/* What the store has for the id of a call. */
struct finding {
	const struct update *update; /* NULL: nothing */
};

/*
 * The answer, once nothing has to be waited for any more: its head, and the
 * stream that follows. False: the id is not known here; more has to be read
 * first, or the store be asked. finding: what it said; NULL: it was not asked,
 * or the process is lean.
 */
bool opening_answer(struct opening *, const struct finding *);

#endif
