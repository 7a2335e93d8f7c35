#include "routes/clock.h"

#include "http/answer.h"
#include "http/call.h"
#include "http/param.h"
#include "http/refusal.h"
#include "hub/clock.h"
#include "hub/topic.h"
#include "pure/sse.h"
#include "stream/stream.h"

#define CLOCK_INTERVAL_MS 1000
#define RETRY_MS 10000

/* Adds an event of that type, or NULL, whose data is the date now. */
static void
append_date(const struct clock_route *route, struct answer *answer,
    const char *type, long retry_ms, enum date_format format)
{
	char date[DATE_BYTES_MAX];

	sse_append_event(&answer->bytes,
	    &(struct sse_event){
		.type = type,
		.data = date,
		.data_bytes = date_print(date, format, route->wall_ms()),
		.retry_ms = retry_ms,
	    });
}

static void
open_stream(const struct clock_route *route, struct call *call,
    int64_t interval_ms, enum date_format format, unsigned event_count)
{
	struct topic *topic = clock_topic(route->clock, interval_ms, format,
	    route->wall_ms());

	call_open_stream(call, route->streams,
	    &(struct stream_spec){
		.topics = &topic,
		.topic_count = 1,
		.position = CURSOR_FROM_NOW,
		.event_count = event_count,
	    });
}

void
clock_route_get(struct call *call, void *context)
{
	static const char *const  formats[] = { "js", "iso", "http", "unix",
		 NULL };
	const struct clock_route *route = context;
	int64_t                   interval_ms;
	size_t                    format;

	if (!param_duration(call, "interval", CLOCK_INTERVAL_MS,
		CLOCK_INTERVAL_MS_MIN, CLOCK_INTERVAL_MS_MAX, &interval_ms) ||
	    !param_word(call, "format", formats, &format) ||
	    !param_padding(call) ||
	    !refusal_admits(call, route->streams, false))
		return;
	answer_stream_head(&call->answer);
	answer_body(&call->answer, NULL, 0);
	if (!call->is_head) {
		append_date(route, &call->answer, NULL, -1,
		    (enum date_format)format);
		open_stream(route, call, interval_ms, (enum date_format)format,
		    1);
	}
	call_answer(call);
}

void
clock_route_stream(struct call *call, void *context)
{
	const struct clock_route *route = context;

	if (!param_padding(call) ||
	    !refusal_admits(call, route->streams, false))
		return;
	answer_stream_head(&call->answer);
	answer_body(&call->answer, NULL, 0);
	if (!call->is_head) {
		append_date(route, &call->answer, "connecttime", RETRY_MS,
		    DATE_FORMAT_JS);
		append_date(route, &call->answer, NULL, -1, DATE_FORMAT_JS);
		open_stream(route, call, CLOCK_INTERVAL_MS, DATE_FORMAT_JS, 2);
	}
	call_answer(call);
}
