#include "routes/counter.h"

#include <stdlib.h>
#include <string.h>

#include "http/answer.h"
#include "http/call.h"
#include "http/param.h"
#include "http/refusal.h"
#include "hub/topic.h"
#include "stream/counter.h"
#include "stream/stream.h"

#define COUNT 10
#define COUNT_MAX 1000000
#define INTERVAL_MS 1000
#define INTERVAL_MS_MIN 100
#define INTERVAL_MS_MAX (60 * 60 * 1000)

/*
 * The number of the last event that the client has had. An id that is not one
 * of ours means a new start.
 */
static uint64_t
last_num(const struct call *call, enum counter_format format)
{
	const char *id;

	param_last_event_id(call, &id);
	if (id == NULL || format == COUNTER_TEXT || *id == '\0' ||
	    strspn(id, "0123456789") != strlen(id))
		return 0;
	return strlen(id) > 9 ? COUNT_MAX : strtoull(id, NULL, 10);
}

static void
counter_head(struct answer *answer, enum counter_format format)
{
	if (format == COUNTER_SSE) {
		answer_stream_head(answer);
		return;
	}
	answer_text_head(answer, "200 OK");
	answer_field(answer, "X-Accel-Buffering", "no");
	answer_field(answer, "Incremental", "?1");
}

/* Adds the first event; a counter of its own sends the others. */
static void
counter_begin(const struct counter_route *route, struct call *call,
    const struct counter_spec *spec)
{
	struct counter *counter;
	struct topic   *topic;

	counter_append(&call->answer.bytes, spec);
	if (spec->num == spec->count)
		return;
	counter = counter_new(route->loop, route->turns, spec);
	topic = counter_topic(counter);
	call_open_stream(call, route->streams,
	    &(struct stream_spec){
		.topics = &topic,
		.topic_count = 1,
		.position = CURSOR_FROM_NOW,
		.is_plain = spec->format == COUNTER_TEXT,
		.event_count = 1,
		.on_open = counter_start,
		.release = counter_free,
		.arg = counter,
	    });
}

void
counter_route_get(struct call *call, void *context)
{
	static const char *const    formats[] = { "sse", "text", NULL };
	const struct counter_route *route = context;
	struct answer              *answer = &call->answer;
	struct counter_spec         spec = { 0 };
	size_t                      format;

	if (!param_count(call, "count", COUNT, COUNT_MAX, &spec.count) ||
	    !param_duration(call, "interval", INTERVAL_MS, INTERVAL_MS_MIN,
		INTERVAL_MS_MAX, &spec.interval_ms) ||
	    !param_word(call, "format", formats, &format) ||
	    !param_padding(call))
		return;
	spec.format = (enum counter_format)format;
	spec.num = last_num(call, spec.format) + 1;
	if (spec.num > spec.count) {
		answer_head(answer, "204 No Content", NULL);
		answer_field(answer, "Cache-Control", "no-store");
		answer_body(answer, NULL, 0);
		call_answer(call);
		return;
	}
	if (!refusal_admits(call, route->streams, format == COUNTER_TEXT))
		return;
	counter_head(answer, spec.format);
	answer_body(answer, NULL, 0);
	if (!call->is_head)
		counter_begin(route, call, &spec);
	call_answer(call);
}
