#include "routes/subscribe.h"

#include <string.h>

#include "auth/access.h"
#include "http/answer.h"
#include "http/bearer.h"
#include "http/call.h"
#include "http/param.h"
#include "http/refusal.h"
#include "hub/hub.h"
#include "hub/cursor.h"
#include "hub/update.h"
#include "pure/sse.h"
#include "stream/stream.h"

/*
 * Where the replay begins: behind the event with that id or, if that is not
 * kept, which is no error, before all that is kept. *from is then what the
 * Last-Event-ID field of the response says: the event before the first that is
 * sent, or that there is none.
 */
static uint64_t
replay_position(const struct hub *hub, const struct call *call,
    struct topic *const *topics, size_t topic_count,
    const struct update_reader *reader, const char **from)
{
	const char *id = param_last_event_id(call);
	uint64_t    position;

	*from = NULL;
	if (id == NULL)
		return CURSOR_FROM_NOW;
	*from = EVENT_ID_EARLIEST;
	if (strcmp(id, EVENT_ID_EARLIEST) == 0 ||
	    !hub_find(hub, id, topics, topic_count, reader, &position))
		return CURSOR_FROM_START;
	if (hub_has_all_since(hub, topics, topic_count, position))
		*from = id;
	return position;
}

static void
subscribe_head(const struct subscribe_route *route, struct answer *answer,
    const char *from)
{
	answer_stream_head(answer);
	answer_field(answer, "Link", "<%s>; rel=\"mercure\"",
	    route->public_url);
	/* Draft 07 has the first name, draft 08 the second. */
	if (from != NULL) {
		answer_field(answer, "Last-Event-ID", "%s", from);
		answer_field(answer, "Mercure-Last-Event-ID", "%s", from);
	}
	if (route->cors->origin_count > 0)
		answer_field(answer, "Access-Control-Expose-Headers",
		    "Last-Event-ID, Mercure-Last-Event-ID, Link");
	/* A first byte, so that the web server passes on the head. */
	answer_body(answer, NULL, 0);
	if (answer->has_body)
		sse_append_comment(&answer->bytes, "");
}

/* Who subscribes. */
struct reader {
	const struct access *access;
	const struct token  *token; /* or NULL */
};

static bool
may_have(const void *arg, const struct update *update)
{
	const struct reader *reader = arg;

	return access_may_read(reader->access, reader->token, update);
}

/* Subscribes to the topics of those names. */
static void
subscribe(const struct subscribe_route *route, struct call *call,
    const struct topic_names *names, struct token *token)
{
	struct topic *topics[CURSOR_TOPICS_MAX];
	struct reader own = { route->bearer->access, token };
	const char   *from;
	uint64_t      position;
	size_t        i;

	for (i = 0; i < names->count; i++) {
		topics[i] = hub_topic(route->hub, names->names[i],
		    call->client);
		if (topics[i] == NULL) {
			refusal_too_many_topics(call, route->streams);
			return;
		}
	}
	position = replay_position(route->hub, call, topics, names->count,
	    &(struct update_reader){ may_have, &own }, &from);
	subscribe_head(route, &call->answer, from);
	if (!call->is_head)
		call_open_stream(call, route->streams,
		    &(struct stream_spec){
			.topics = topics,
			.topic_count = names->count,
			.position = position,
			.accepts = stream_accepts,
			.token = token,
			.release = token == NULL ? NULL : token_release,
			.arg = token == NULL ? NULL : token_ref(token),
		    });
	call_answer(call);
}

/* Goes on with a call whose token was judged; it has none if none counts. */
static void
answer(struct call *call, const struct bearer_verdict *verdict, void *context)
{
	const struct subscribe_route *route = context;
	struct topic_names            names;

	if (verdict->result != TOKEN_OK &&
	    (verdict->result != TOKEN_NONE || !route->is_anonymous_allowed)) {
		bearer_refuse(route->bearer, call, verdict);
		return;
	}
	if (!param_topics(call, &call->query, &names) ||
	    !refusal_admits(call, route->streams, false))
		return;
	subscribe(route, call, &names, verdict->token);
}

void
subscribe_route_get(struct call *call, void *context)
{
	const struct subscribe_route *route = context;
	const struct bearer_verdict   none = { .result = TOKEN_NONE };

	if (refusal_topics_off(call, route->topics_problem))
		return;
	/* Without keys a token means nothing to us; it may be another's. */
	if (route->is_anonymous_allowed &&
	    !access_has_keys(route->bearer->access))
		answer(call, &none, context);
	else
		bearer_judge(route->bearer, call, TOKEN_ROLE_SUBSCRIBER, answer,
		    context);
}
