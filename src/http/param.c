#include "http/param.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/call.h"
#include "http/refusal.h"
#include "hub/hub.h"
#include "pure/duration.h"
#include "pure/event_id.h"
#include "pure/query.h"
#include "pure/selector.h"
#include "pure/sse.h"
#include "stream/head.h"

#define NAME_BYTES_MAX 4096

/*
 * The value of the parameter in *value, NULL when it is not there. False,
 * and the call was answered, when it is there twice.
 */
static bool
param_find(struct call *call, const char *name, const char **value)
{
	const struct query_pair *pair;
	char                     why[128];

	*value = NULL;
	pair = query_find(&call->query, name, NULL);
	if (pair != NULL && query_find(&call->query, name, pair) != NULL) {
		snprintf(why, sizeof(why), "%s is given twice", name);
		return refusal_bad_request(call, why);
	}
	if (pair != NULL)
		*value = pair->value;
	/* What hides behind a NUL would not be looked at. */
	if (pair != NULL && strlen(pair->value) != pair->value_bytes)
		*value = "";
	return true;
}

static bool
param_refuse(struct call *call, const char *name, const char *takes)
{
	char why[256];

	snprintf(why, sizeof(why), "%s takes %s", name, takes);
	return refusal_bad_request(call, why);
}

bool
param_duration(struct call *call, const char *name, int64_t default_ms,
    int64_t min_ms, int64_t max_ms, int64_t *ms)
{
	const char *value;
	char        min[DURATION_BYTES_MAX], max[DURATION_BYTES_MAX];
	char        takes[128];

	if (!param_find(call, name, &value))
		return false;
	*ms = default_ms;
	if (value == NULL ||
	    (duration_parse(value, ms) && *ms >= min_ms && *ms <= max_ms))
		return true;
	duration_print(min, min_ms);
	duration_print(max, max_ms);
	snprintf(takes, sizeof(takes),
	    "a duration from %s to %s, such as 500ms, 2s or 1m", min, max);
	return param_refuse(call, name, takes);
}

bool
param_count(struct call *call, const char *name, uint64_t default_count,
    uint64_t max_count, uint64_t *count)
{
	const char *value;
	char        takes[64];

	if (!param_find(call, name, &value))
		return false;
	*count = default_count;
	if (value == NULL)
		return true;
	/* Nine digits fit, and no maximum here has more. */
	if (strspn(value, "0123456789") == strlen(value) &&
	    strlen(value) >= 1 && strlen(value) <= 9) {
		*count = strtoull(value, NULL, 10);
		if (*count >= 1 && *count <= max_count)
			return true;
	}
	snprintf(takes, sizeof(takes), "a number from 1 to %llu",
	    (unsigned long long)max_count);
	return param_refuse(call, name, takes);
}

bool
param_padding(struct call *call)
{
	const char *value;
	char        takes[64];

	if (!param_find(call, "padding", &value))
		return false;
	if (value == NULL)
		return true;
	call->has_padding = true;
	if (strspn(value, "0123456789") == strlen(value) &&
	    strlen(value) >= 1 && strlen(value) <= 9) {
		call->padding_bytes = (unsigned)strtoul(value, NULL, 10);
		if (call->padding_bytes <= HEAD_PADDING_BYTES_MAX)
			return true;
	}
	snprintf(takes, sizeof(takes), "a number of bytes from 0 to %d",
	    HEAD_PADDING_BYTES_MAX);
	return param_refuse(call, "padding", takes);
}

bool
param_word(struct call *call, const char *name, const char *const *words,
    size_t *index)
{
	const char *value;
	char        takes[128];
	size_t      i, len = 0;

	if (!param_find(call, name, &value))
		return false;
	*index = 0;
	if (value == NULL)
		return true;
	for (i = 0; words[i] != NULL; i++) {
		if (strcmp(value, words[i]) == 0) {
			*index = i;
			return true;
		}
	}
	for (i = 0; words[i] != NULL; i++)
		len += (size_t)snprintf(takes + len, sizeof(takes) - len,
		    "%s%s",
		    i == 0                   ? "" :
			words[i + 1] == NULL ? " or " :
					       ", ",
		    words[i]);
	return param_refuse(call, name, takes);
}

