#include <stdio.h>
#include <string.h>

#include "http/answer.h"
#include "http/request.h"
#include "pure/sse.h"
#include "routes/routes.h"
#include "routes/sampler.h"
#include "stream/stream.h"

/*
 * Web servers and what stands before them like to collect a response before
 * they pass it on. These fields ask nginx, caches and proxies not to.
 */
void
stream_head(struct answer *answer)
{
	answer_head(answer, "200 OK", "text/event-stream");
	answer_field(answer, "Cache-Control",
	    "no-cache, no-store, no-transform");
	answer_field(answer, "X-Accel-Buffering", "no");
	answer_field(answer, "Incremental", "?1");
}

/*
 * Whether an EventSource asks: it says what it accepts (HTML standard, section
 * 9.2.2), and gives up for good on any status but 200.
 */
static bool
is_event_source(const struct call *call)
{
	const char *accept = request_env(call->request, "HTTP_ACCEPT");

	return accept != NULL && strstr(accept, "text/event-stream") != NULL;
}

/* An event stream that says when to come back, and ends. */
static void
answer_come_back(struct answer *answer, long retry_ms, const char *why)
{
	char data[96];

	snprintf(data, sizeof(data), "{\"reason\":\"%s\",\"retry\":%ld}", why,
	    retry_ms);
	stream_head(answer);
	answer_field(answer, "Retry-After", "%ld", retry_ms / 1000 + 1);
	answer_body(answer, NULL, 0);
	if (!answer->has_body)
		return;
	sse_append_event(&answer->bytes,
	    &(struct sse_event){
		.type = "refused",
		.data = data,
		.data_bytes = strlen(data),
		.retry_ms = retry_ms,
	    });
}

static void
answer_unavailable(struct answer *answer, long retry_ms, const char *why)
{
	answer_text_head(answer, "503 Service Unavailable");
	answer_field(answer, "Retry-After", "%ld", retry_ms / 1000 + 1);
	answer_text(answer, "503 Service Unavailable: %s", why);
}

bool
stream_is_admitted(const struct call *call, struct answer *answer,
    bool is_plain)
{
	static const char *const reasons[] = { "", "too many streams",
		"too many streams of this client", "stopping" };
	struct streams          *streams = call->routes->streams;
	enum stream_refusal      refusal;

	if (call->is_head)
		return true;
	refusal = streams_admit(streams, call->client, call->full_path);
	if (refusal == STREAM_ADMITTED)
		return true;
	if (is_event_source(call) && !is_plain)
		answer_come_back(answer, streams_return_ms(streams),
		    reasons[refusal]);
	else
		answer_unavailable(answer, streams_return_ms(streams),
		    reasons[refusal]);
	return false;
}

void
stream_open(const struct call *call, struct answer *answer,
    const struct stream_spec *spec)
{
	struct stream_spec own = *spec;

	own.client = call->client;
	own.path = call->full_path;
	answer->stream = stream_new(call->routes->streams, &own);
	sampler_wake(call->routes->sampler);
}
