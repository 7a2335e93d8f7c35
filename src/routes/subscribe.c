#include <string.h>

#include "http/answer.h"
#include "hub/hub.h"
#include "hub/topic.h"
#include "pure/sse.h"
#include "routes/routes.h"
#include "routes/topics.h"
#include "stream/stream.h"

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
	const char *id = param_last_event_id(call);
	uint64_t    seq;
	size_t      i;

	*from = NULL;
	if (id == NULL)
		return CURSOR_FROM_NOW;
	*from = EVENT_ID_EARLIEST;
	if (strcmp(id, EVENT_ID_EARLIEST) == 0 ||
	    !hub_find(call->routes->hub, id, topics, topic_count, &seq))
		return CURSOR_FROM_START;
	*from = id;
	for (i = 0; i < topic_count; i++) {
		if (topic_dropped_seq(topics[i]) > seq)
			*from = EVENT_ID_EARLIEST;
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
