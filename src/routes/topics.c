#include "routes/topics.h"

#include <string.h>

#include "http/answer.h"
#include "pure/query.h"
#include "pure/sse.h"
#include "routes/routes.h"

#define NAME_BYTES_MAX 4096

bool
refuse_bad(struct answer *answer, const char *why)
{
	answer_text_head(answer, "400 Bad Request");
	answer_text(answer, "400 Bad Request: %s", why);
	return false;
}

bool
topics_are_served(const struct call *call, struct answer *answer)
{
	const char *problem = call->routes->topics_problem;

	if (problem == NULL)
		return true;
	answer_text_head(answer, "501 Not Implemented");
	answer_text(answer, "501 Not Implemented: %s", problem);
	return false;
}

void
topics_refuse(struct answer *answer)
{
	answer_text_head(answer, "503 Service Unavailable");
	answer_field(answer, "Retry-After", "60");
	answer_text(answer, "503 Service Unavailable: too many topics");
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
topics_from_query(const struct query *query, struct topic_names *names,
    struct answer *answer)
{
	const struct query_pair *pair = NULL;

	names->count = 0;
	while ((pair = query_find_item(query, "topic", pair)) != NULL) {
		if (pair->value_bytes == 0 ||
		    pair->value_bytes > NAME_BYTES_MAX ||
		    !sse_is_field_value(pair->value, pair->value_bytes))
			return refuse_bad(answer,
			    "topic takes a name in "
			    "UTF-8 without control characters");
		if (has_name(names, pair->value))
			continue;
		if (names->count == CURSOR_TOPICS_MAX)
			return refuse_bad(answer, "too many topics");
		names->names[names->count++] = pair->value;
	}
	if (names->count == 0)
		return refuse_bad(answer, "topic is missing");
	return true;
}
