#include "config.h"

#include "routes/opening.h"

#include <string.h>

#include "auth/access.h"
#include "http/answer.h"
#include "http/bearer.h"
#include "http/call.h"
#include "http/cors.h"
#include "http/param.h"
#include "http/refusal.h"
#include "hub/cursor.h"
#include "hub/hub.h"
#include "hub/update.h"
#include "presence/presence.h"
#include "pure/event_id.h"
#include "pure/sse.h"
#include "routes/replay.h"
#include "routes/selection.h"
#include "routes/subscribe.h"
#include "stream/lean.h"
#include "stream/stream.h"
#include "stream/streams.h"

/* So many of the last updates may be asked for. */
#define LAST_MAX 1000

bool
opening_read(struct call *call, struct selection *selection,
    uint64_t *last_count)
{
	return selection_read(selection, call) &&
	    param_count(call, "last", 0, LAST_MAX, last_count) &&
	    param_padding(call);
}

/* from as replay_position has it; now: the same for an empty id, or NULL. */
static void
subscribe_head(const struct subscribe_route *route, struct answer *answer,
    const char *from, const char *now)
{
	answer_stream_head(answer);
	answer_field(answer, "Link", "<%s>; rel=\"mercure\"",
	    route->public_url);
	/* Draft 07 has the first name, draft 08 the second. */
	if (from != NULL) {
		answer_field(answer, "Last-Event-ID", "%s", from);
		answer_field(answer, "Mercure-Last-Event-ID", "%s", from);
	} else if (now != NULL)
		answer_field(answer, "Mercure-Last-Event-ID", "%s", now);
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

bool
opening_follow(const struct subscribe_route *route, struct call *call,
    const struct selection *selection, const struct token *token,
    struct topic **topics, size_t *topic_count)
{
	struct reader        own = { route->bearer->access, token };
	struct update_reader reader = { may_have, &own, access_reach(token) };

	switch (selection_follow(selection, route->hub, call, &reader, topics,
	    topic_count)) {
	case SELECTION_INVALID:
		return false;
	case SELECTION_TOO_MANY:
		refusal_too_many_topics(call, route->streams);
		return false;
	case SELECTION_OK:
		break;
	}
	return true;
}

bool
opening_admits(const struct subscribe_route *route, struct call *call,
    const struct selection *selection, size_t last_count,
    const struct token *token)
{
	const struct hub    *hub = route->hub;
	struct topic        *topics[CURSOR_TOPICS_MAX];
	struct reader        own = { route->bearer->access, token };
	struct update_reader reader = { may_have, &own, access_reach(token) };
	char                 id[POSITION_ID_BYTES];
	uint64_t             position;
	size_t               topic_count;

	if (call->is_head || param_last_event_id(call) != NULL)
		return refusal_admits_at(call, route->streams, NULL);
	if (last_count > 0 &&
	    !opening_follow(route, call, selection, token, topics,
		&topic_count))
		return false;
	position = last_count > 0 ?
	    hub_last(topics, topic_count, last_count, &reader) :
	    replay_now(hub, route->wall_ms());
	position = hub_shown_position(hub, position, &reader);
	return refusal_admits_at(call, route->streams,
	    hub_id(hub, position, id) ? id : NULL);
}

/*
 * Whether a publisher's id was not found in what was read of the log, and may
 * be in the rest of it.
 */
static bool
has_to_look_further(const struct subscribe_route *route,
    const struct call *call, uint64_t position, const struct finding *finding)
{
	const char *id = param_last_event_id(call);

	if (id == NULL || position != CURSOR_FROM_START)
		return false;
	if (route->lean != NULL)
		return lean_begin_earlier(route->lean);
	return route->store != NULL && finding == NULL &&
	    strcmp(id, EVENT_ID_EARLIEST) != 0;
}

/* Opens the stream, which holds the token, and has it told if that is on. */
static void
open_stream(const struct subscribe_route *route, struct call *call,
    const struct selection *selection, struct token *token,
    struct stream_spec *spec)
{
	if (route->presence->shapes != 0) {
		spec->release = presence_leave;
		spec->arg = presence_join(route->presence, call->client,
		    selection->items, selection->count, token);
	} else if (token != NULL) {
		spec->release = token_release;
		spec->arg = token_ref(token);
	}
	call_open_stream(call, route->streams, spec);
}

bool
opening_answer(const struct subscribe_route *route, struct call *call,
    const struct selection *selection, size_t last_count, struct token *token,
    const struct finding *finding)
{
	const struct hub    *hub = route->hub;
	struct topic        *topics[CURSOR_TOPICS_MAX];
	struct reader        own = { route->bearer->access, token };
	struct update_reader reader = { may_have, &own, access_reach(token) };
	char                 id[POSITION_ID_BYTES];
	const char          *from;
	uint64_t             position;
	size_t               topic_count;

	if (!opening_follow(route, call, selection, token, topics,
		&topic_count))
		return true;
	position = replay_position(hub, replay_now(hub, route->wall_ms()), call,
	    topics, topic_count, last_count, &reader,
	    finding == NULL ? NULL : finding->update, &from);
	if (has_to_look_further(route, call, position, finding))
		return false;
	subscribe_head(route, &call->answer, from,
	    replay_id_before(hub, call, position, &reader, id));
	if (!call->is_head)
		open_stream(route, call, selection, token,
		    &(struct stream_spec){
			.topics = topics,
			.topic_count = topic_count,
			.position = position,
			.accepts = stream_accepts,
			.is_resumable = true,
			.token = token,
		    });
	call_answer(call);
	return true;
}
