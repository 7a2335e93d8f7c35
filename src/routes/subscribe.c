#include <string.h>

#include "http/answer.h"
#include "http/request.h"
#include "hub/hub.h"
#include "hub/topic.h"
#include "pure/sse.h"
#include "routes/routes.h"
#include "routes/topics.h"
#include "stream/stream.h"

#define EARLIEST "earliest"

/*
 * The id of the last event that the subscriber has had, or NULL. The field of
 * a reconnecting browser is newer than what its page put into the query.
 */
static const char *
last_event_id(const struct call *call)
{
	const char              *id;
	const struct query_pair *pair;

	id = request_env(call->request, "HTTP_LAST_EVENT_ID");
	if (id != NULL && *id != '\0')
		return id;
	pair = query_find(&call->query, "lastEventID", NULL);
	if (pair == NULL || pair->value_bytes == 0)
		return NULL;
	/* No event has an id with a NUL in it. */
	return strlen(pair->value) == pair->value_bytes ? pair->value :
							  EARLIEST;
}

/*
 * Where the replay begins: behind the event with that id or, if that is not
 * kept, which is no error, before all that is kept. *from is then what the
 * Last-Event-ID field of the response says: the event before the first that is
 * sent, or that there is none.
 */
static uint64_t
replay_seq(const struct call *call, struct topic *const *topics,
    size_t topic_count, const char **from)
{
	const char *id = last_event_id(call);
	uint64_t    seq;
	size_t      i;

	*from = NULL;
	if (id == NULL)
		return CURSOR_FROM_NOW;
	*from = EARLIEST;
	if (strcmp(id, EARLIEST) == 0 ||
	    !hub_find(call->routes->hub, id, topics, topic_count, &seq))
		return CURSOR_FROM_START;
	*from = id;
	for (i = 0; i < topic_count; i++) {
		if (topic_dropped_seq(topics[i]) > seq)
			*from = EARLIEST;
	}
	return seq;
}

static void
subscribe_head(const struct call *call, struct answer *answer, const char *from)
{
	stream_head(answer);
	if (from != NULL)
		answer_field(answer, "Last-Event-ID", "%s", from);
	if (call->routes->origin_count > 0)
		answer_field(answer, "Access-Control-Expose-Headers",
		    "Last-Event-ID");
	/* A first byte, so that the web server passes on the head. */
	answer_body(answer, NULL, 0);
	if (answer->has_body)
		sse_append_comment(&answer->bytes, "");
}

/* Subscribes to the topics of those names. */
static void
subscribe(const struct call *call, struct answer *answer,
    const struct topic_names *names)
{
	struct topic *topics[CURSOR_TOPICS_MAX];
	const char   *from;
	uint64_t      seq;
	size_t        i;

	for (i = 0; i < names->count; i++) {
		topics[i] = hub_topic(call->routes->hub, names->names[i]);
		if (topics[i] == NULL) {
			topics_refuse(answer);
			return;
		}
	}
	seq = replay_seq(call, topics, names->count, &from);
	subscribe_head(call, answer, from);
	if (call->is_head)
		return;
	stream_open(call, answer,
	    &(struct stream_spec){
		.topics = topics,
		.topic_count = names->count,
		.seq = seq,
	    });
}

void
events_subscribe(const struct call *call, struct answer *answer)
{
	struct topic_names names;

	if (topics_are_served(call, answer) &&
	    topics_from_query(&call->query, &names, answer) &&
	    stream_is_admitted(call, answer, false))
		subscribe(call, answer, &names);
}