/*
 * Polyfills add the first two when they reconnect, to the URL of their page,
 * which may hold one of the others.
 */
static const char *const id_names[] = { "lastEventId", "evs_last_event_id",
	"lastEventID", "last_event_id", "Last-Event-ID" };

#define ID_NAME_COUNT (sizeof(id_names) / sizeof(id_names[0]))

bool
param_last_event_id(const struct call *call, const char **id)
{
	const struct query_pair *pair;
	bool                     is_there;

	/* A client that reconnects knows more than the page that it is in. */
	*id = call->last_event_id;
	is_there = *id != NULL;
	if (is_there && **id != '\0')
		return true;
	*id = NULL;
	for (size_t i = 0; i < ID_NAME_COUNT && *id == NULL; i++) {
		pair = query_find(&call->query, id_names[i], NULL);
		if (pair == NULL)
			continue;
		is_there = true;
		/* No event has an id with a NUL in it. */
		if (strlen(pair->value) != pair->value_bytes)
			*id = EVENT_ID_EARLIEST;
		else if (pair->value_bytes > 0)
			*id = pair->value;
	}
	return is_there;
}

static bool
has_name(const struct topic_names *names, const char *name)
{
	size_t i;

	for (i = 0; i < names->count; i++) {
		if (strcmp(names->names[i], name) == 0)
			return true;
	}
	return false;
}

bool
param_topics(struct call *call, const struct query *query,
    struct topic_names *names)
{
	const struct query_pair *pair = NULL;

	names->count = 0;
	while ((pair = query_find_item(query, "topic", pair)) != NULL) {
		if (pair->value_bytes == 0 ||
		    pair->value_bytes > NAME_BYTES_MAX ||
		    !sse_is_field_value(pair->value, pair->value_bytes))
			return refusal_bad_request(call,
			    "topic takes a name in "
			    "UTF-8 without control characters");
		if (has_name(names, pair->value))
			continue;
		if (names->count == CURSOR_TOPICS_MAX)
			return refusal_bad_request(call, "too many topics");
		names->names[names->count++] = pair->value;
	}
	if (names->count == 0)
		return refusal_bad_request(call, "topic is missing");
	return true;
}

bool
param_topics_are_open(struct call *call, const struct topic_by *by)
{
	if (call->rest != NULL && by->is_path_closed)
		return refusal_text(call, "404 Not Found",
		    "the option topic-by has topics in the query alone");
	if (call->rest == NULL && by->is_query_closed)
		return refusal_text(call, "403 Forbidden",
		    "the option topic-by has topics in the path alone: "
		    "/events/t/TOPIC");
	return true;
}

/* Whether the query has a parameter of either draft that names topics. */
static bool
names_topics(const struct query *query)
{
	if (query_find_item(query, "topic", NULL) != NULL)
		return true;
	for (size_t i = 0; i < query->pair_count; i++) {
		if (strncasecmp(query->pairs[i].name, "match", 5) == 0)
			return true;
	}
	return false;
}

/*
 * Whether "." or ".." stands between slashes: web servers take such a path for
 * another one, which is what their rules are about.
 */
static bool
has_dot_segment(const char *topic)
{
	size_t len;

	for (;; topic += len + 1) {
		len = strcspn(topic, "/");
		if ((len == 1 && topic[0] == '.') ||
		    (len == 2 && topic[0] == '.' && topic[1] == '.'))
			return true;
		if (topic[len] == '\0')
			return false;
	}
}

bool
param_path_topic(struct call *call)
{
	const char *topic = call->rest;
	size_t      len = strlen(topic);

	if (names_topics(&call->query))
		return refusal_bad_request(call,
		    "the path names the topic: leave topic and match out of "
		    "the query");
	if (len == 0 || len > SELECTOR_BYTES_MAX ||
	    !sse_is_field_value(topic, len))
		return refusal_bad_request(call,
		    "behind /events/t/ the path takes a topic in UTF-8 without "
		    "control characters, of at most 4096 bytes");
	if (strcmp(topic, HUB_ALL) == 0)
		return refusal_bad_request(call,
		    "the path names one topic, and * is all");
	if (has_dot_segment(topic))
		return refusal_bad_request(call,
		    "a topic in the path has no . or .. between its slashes");
	return true;
}
