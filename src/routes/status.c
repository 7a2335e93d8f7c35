#include <string.h>

#include "base/buf.h"
#include "http/answer.h"
#include "http/origin.h"
#include "http/request.h"
#include "hub/topic.h"
#include "pure/address.h"
#include "pure/sse.h"
#include "routes/metrics.h"
#include "routes/routes.h"
#include "routes/sampler.h"
#include "stream/stream.h"

/* Whether the variable is a header field that a proxy adds. */
static bool
is_of_proxy(const char *variable)
{
	/* The names that proxies have for the client's address. */
	static const char *const words[] = { "FORWARDED", "CLIENT_IP",
		"CLIENTIP", "REAL_IP", "CONNECTING_IP", "REMOTE_ADDR",
		"REMOTE_IP", "HTTP_VIA", "HTTP_CDN_LOOP" };
	const char              *end = strchr(variable, '=');
	const char              *found;
	size_t                   i;

	if (strncmp(variable, "HTTP_", 5) != 0)
		return false;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		found = strstr(variable, words[i]);
		if (found != NULL && found < end)
			return true;
	}
	return false;
}

/*
 * Whether the client is on this machine. A request that a proxy has passed on
 * is not, whatever address the proxy has; nor is the page of another site in
 * a browser that is, unless it is left for ours.
 */
static bool
is_local(const struct call *call)
{
	const char  *mode = request_env(call->request, "HTTP_SEC_FETCH_MODE");
	char *const *variable;

	if (call->client == NULL || !address_is_loopback(call->client))
		return false;
	for (variable = call->request->env; *variable != NULL; variable++) {
		if (is_of_proxy(*variable))
			return false;
	}
	return (mode != NULL && strcmp(mode, "navigate") == 0) ||
	    !origin_is_foreign(call->request, NULL);
}

/* False, and an answer, when the client may not look. */
static bool
is_allowed(const struct call *call, struct answer *answer)
{
	if (call->routes->is_status_open || is_local(call))
		return true;
	answer_text_head(answer, "403 Forbidden");
	answer_text(answer,
	    "403 Forbidden: for clients on the same machine; "
	    "the option status opens it to all");
	return false;
}

void
status_health(const struct call *call, struct answer *answer)
{
	if (!is_allowed(call, answer))
		return;
	if (call->routes->streams->is_draining) {
		answer_text_head(answer, "503 Service Unavailable");
		answer_text(answer, "stopping");
	} else {
		answer_text_head(answer, "200 OK");
		answer_text(answer, "ok");
	}
}

void
status_metrics(const struct call *call, struct answer *answer)
{
	struct buf text = { 0 };

	if (!is_allowed(call, answer))
		return;
	metrics_append(&text, call->routes);
	answer_head(answer, "200 OK",
	    "text/plain; version=0.0.4; "
	    "charset=utf-8");
	answer_field(answer, "Cache-Control", "no-store");
	answer_field(answer, "X-Content-Type-Options", "nosniff");
	answer_field(answer, "Content-Length", "%zu", text.len_bytes);
	answer_body(answer, text.data, text.len_bytes);
	buf_deinit(&text);
}

void
status_page(const struct call *call, struct answer *answer)
{
	if (is_allowed(call, answer))
		page_answer(call, answer);
}

void
status_events(const struct call *call, struct answer *answer)
{
	struct topic *topic = sampler_topic(call->routes->sampler);

	if (!is_allowed(call, answer) ||
	    !stream_is_admitted(call, answer, false))
		return;
	stream_head(answer);
	answer_body(answer, NULL, 0);
	if (call->is_head)
		return;
	sse_append_comment(&answer->bytes, "");
	stream_open(call, answer,
	    &(struct stream_spec){
		.topics = &topic,
		.topic_count = 1,
		.seq = CURSOR_FROM_START,
	    });
}
