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
#include "hub/hub.h"
#include "presence/presence.h"
#include "pure/event_id.h"
#include "pure/sse.h"
#include "routes/subscribe.h"
#include "stream/lean.h"
#include "stream/stream.h"
#include "stream/streams.h"

/* So many of the last updates may be asked for. */
#define LAST_MAX 1000

static bool
may_have(const void *arg, const struct update *update)
{
	const struct opening *opening = arg;

	return access_may_read(opening->route->bearer->access, opening->token,
	    update);
}

bool
opening_init(struct opening *opening, const struct subscribe_route *route,
    struct call *call, struct token *token)
{
	opening->route = route;
	opening->call = call;
	opening->token = token;
	opening->reader = (struct update_reader){ may_have, opening,
		access_reach(token) };
	opening->topic_count = 0;
	opening->has_empty_id = param_last_event_id(call, &opening->id) &&
	    opening->id == NULL;
	return selection_read(&opening->selection, call) &&
	    param_count(call, "last", 0, LAST_MAX, &opening->last_count) &&
	    param_padding(call);
}

bool
opening_follow(struct opening *opening)
{
	switch (selection_follow(&opening->selection, opening->route->hub,
	    opening->call, &opening->reader, opening->topics,
	    &opening->topic_count)) {
	case SELECTION_INVALID:
		return false;
	case SELECTION_TOO_MANY:
		refusal_too_many_topics(opening->call, opening->route->streams);
		return false;
	case SELECTION_OK:
		break;
	}
	return true;
}

/* Where the stream begins for who has had no event. */
static uint64_t
start_position(const struct opening *opening)
{
	const struct subscribe_route *route = opening->route;

	return opening->last_count == 0 ?
	    hub_now(route->hub, route->wall_ms()) :
	    hub_last(opening->topics, opening->topic_count, opening->last_count,
		&opening->reader);
}

bool
opening_admits(struct opening *opening)
{
	const struct hub *hub = opening->route->hub;
	struct streams   *streams = opening->route->streams;
	char              id[POSITION_ID_BYTES];
	uint64_t          position;

	if (opening->call->is_head || opening->id != NULL)
		return refusal_admits_at(opening->call, streams, NULL);
	if (opening->last_count > 0 && !opening_follow(opening))
		return false;
	position = hub_shown_position(hub, start_position(opening),
	    &opening->reader);
	return refusal_admits_at(opening->call, streams,
	    hub_id(hub, position, id) ? id : NULL);
}

/*
 * Whether a publisher's id was not found in what was read of the log, and may
 * be in the rest of it.
 */
static bool
has_to_look_further(const struct opening *opening, uint64_t position,
    const struct finding *finding)
{
	const struct subscribe_route *route = opening->route;

	if (opening->id == NULL || position != CURSOR_FROM_START)
		return false;
	if (route->lean != NULL)
		return lean_begin_earlier(route->lean);
	return route->store != NULL && finding == NULL &&
	    strcmp(opening->id, EVENT_ID_EARLIEST) != 0;
}

/*
 * Draft 08 tells who sent an empty id too which event is before the first that
 * it is sent. NULL: the call has no empty id.
 */
static const char *
id_before(const struct opening *opening, uint64_t position,
    char id[static POSITION_ID_BYTES])
{
	const struct hub *hub = opening->route->hub;

	if (!opening->has_empty_id)
		return NULL;
	position = hub_shown_position(hub, position, &opening->reader);
	return position > 0 && hub_id(hub, position, id) ? id :
							   EVENT_ID_EARLIEST;
}

/* from as hub_resume has it; now: the same for an empty id, or NULL. */
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

/* Opens the stream, which holds the token, and has it told if that is on. */
static void
open_stream(const struct opening *opening, uint64_t position)
{
	struct presence   *presence = opening->route->presence;
	struct token      *token = opening->token;
	struct stream_spec spec = {
		.topics = opening->topics,
		.topic_count = opening->topic_count,
		.position = position,
		.accepts = stream_accepts,
		.is_resumable = true,
		.token = token,
	};

	if (presence->shapes != 0) {
		spec.release = presence_leave;
		spec.arg = presence_join(presence, opening->call->client,
		    opening->selection.items, opening->selection.count, token);
	} else if (token != NULL) {
		spec.release = token_release;
		spec.arg = token_ref(token);
	}
	call_open_stream(opening->call, opening->route->streams, &spec);
}

bool
opening_answer(struct opening *opening, const struct finding *finding)
{
	struct call *call = opening->call;
	char         id[POSITION_ID_BYTES];
	const char  *from = NULL;
	uint64_t     position;

	if (!opening_follow(opening))
		return true;
	position = opening->id == NULL ?
	    start_position(opening) :
	    hub_resume(opening->route->hub, opening->id, opening->topics,
		opening->topic_count, &opening->reader,
		finding == NULL ? NULL : finding->update, &from);
	if (has_to_look_further(opening, position, finding))
		return false;
	subscribe_head(opening->route, &call->answer, from,
	    id_before(opening, position, id));
	if (!call->is_head)
		open_stream(opening, position);
	call_answer(call);
	return true;
}
