#include "routes/publish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/access.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/utf8.h"
#include "http/answer.h"
#include "http/call.h"
#include "http/param.h"
#include "http/refusal.h"
#include "http/store_gate.h"
#include "hub/hub.h"
#include "hub/turns.h"
#include "hub/update.h"
#include "pure/event_id.h"
#include "pure/hash.h"
#include "pure/position.h"
#include "pure/sse.h"
#include "routes/publish_keep.h"
#include "routes/publish_right.h"

#define RETRY_DIGITS_MAX 9
/* Of an Idempotency-Key, without quotes, and of it and who sends it. */
#define IDEMPOTENCY_KEY_BYTES_MAX 128
#define ONCE_BYTES 256

/* The form of an update, as the Mercure protocol has it. */
struct publication {
	struct topic_names topics;
	struct sse_event   event;
	bool               is_private;
	bool               is_strict; /* draft 08's rules hold for its texts */
	bool               has_key;   /* its sender has one, or a token */
	const char        *secret;    /* that key or token, or NULL */
	size_t             secret_bytes;
	char               once[ONCE_BYTES]; /* "": a repeat is a new update */
};

/* Whether the request can be an update at all, whoever sends it. */
static bool
is_usable(struct call *call)
{
	struct buf  why = { 0 };
	const char *status = refusal_of_body(call, "an update", &why);

	if (status != NULL)
		publish_right_refuse(call, status, why.data);
	buf_deinit(&why);
	return status == NULL;
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

	/* With an earlier event's id anyone could set readers back. */
	if (!update->has_key || pair == NULL || pair->value_bytes == 0)
		return true;
	update->event.id = pair->value;
	if (!event_id_is_publishers(pair->value, pair->value_bytes))
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
	/*
	 * Otherwise anyone could set how long the browsers of subscribers stay
	 * away.
	 */
	if (!update->has_key || pair == NULL || pair->value_bytes == 0)
		return true;
	if (pair->value_bytes <= RETRY_DIGITS_MAX &&
	    strspn(pair->value, "0123456789") == pair->value_bytes)
		update->event.retry_ms = strtol(pair->value, NULL, 10);
	if (update->event.retry_ms < 0 ||
	    update->event.retry_ms > SSE_RETRY_MS_MAX)
		return refusal_bad_request(call,
		    "retry takes milliseconds, at most a day");
	return true;
}

/*
 * Whether a page may take an event of that type for one of its connection:
 * EventSource has its own "open" and "error", and we send the others.
 */
static bool
is_type_of_connection(const char *type)
{
	return strcmp(type, "open") == 0 || strcmp(type, "error") == 0 ||
	    strcmp(type, "refused") == 0 || strcmp(type, "token-expired") == 0;
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
		/* Presence is announced by events of this type. */
		if (strcmp(type->value, "mercure") == 0)
			return refusal_bad_request(call,
			    "type takes no \"mercure\", which is the hub's");
		if (!update->has_key && is_type_of_connection(type->value)) {
			publish_right_refuse(call, "401 Unauthorized",
			    "an event of the type open, error, refused or "
			    "token-expired takes one of the keys as "
			    "\"Authorization: Bearer KEY\"");
			return false;
		}
	}
	update->event.data = data == NULL ? "" : data->value;
	update->event.data_bytes = data == NULL ? 0 : data->value_bytes;
	if (!sse_is_utf8(update->event.data, update->event.data_bytes))
		return refusal_bad_request(call, "data is not UTF-8");
	return true;
}

/*
 * The sender of the update, so that no other can be taken for it: a hash of the
 * secret by which it may publish, which only it knows, or its address.
 */
static void
print_sender(char *out, size_t size, const struct call *call,
    const struct publication *update)
{
	if (update->secret != NULL)
		snprintf(out, size, "%016llx",
		    (unsigned long long)hash_bytes(HASH_START, update->secret,
			update->secret_bytes));
	else
		snprintf(out, size, "%.64s",
		    call->client == NULL ? "" : call->client);
}

/*
 * The Idempotency-Key by which a publisher marks a repeat: a string in quotes
 * (RFC 9651 section 3.3.3), as its draft has it, or without them.
 */
static bool
read_idempotency_key(struct publication *update, struct call *call)
{
	const char *key = call_env(call, "HTTP_IDEMPOTENCY_KEY");
	size_t      len, i, quotes;
	char        sender[80];

	if (key == NULL)
		return true;
	len = strlen(key);
	quotes = len > 1 && key[0] == '"' && key[len - 1] == '"';
	len -= 2 * quotes;
	key += quotes;
	for (i = 0; i < len && key[i] > ' ' && key[i] < 0x7f; i++)
		;
	if (len == 0 || len > IDEMPOTENCY_KEY_BYTES_MAX || i < len)
		return refusal_bad_request(call,
		    "Idempotency-Key takes 1 to 128 visible characters");
	print_sender(sender, sizeof(sender), call, update);
	snprintf(update->once, sizeof(update->once), "%s %.*s", sender,
	    (int)len, key);
	return true;
}

