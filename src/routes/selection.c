#include "routes/selection.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/call.h"
#include "http/param.h"
#include "http/refusal.h"
#include "hub/hub.h"
#include "pure/query.h"
#include "pure/sse.h"

/* How the names that draft 08 keeps for selectors begin, in any case. */
#define MATCH "match"

static const struct parameter {
	const char        *name;
	enum selector_kind kind;
} parameters[] = {
	{ "topic", SELECTOR_TOPIC },
	{ "match", SELECTOR_EXACT },
	{ "match_exact", SELECTOR_EXACT },
	{ "match_urlpattern", SELECTOR_URL_PATTERN },
};

#define PARAMETER_COUNT (sizeof(parameters) / sizeof(parameters[0]))

static const char *
name_of(enum selector_kind kind)
{
	size_t i = 0;

	while (parameters[i].kind != kind)
		i++;
	return parameters[i].name;
}

/* The call is answered with what follows the parameter's name. */
static bool
refuse(struct call *call, const char *name, const char *why)
{
	char text[160];

	snprintf(text, sizeof(text), "%s %s", name, why);
	return refusal_bad_request(call, text);
}

static bool
has_item(const struct selection *selection, const struct parameter *parameter,
    const char *text)
{
	for (size_t i = 0; i < selection->count; i++) {
		if (selection->items[i].kind == parameter->kind &&
		    strcmp(selection->items[i].text, text) == 0)
			return true;
	}
	return false;
}

static bool
add_pair(struct selection *selection, struct call *call,
    const struct parameter *parameter, const struct query_pair *pair)
{
	if (pair->value_bytes == 0 || pair->value_bytes > SELECTOR_BYTES_MAX ||
	    !sse_is_field_value(pair->value, pair->value_bytes))
		return refuse(call, parameter->name,
		    "takes a name in UTF-8 without control characters, of at "
		    "most 4096 bytes");
	if (has_item(selection, parameter, pair->value))
		return true;
	if (selection->count == CURSOR_TOPICS_MAX)
		return refusal_bad_request(call, "too many topics");
	selection->items[selection->count].kind = parameter->kind;
	selection->items[selection->count++].text = pair->value;
	return true;
}

static bool
is_known(const char *name)
{
	for (size_t i = 0; i < PARAMETER_COUNT; i++) {
		if (strcmp(name, parameters[i].name) == 0)
			return true;
	}
	return false;
}

/* Who would be sent too much or too little by a name that we do not know. */
static bool
has_unknown_match(const struct query *query)
{
	const char *name;

	for (size_t i = 0; i < query->pair_count; i++) {
		name = query->pairs[i].name;
		if (strncasecmp(name, MATCH, sizeof(MATCH) - 1) == 0 &&
		    (strlen(name) != query->pairs[i].name_bytes ||
			!is_known(name)))
			return true;
	}
	return false;
}

/* Topics may stand in a list. */
static bool
is_named(const struct query_pair *pair, const struct parameter *parameter)
{
	if (parameter->kind == SELECTOR_TOPIC)
		return query_pair_is_item(pair, parameter->name);
	return strcmp(pair->name, parameter->name) == 0;
}

static bool
add_all(struct selection *selection, struct call *call,
    const struct parameter *parameter)
{
	const struct query *query = &call->query;

	for (size_t i = 0; i < query->pair_count; i++) {
		if (is_named(&query->pairs[i], parameter) &&
		    !add_pair(selection, call, parameter, &query->pairs[i]))
			return false;
	}
	return true;
}

bool
selection_read(struct selection *selection, struct call *call)
{
	selection->count = 0;
	if (call->rest != NULL) {
		selection->items[0].kind = SELECTOR_EXACT;
		selection->items[0].text = call->rest;
		selection->count = 1;
		return param_path_topic(call);
	}
	if (has_unknown_match(&call->query))
		return refusal_bad_request(call,
		    "of what begins with match there are match, match_exact "
		    "and match_urlpattern");
	for (size_t i = 0; i < PARAMETER_COUNT; i++) {
		if (!add_all(selection, call, &parameters[i]))
			return false;
	}
	if (selection->count == 0)
		return refusal_bad_request(call, "topic is missing");
	return true;
}

static bool
has_topic(struct topic *const *topics, size_t topic_count,
    const struct topic *topic)
{
	for (size_t i = 0; i < topic_count; i++) {
		if (topics[i] == topic)
			return true;
	}
	return false;
}

enum selection_result
selection_follow(const struct selection *selection, struct hub *hub,
    struct call *call, const struct update_reader *reader,
    struct topic **topics, size_t *topic_count)
{
	struct topic *topic;
	const char   *why;

	*topic_count = 0;
	hub_begin_follow(hub);
	for (size_t i = 0; i < selection->count; i++) {
		topic = hub_follow(hub, selection->items[i].kind,
		    selection->items[i].text, call->client, reader, &why);
		if (topic == NULL && why != NULL) {
			refuse(call, name_of(selection->items[i].kind), why);
			return SELECTION_INVALID;
		}
		if (topic == NULL)
			return SELECTION_TOO_MANY;
		if (!has_topic(topics, *topic_count, topic))
			topics[(*topic_count)++] = topic;
	}
	return SELECTION_OK;
}

size_t
selection_names(const struct hub *hub, struct topic *const *topics,
    size_t topic_count, const char **names)
{
	for (size_t i = 0; i < topic_count; i++) {
		if (topics[i] == hub->all || topic_selector(topics[i]) != NULL)
			return 0;
		names[i] = topic_name(topics[i]);
	}
	return topic_count;
}
