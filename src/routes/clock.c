#include "http/answer.h"
#include "hub/clock.h"
#include "hub/topic.h"
#include "pure/sse.h"
#include "routes/routes.h"
#include "stream/stream.h"

#define CLOCK_INTERVAL_MS 1000
#define RETRY_MS 10000

/* Adds an event of that type, or NULL, whose data is the date now. */
static void
append_date(const struct call *call, struct answer *answer, const char *type,
    long retry_ms, enum date_format format)
{
	char date[DATE_BYTES_MAX];

	sse_append_event(&answer->bytes,
	    &(struct sse_event){
		.type = type,
		.data = date,
		.data_bytes = date_print(date, format, call->routes->wall_ms()),
		.retry_ms = retry_ms,
	    });
}

static void
subscribe_live(const struct call *call, struct answer *answer,
    struct topic *topic, unsigned event_count)
{
	stream_open(call, answer,
	    &(struct stream_spec){
		.topics = &topic,
		.topic_count = 1,
		.seq = CURSOR_FROM_NOW,
		.event_count = event_count,
	    });
}

void
subscribe_clock(const struct call *call, struct answer *answer)
{
	static const char *const formats[] = { "js", "iso", "http", "unix",
		NULL };
	struct routes           *routes = call->routes;
	int64_t                  interval_ms;
	size_t                   format;

	if (!param_duration(call, answer, "interval", CLOCK_INTERVAL_MS,
		CLOCK_INTERVAL_MS_MIN, CLOCK_INTERVAL_MS_MAX, &interval_ms) ||
	    !param_word(call, answer, "format", formats, &format))
		return;
	if (!stream_is_admitted(call, answer, false))
		return;
	stream_head(answer);
	answer_body(answer, NULL, 0);
	if (call->is_head)
		return;
	append_date(call, answer, NULL, -1, (enum date_format)format);
	subscribe_live(call, answer,
	    clock_topic(routes->clock, interval_ms, (enum date_format)format,
		routes->wall_ms()),
	    1);
}

void
subscribe_stream(const struct call *call, struct answer *answer)
{
	struct routes *routes = call->routes;

	if (!stream_is_admitted(call, answer, false))
		return;
	stream_head(answer);
	answer_body(answer, NULL, 0);
	if (call->is_head)
		return;
	append_date(call, answer, "connecttime", RETRY_MS, DATE_FORMAT_JS);
	append_date(call, answer, NULL, -1, DATE_FORMAT_JS);
	subscribe_live(call, answer,
	    clock_topic(routes->clock, CLOCK_INTERVAL_MS, DATE_FORMAT_JS,
		routes->wall_ms()),
	    2);
}