/*
 * Appends the canonical topic as a comment. A private update may have readers
 * with a right to another of its topics alone: it tells no topic if it has
 * several.
 */
static void
append_topic(struct buf *bytes, const struct publication *form)
{
	struct buf text = { 0 };

	if (form->is_private && form->topics.count > 1)
		return;
	buf_printf(&text, "topic %s", form->topics.names[0]);
	sse_append_comment(bytes, text.data);
	buf_deinit(&text);
}

/* Publishes it, and answers the call with its id. */
static void
update_publish(struct publication *form, const struct publish_route *route,
    struct call *call)
{
	struct buf    bytes = { 0 };
	struct update update = {
		.id = form->event.id,
		.topics = form->topics.names,
		.topic_count = form->topics.count,
		.is_private = form->is_private,
	};

	/* The hub puts the id before the event. */
	form->event.id = NULL;
	if (route->tells_topic)
		append_topic(&bytes, form);
	sse_append_event(&bytes, &form->event);
	update.bytes = bytes.data;
	update.len_bytes = bytes.len_bytes;
	publish_keep(route, call, &update,
	    form->once[0] == '\0' ? NULL : form->once);
	buf_deinit(&bytes);
}

/* Whether none of the topics is reserved for the hub. */
static bool
is_free(const struct publish_route *route, struct call *call,
    const struct publication *update)
{
	for (size_t i = 0; i < update->topics.count; i++) {
		if (strcmp(update->topics.names[i], HUB_ALL) == 0 ||
		    access_is_reserved(route->bearer->access,
			update->topics.names[i], update->is_strict))
			return refusal_bad_request(call,
			    "topic names one that is reserved, as * and all "
			    "at the hub's path are");
	}
	return true;
}

/*
 * Draft 08 allows no invisible character in topics, id and type; draft 07
 * allows them, as some emoji have one.
 */
static bool
is_visible(const struct publication *update, const struct query *form,
    struct call *call)
{
	static const char *const names[] = { "topic", "id", "type" };
	const struct query_pair *pair;
	bool                     is_good = call->rest == NULL ||
	    utf8_is_visible(call->rest, strlen(call->rest));

	if (!update->is_strict)
		return true;
	for (size_t i = 0; i < 3; i++) {
		pair = NULL;
		while ((pair = query_find_item(form, names[i], pair)) != NULL)
			is_good = is_good &&
			    utf8_is_visible(pair->value, pair->value_bytes);
	}
	return is_good ||
	    refusal_bad_request(call,
		"topic, id and type take no format characters by a token of "
		"draft 08");
}

/* The topics of the form, or the path's one. */
static bool
read_topics(struct publication *update, const struct query *form,
    struct call *call)
{
	if (call->rest == NULL)
		return param_topics(call, form, &update->topics);
	if (query_find_item(form, "topic", NULL) != NULL)
		return refusal_bad_request(call,
		    "the path names the topic: leave topic out of the form");
	update->topics.names[0] = call->rest;
	update->topics.count = 1;
	return param_path_topic(call);
}

/* Whether the sender may publish to the update's topics. */
static bool
is_authorized(const struct publish_route *route, struct call *call,
    const struct bearer_verdict *verdict, struct publication *update)
{
	struct publish_right right;

	if (!publish_right_get(route, call, verdict, &update->topics, &right))
		return false;
	update->has_key = right.is_trusted;
	update->is_strict = right.is_strict;
	update->secret = right.secret;
	update->secret_bytes = right.secret_bytes;
	return true;
}

static void
publish_form(const struct publish_route *route, struct call *call,
    const struct bearer_verdict *verdict, const struct query *form)
{
	struct publication update = { .event.id = NULL };

	if (!read_topics(&update, form, call) ||
	    !is_authorized(route, call, verdict, &update) ||
	    !is_free(route, call, &update) ||
	    !is_visible(&update, form, call) || !read_id(&update, form, call) ||
	    !read_retry(&update, form, call) ||
	    !read_type_and_data(&update, form, call) ||
	    !read_idempotency_key(&update, call))
		return;
	update.is_private = field(form, "private") != NULL;
	update_publish(&update, route, call);
}

/* Goes on with a call whose token was judged, if it has one. */
static void
answer(struct call *call, const struct bearer_verdict *verdict, void *context)
{
	const struct publish_route *route = context;
	struct query                form;

	if (query_init(&form, call->body, call->body_bytes) == -1)
		refusal_bad_request(call, "the form" QUERY_FAULT);
	else
		publish_form(route, call, verdict, &form);
	query_deinit(&form);
}

void
publish_route_check(struct call *call, void *context)
{
	const struct publish_route *route = context;

	if (param_topics_are_open(call, route->topic_by) &&
	    store_gate_publishes(route->gate, call) && is_usable(call))
		publish_right_check(route, call);
}

void
publish_route_post(struct call *call, void *context)
{
	const struct publish_route *route = context;

	call->refusals = route->refusals;
	if (param_topics_are_open(call, route->topic_by) &&
	    store_gate_publishes(route->gate, call) && is_usable(call))
		publish_right_judge(route, call, answer, context);
}
