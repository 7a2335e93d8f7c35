#ifndef ROUTES_TOPIC_BY_H
#define ROUTES_TOPIC_BY_H

#include <stdbool.h>

struct call;

/*
 * Where a request names its topics. The path names one topic behind
 * "/events/t/", and a web server's rules for paths can allow or deny it. A
 * topic in the query, or in the form of an update, would evade such rules.
 */
struct topic_by {
	bool is_path_closed;
	bool is_query_closed; /* and the form */
};

/*
 * Whether the call may name its topics where its route has them. If not, it
 * was answered.
 */
bool topic_by_is_open(const struct topic_by *, struct call *);

/*
 * Whether the path names one topic, in call->rest, and the query none beside
 * it. It is taken as it is, decoded once by whoever decoded the path: "{id}"
 * is no template. If not, the call was answered with 400.
 */
bool topic_by_path(struct call *);

#endif
