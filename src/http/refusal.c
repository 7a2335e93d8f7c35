#include "http/refusal.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "http/answer.h"
#include "http/call.h"
#include "http/path.h"
#include "pure/sse.h"
#include "stream/streams.h"

void
refusal_count(struct refusal_counts *counts, int status)
{
	if (status >= REFUSAL_STATUS_MIN && status <= REFUSAL_STATUS_MAX)
		counts->by_status[status - REFUSAL_STATUS_MIN]++;
}

bool
refusal_text(struct call *call, const char *status, const char *why)
{
	answer_text_head(&call->answer, status);
	answer_text(&call->answer, "%s: %s", status, why);
	call_answer(call);
	return false;
}

bool
refusal_bad_request(struct call *call, const char *why)
{
	return refusal_text(call, "400 Bad Request", why);
}

/*
 * Whether an EventSource asks: it says what it accepts (HTML standard, section
 * 9.2.2), and gives up for good on any status but 200.
 */
static bool
is_event_source(const struct call *call)
{
	const char *accept = call_env(call, "HTTP_ACCEPT");

	return accept != NULL && strstr(accept, "text/event-stream") != NULL;
}

/* An event stream that says when to come back, and ends. */
static void
answer_come_back(struct answer *answer, long retry_ms, const char *why,
    const char *id)
{
	char data[96];

	snprintf(data, sizeof(data), "{\"reason\":\"%s\",\"retry\":%ld}", why,
	    retry_ms);
	answer_stream_head(answer);
	answer_field(answer, "Retry-After", "%ld", retry_ms / 1000 + 1);
	answer_body(answer, NULL, 0);
	if (!answer->has_body)
		return;
	sse_append_event(&answer->bytes,
	    &(struct sse_event){
		.id = id,
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

static void
come_back(struct call *call, long retry_ms, const char *why, const char *id)
{
	if (is_event_source(call))
		answer_come_back(&call->answer, retry_ms, why, id);
	else
		answer_unavailable(&call->answer, retry_ms, why);
	call_answer(call);
}

void
refusal_come_back(struct call *call, long retry_ms, const char *why)
{
	come_back(call, retry_ms, why, NULL);
}

void
refusal_too_many_topics(struct call *call, const struct streams *streams)
{
	refusal_come_back(call, streams_return_ms(streams), "too many topics");
}

/* Whether there is room for a stream; if not, why, and until when. */
static bool
is_admitted(struct call *call, struct streams *streams, const char **why,
    long *retry_ms)
{
	static const char *const reasons[STREAM_REFUSAL_COUNT] = {
		[STREAM_REFUSED_FULL] = "too many streams",
		[STREAM_REFUSED_CLIENT] = "too many streams of this client",
		[STREAM_REFUSED_TURN] = "other clients have their turn",
		[STREAM_REFUSED_DRAINING] = "stopping",
	};
	enum stream_refusal refusal;

	if (call->is_head)
		return true;
	refusal = streams_admit(streams, call->client, call->full_path,
	    retry_ms);
	*why = reasons[refusal];
	return refusal == STREAM_ADMITTED;
}

bool
refusal_admits(struct call *call, struct streams *streams, bool is_plain)
{
	const char *why;
	long        retry_ms;

	if (!is_plain)
		return refusal_admits_at(call, streams, NULL);
	if (is_admitted(call, streams, &why, &retry_ms))
		return true;
	answer_unavailable(&call->answer, retry_ms, why);
	call_answer(call);
	return false;
}

bool
refusal_admits_at(struct call *call, struct streams *streams, const char *id)
{
	const char *why;
	long        retry_ms;

	if (is_admitted(call, streams, &why, &retry_ms))
		return true;
	come_back(call, retry_ms, why, id);
	return false;
}

/* Whether the media type is that of a form; parameters may follow it. */
static bool
is_form_type(const char *type)
{
	const size_t len_bytes = sizeof(FORM_TYPE) - 1;

	return strncasecmp(type, FORM_TYPE, len_bytes) == 0 &&
	    strchr("; \t", type[len_bytes]) != NULL;
}

static const char *
refuse(struct buf *why, const char *status)
{
	buf_append(why, "", 1);
	return status;
}

const char *
refusal_of_body(const struct call *call, const char *what, struct buf *why)
{
	const char *coding = call_env(call, "HTTP_CONTENT_ENCODING");
	const char *type = call_env(call, "CONTENT_TYPE");

	/* What is compressed is not read. */
	if (coding != NULL && *coding != '\0' &&
	    strcasecmp(coding, "identity") != 0) {
		buf_printf(why, "%s is sent without Content-Encoding: ", what);
		path_append_safe(why, coding);
		return refuse(why, "415 Unsupported Media Type");
	}
	if (type != NULL && *type != '\0' && !is_form_type(type)) {
		buf_printf(why, "%s is " FORM_TYPE, what);
		return refuse(why, "415 Unsupported Media Type");
	}
	if (call->is_body_cut) {
		buf_printf(why, "the option max-body limits %s", what);
		return refuse(why, "413 Content Too Large");
	}
	return NULL;
}
