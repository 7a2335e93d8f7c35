#include "routes/publish.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/publishers.h"
#include "base/buf.h"
#include "base/log.h"
#include "http/answer.h"
#include "http/call.h"
#include "http/cors.h"
#include "http/origin.h"
#include "http/param.h"
#include "http/path.h"
#include "http/refusal.h"
#include "hub/hub.h"
#include "hub/turns.h"
#include "hub/update.h"
#include "pure/position.h"
#include "pure/sse.h"

#define FORM_TYPE "application/x-www-form-urlencoded"
#define ID_BYTES_MAX 1024
#define RETRY_DIGITS_MAX 9
#define RETRY_MS_MAX (24 * 60 * 60 * 1000)

/* The form of an update, as the Mercure protocol has it. */
struct publication {
	struct topic_names topics;
	char               id[POSITION_ID_BYTES]; /* the made one */
	struct sse_event   event;
	bool               is_private;
	bool               has_key; /* its sender has one */
};

static void
refuse(struct call *call, const char *status, const char *why)
{
	struct answer *answer = &call->answer;

	log_info("refuse-publish", LOG_STR("client", call->client),
	    LOG_STR("path", call->full_path), LOG_STR("reason", why));
	answer_text_head(answer, status);
	if (strncmp(status, "401", 3) == 0)
		answer_field(answer, "WWW-Authenticate", "Bearer");
	/* RFC 9110 section 12.5.3: what it could have been. */
	if (strncmp(status, "415", 3) == 0)
		answer_field(answer, "Accept-Encoding", "identity");
	if (strncmp(status, "429", 3) == 0)
		answer_field(answer, "Retry-After", "1");
	answer_text(answer, "%s: %s", status, why);
	call_answer(call);
}

/*
 * Whether a page may publish that is of another origin, if such a page sent
 * this: it acts for whoever visits it, with the visitor's address.
 */
static bool
is_own_page(const struct publish_route *route, struct call *call)
{
	struct buf why = { 0 };
	bool       is_foreign;

	buf_append_str(&why, "this page may not publish: ");
	is_foreign = !cors_allows(route->cors, call) &&
	    origin_is_foreign(call, &why);
	buf_append_str(&why,
	    ". The option allow-origin names pages that may; a "
	    "proxy has to pass on Host");
	buf_append(&why, "", 1);
	if (is_foreign)
		refuse(call, "403 Forbidden", why.data);
	buf_deinit(&why);
	return !is_foreign;
}

/* Whether the media type is that of a form; parameters may follow it. */
static bool
is_form_type(const char *type)
{
	const size_t len_bytes = sizeof(FORM_TYPE) - 1;

	return strncasecmp(type, FORM_TYPE, len_bytes) == 0 &&
	    strchr("; \t", type[len_bytes]) != NULL;
}

/* Whether the body is as it was written: what is compressed is not read. */
static bool
is_readable(struct call *call)
{
	const char *coding = call_env(call, "HTTP_CONTENT_ENCODING");
	struct buf  why = { 0 };

	if (coding == NULL || *coding == '\0' ||
	    strcasecmp(coding, "identity") == 0)
		return true;
	buf_append_str(&why, "an update is sent without Content-Encoding: ");
	path_append_safe(&why, coding);
	buf_append(&why, "", 1);
	refuse(call, "415 Unsupported Media Type", why.data);
	buf_deinit(&why);
	return false;
}

/* Whether the request can be an update at all, whoever sends it. */
static bool
is_usable(const struct publish_route *route, struct call *call)
{
	const char *type = call_env(call, "CONTENT_TYPE");

	if (!is_readable(call))
		return false;
	if (type != NULL && *type != '\0' && !is_form_type(type)) {
		refuse(call, "415 Unsupported Media Type",
		    "an update is " FORM_TYPE);
		return false;
	}
	if (call->is_body_cut) {
		refuse(call, "413 Content Too Large",
		    "the option max-body limits an update");
		return false;
	}
	return is_own_page(route, call);
}

