#include "routes/topic_by.h"

#include <string.h>
#include <strings.h>

#include "http/call.h"
#include "http/refusal.h"
#include "hub/hub.h"
#include "pure/query.h"
#include "pure/selector.h"
#include "pure/sse.h"

bool
topic_by_is_open(const struct topic_by *by, struct call *call)
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
topic_by_path(struct call *call)
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
