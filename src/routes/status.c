#include "routes/status.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "http/answer.h"
#include "http/call.h"
#include "http/origin.h"
#include "http/param.h"
#include "http/refusal.h"
#include "http/store_gate.h"
#include "hub/topic.h"
#include "hub/turns.h"
#include "pure/address.h"
#include "pure/sse.h"
#include "routes/page.h"
#include "store/store.h"
#include "stream/sampler.h"
#include "stream/streams.h"

/* How long a call waits for the store. */
#define LEARN_MS 2000

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
	const char  *mode = call_env(call, "HTTP_SEC_FETCH_MODE");
	char *const *variable;

	if (call->client == NULL || !address_is_loopback(call->client))
		return false;
	for (variable = call->env; *variable != NULL; variable++) {
		if (is_of_proxy(*variable))
			return false;
	}
	return (mode != NULL && strcmp(mode, "navigate") == 0) ||
	    !origin_is_foreign(call, NULL);
}

bool
status_route_allows(const struct status_route *route, struct call *call)
{
	if (route->is_open || is_local(call))
		return true;
	return refusal_text(call, "403 Forbidden",
	    "for clients on the same machine; "
	    "the option status opens it to all");
}

/* A call that waits for the store. */
struct learner {
	struct list  node;
	struct call *call;
	void (*answer)(struct call *, void *context);
	void   *context;
	int64_t due_ms;
};

static void
learner_free(void *holder)
{
	struct learner *learner = holder;

	list_remove(&learner->node);
	free(learner);
}

void
status_route_init(struct status_route *route)
{
	list_init(&route->waiting);
}

static bool
is_known(const struct status_route *route)
{
	struct store_health health;

	store_get_health(route->store, &health);
	return health.is_known;
}

void
status_route_learn(struct status_route *route, struct call *call,
    void (*answer)(struct call *, void *context), void     *context)
{
	struct learner *learner;

	if (!route->is_single_use || route->store == NULL) {
		answer(call, context);
		return;
	}
	store_look(route->store);
	learner = mem_zalloc(sizeof(*learner));
	learner->call = call;
	learner->answer = answer;
	learner->context = context;
	learner->due_ms = turns_now_ms(route->turns) + LEARN_MS;
	list_init(&learner->node);
	list_append(&route->waiting, &learner->node);
	call_hold(call, learner_free, learner);
}

/* They wait equally long, so the first is due first. */
static struct learner *
first_learner(const struct status_route *route)
{
	return list_is_empty(&route->waiting) ?
	    NULL :
	    list_entry(route->waiting.next, struct learner, node);
}

void
status_route_run(struct status_route *route)
{
	struct learner *learner;

	while ((learner = first_learner(route)) != NULL &&
	    (is_known(route) ||
		status_route_next_ms(route) <= turns_now_ms(route->turns))) {
		call_resume(learner->call);
		learner->answer(learner->call, learner->context);
		learner_free(learner);
	}
}

int64_t
status_route_next_ms(const struct status_route *route)
{
	const struct learner *learner = first_learner(route);

	return learner == NULL ? INT64_MAX : learner->due_ms;
}

/* Why updates cannot be published; NULL: they can. */
static const char *
store_problem(const struct status_route *route)
{
	struct store_health health;

	if (route->gate != NULL && route->gate->problem != NULL)
		return route->gate->problem;
	if (route->store == NULL)
		return NULL;
	store_get_health(route->store, &health);
	if (route->is_single_use && !health.is_known)
		return health.why == NULL ? "does not answer" : health.why;
	if (health.state == STORE_UP)
		return NULL;
	return health.why == NULL ? "down" : health.why;
}

/* What else there is to say where one process is not all. */
static void
answer_ok(const struct status_route *route, struct answer *answer)
{
	const struct streams *streams = route->streams;

	if (route->is_single_use)
		answer_text(answer,
		    "ok: one process of several, which have %zu of %zu "
		    "streams open",
		    streams_shared_count(streams), streams->limits.count_max);
	else
		answer_text(answer, "ok");
}

static void
answer_health(struct call *call, void *context)
{
	const struct status_route *route = context;
	const char                *problem;

	problem = route->streams->is_draining ? "stopping" :
						store_problem(route);
	answer_text_head(&call->answer,
	    problem == NULL ? "200 OK" : "503 Service Unavailable");
	if (problem == NULL)
		answer_ok(route, &call->answer);
	else if (route->streams->is_draining)
		answer_text(&call->answer, "%s", problem);
	else
		answer_text(&call->answer, "store: %s", problem);
	call_answer(call);
}

void
status_route_health(struct call *call, void *context)
{
	struct status_route *route = context;

	if (!status_route_allows(route, call))
		return;
	store_gate_look(route->gate, call);
	status_route_learn(route, call, answer_health, route);
}

void
status_route_page(struct call *call, void *context)
{
	if (status_route_allows(context, call))
		page_route_get(call, NULL);
}

void
status_route_events(struct call *call, void *context)
{
	const struct status_route *route = context;
	struct topic              *topic = sampler_topic(route->sampler);

	if (!status_route_allows(route, call) || !param_padding(call) ||
	    !refusal_admits(call, route->streams, false))
		return;
	answer_stream_head(&call->answer);
	answer_body(&call->answer, NULL, 0);
	if (!call->is_head) {
		sse_append_comment(&call->answer.bytes, "");
		call_open_stream(call, route->streams,
		    &(struct stream_spec){
			.topics = &topic,
			.topic_count = 1,
			.position = CURSOR_FROM_START,
		    });
	}
	call_answer(call);
}