/* Whether that is what allows it; if not, the call was answered. */
static bool
is_allowed(struct call *call, enum publish_verdict verdict)
{
	switch (verdict) {
	case PUBLISH_ALLOWED:
	case PUBLISH_ALLOWED_TO_ALL:
		return true;
	case PUBLISH_OFF:
		refuse(call, "403 Forbidden",
		    "publishing is off; the "
		    "option publish-key-file turns it on");
		return false;
	case PUBLISH_NO_KEY:
		refuse(call, "401 Unauthorized",
		    "publishing takes "
		    "one of the keys as \"Authorization: Bearer KEY\"");
		return false;
	case PUBLISH_TOO_OFTEN:
		refuse(call, "429 Too Many Requests",
		    "this address has published too often");
		return false;
	}
	return false;
}

/* Whether the sender may publish to the update's topics. */
static bool
is_authorized(const struct publish_route *route, struct call *call,
    struct publication *update)
{
	enum publish_verdict verdict = publishers_judge(route->publishers,
	    call_env(call, "HTTP_AUTHORIZATION"), call->client,
	    update->topics.names, update->topics.count,
	    turns_now_ms(route->turns));

	update->has_key = verdict == PUBLISH_ALLOWED;
	return is_allowed(call, verdict);
}

/* The first field of that name, or NULL. */
static const struct query_pair *
field(const struct query *form, const char *name)
{
	return query_find(form, name, NULL);
}

static bool
read_id(struct publication *update, const struct query *form, struct call *call)
{
	const struct query_pair *pair = field(form, "id");
	const char              *id;

	/* With an earlier event's id anyone could set readers back. */
	if (!update->has_key || pair == NULL || pair->value_bytes == 0)
		return true;
	update->event.id = pair->value;
	/* A subscriber sends it back in a field, without spaces around it. */
	id = pair->value + strspn(pair->value, " ");
	if (pair->value_bytes > ID_BYTES_MAX || *id == '\0' || *id == '#' ||
	    (strncmp(id, "earliest", 8) == 0 &&
		strspn(id + 8, " ") == strlen(id + 8)) ||
	    !sse_is_field_value(pair->value, pair->value_bytes))
		return refusal_bad_request(call,
		    "id takes UTF-8 without control "
		    "characters, with no # before it, and not \"earliest\"");
	return true;
}

static bool
read_retry(struct publication *update, const struct query *form,
    struct call *call)
{
	const struct query_pair *pair = field(form, "retry");

	update->event.retry_ms = -1;
	/* Anyone could have readers stay away for as long as they like. */
	if (!update->has_key || pair == NULL || pair->value_bytes == 0)
		return true;
	if (pair->value_bytes <= RETRY_DIGITS_MAX &&
	    strspn(pair->value, "0123456789") == pair->value_bytes)
		update->event.retry_ms = strtol(pair->value, NULL, 10);
	if (update->event.retry_ms < 0 || update->event.retry_ms > RETRY_MS_MAX)
		return refusal_bad_request(call,
		    "retry takes milliseconds, at most a day");
	return true;
}

/*
 * Whether a page may take an event of that type for one of its connection:
 * EventSource has its own "open" and "error", and we send "refused".
 */
static bool
is_type_of_connection(const char *type)
{
	return strcmp(type, "open") == 0 || strcmp(type, "error") == 0 ||
	    strcmp(type, "refused") == 0;
}

static bool
read_type_and_data(struct publication *update, const struct query *form,
    struct call *call)
{
	const struct query_pair *type = field(form, "type");
	const struct query_pair *data = field(form, "data");

	if (type != NULL && type->value_bytes > 0) {
		update->event.type = type->value;
		if (!sse_is_field_value(type->value, type->value_bytes))
			return refusal_bad_request(call,
			    "type takes UTF-8 without "
			    "control characters");
		if (!update->has_key && is_type_of_connection(type->value)) {
			refuse(call, "401 Unauthorized",
			    "an event of the type open, error or refused "
			    "takes one of the keys as \"Authorization: Bearer "
			    "KEY\"");
			return false;
		}
	}
	update->event.data = data == NULL ? "" : data->value;
	update->event.data_bytes = data == NULL ? 0 : data->value_bytes;
	if (!sse_is_utf8(update->event.data, update->event.data_bytes))
		return refusal_bad_request(call, "data is not UTF-8");
	return true;
}

