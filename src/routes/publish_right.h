#ifndef ROUTES_PUBLISH_RIGHT_H
#define ROUTES_PUBLISH_RIGHT_H

#include <stdbool.h>
#include <stddef.h>

#include "http/bearer.h"

struct call;
struct publish_route;
struct topic_names;

/*
 * Whether who sends an update may: by one of the keys, by a token, or, to
 * public topics, as anyone. What a browser sends by itself, a cookie or only
 * its address, counts for pages of some origins only; a key or token in a
 * field or in the query is known to the page that sends it.
 */

/* What the sender has shown. */
struct publish_right {
	bool is_trusted; /* it has a key or token that allows the topics */
	bool is_strict; /* the token is of draft 08, with its rules for texts */

	/* The key or token, as the call was sent with it; NULL: none is. */
	const char *secret;
	size_t      secret_bytes;
};

/* Says why in the log, and answers with the status. */
void publish_right_refuse(struct call *, const char *status, const char *why);

/*
 * Before there is a body: refuses what cannot be allowed, whatever the topics
 * are. Returns whether it has answered.
 */
bool publish_right_check(const struct publish_route *, struct call *);

/*
 * Has the token that the call may have judged, and then the function answer it,
 * as bearer_judge; for a sender with a key the verdict is that of no token.
 */
void publish_right_judge(const struct publish_route *, struct call *,
    bearer_fn *answer, void *context);

/* Whether an update to these topics is allowed; if not, it has answered. */
bool publish_right_get(const struct publish_route *, struct call *,
    const struct bearer_verdict *, const struct topic_names *,
    struct publish_right *);

#endif