static bool
read_topics(struct publication *update, const struct query *form,
    struct call *call)
{
	size_t i;

	if (!param_topics(call, form, &update->topics))
		return false;
	for (i = 0; i < update->topics.count; i++) {
		if (strcmp(update->topics.names[i], HUB_ALL) == 0 ||
		    strstr(update->topics.names[i], "/.well-known/mercure") !=
			NULL)
			return refusal_bad_request(call,
			    "topic names one that is reserved");
	}
	return true;
}

static void
update_publish(struct publication *update, const struct publish_route *route)
{
	struct hub   *hub = route->hub;
	int64_t       wall_ms = route->wall_ms();
	struct buf    bytes = { 0 };
	const char   *own_id = update->event.id;
	struct update fields = {
		.position = position_next(hub->position, wall_ms),
		.id = own_id,
		.topics = update->topics.names,
		.topic_count = update->topics.count,
	};

	/* The hub puts the id before the event. */
	update->event.id = NULL;
	sse_append_event(&bytes, &update->event);
	fields.bytes = bytes.data;
	fields.len_bytes = bytes.len_bytes;
	if (!update->is_private)
		hub_ingest(hub, &fields, 1, turns_now_ms(route->turns),
		    wall_ms);
	buf_deinit(&bytes);
	update->event.id = own_id;
	if (own_id == NULL && hub_id(hub, fields.position, update->id))
		update->event.id = update->id;
}

/* The response is the id and nothing else: clients take it as it is. */
static void
answer_id(const struct publication *update, struct answer *answer)
{
	size_t id_bytes = strlen(update->event.id);

	answer_head(answer, "200 OK", "text/plain; charset=utf-8");
	answer_field(answer, "Cache-Control", "no-store");
	answer_field(answer, "X-Content-Type-Options", "nosniff");
	if (update->is_private)
		answer_field(answer, "Fcgi-Sse-Note",
		    "private: delivered to "
		    "nobody, since no subscriber can be authorized");
	answer_field(answer, "Content-Length", "%zu", id_bytes);
	answer_body(answer, update->event.id, id_bytes);
}

static void
publish_form(const struct publish_route *route, struct call *call,
    const struct query *form)
{
	struct publication update = { .event.id = NULL };

	if (!read_topics(&update, form, call) ||
	    !is_authorized(route, call, &update) ||
	    !read_id(&update, form, call) || !read_retry(&update, form, call) ||
	    !read_type_and_data(&update, form, call))
		return;
	update.is_private = field(form, "private") != NULL;
	update_publish(&update, route);
	log_debug("publish", LOG_STR("client", call->client),
	    LOG_STR("topic", update.topics.names[0]),
	    LOG_STR("id", update.event.id),
	    LOG_INT("bytes", update.event.data_bytes));
	answer_id(&update, &call->answer);
	call_answer(call);
}

void
publish_route_check(struct call *call, void *context)
{
	const struct publish_route *route = context;

	if (!refusal_topics_off(call, route->topics_problem) &&
	    is_usable(route, call))
		is_allowed(call,
		    publishers_judge_any(route->publishers,
			call_env(call, "HTTP_AUTHORIZATION")));
}

void
publish_route_post(struct call *call, void *context)
{
	const struct publish_route *route = context;
	struct query                form;

	call->refusals = route->refusals;
	if (refusal_topics_off(call, route->topics_problem) ||
	    !is_usable(route, call))
		return;
	if (query_init(&form, call->body, call->body_bytes) == -1)
		refusal_bad_request(call, "the form is malformed");
	else
		publish_form(route, call, &form);
	query_deinit(&form);
}
