#include "tool/event.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pure/event_id.h"
#include "pure/selector.h"
#include "pure/sse.h"
#include "pure/url.h"
#include "tool/publication.h"

/* As the responder has them. */
#define TOPICS_MAX 256
#define DATA_BYTES_MAX (64 << 20)

/* Below its path topics are the hub's, wherever it is. */
static const char hub_url[] = "http://localhost/.well-known/mercure";

static bool
is_reserved(const char *topic)
{
	struct url hub = { 0 };
	bool       is_hubs = strcmp(topic, "*") == 0;

	if (url_parse(&hub, hub_url, strlen(hub_url), NULL, URL_ANY_HOST) == 0)
		is_hubs = is_hubs ||
		    selector_is_reserved(topic, strlen(topic), &hub);
	url_deinit(&hub);
	return is_hubs;
}

static const char *
add_topics(struct event *event, const struct publication *publication)
{
	struct update *update = &event->update;

	event->topics = mem_alloc((publication->topic_count + 1) *
	    sizeof(*event->topics));
	for (size_t i = 0; i < publication->topic_count; i++) {
		const char *topic = publication->topics[i];
		size_t      len_bytes = strlen(topic), k = 0;

		if (len_bytes == 0 || len_bytes > SELECTOR_BYTES_MAX ||
		    !sse_is_field_value(topic, len_bytes))
			return "a topic takes a name in UTF-8 without control "
			       "characters";
		if (is_reserved(topic))
			return "a topic is one that is reserved";
		while (k < update->topic_count &&
		    strcmp(event->topics[k], topic) != 0)
			k++;
		if (k == update->topic_count)
			event->topics[update->topic_count++] = topic;
		if (update->topic_count > TOPICS_MAX)
			return "too many topics";
	}
	update->topics = event->topics;
	return update->topic_count == 0 ? "the topic is missing" : NULL;
}

static const char *
check_fields(const struct publication *publication)
{
	const char *type = publication->type, *id = publication->id;

	if (id != NULL && *id != '\0' &&
	    !event_id_is_publishers(id, strlen(id)))
		return "an id takes UTF-8 without control characters, with no "
		       "# before it, and not \"earliest\"";
	if (type != NULL && !sse_is_field_value(type, strlen(type)))
		return "a type takes UTF-8 without control characters";
	if (type != NULL && strcmp(type, "mercure") == 0)
		return "the type \"mercure\" is the hub's";
	if (publication->retry_ms > SSE_RETRY_MS_MAX)
		return "retry takes milliseconds, at most a day";
	if (publication->data_bytes > DATA_BYTES_MAX)
		return "the data is longer than 64 MiB";
	if (!sse_is_utf8(publication->data, publication->data_bytes))
		return "the data is not UTF-8";
	return NULL;
}

const char *
event_init(struct event *event, const struct publication *publication)
{
	bool has_type = publication->type != NULL && *publication->type != '\0';
	bool has_id = publication->id != NULL && *publication->id != '\0';
	const struct sse_event fields = {
		.type = has_type ? publication->type : NULL,
		.data = publication->data,
		.data_bytes = publication->data_bytes,
		.retry_ms = publication->retry_ms,
	};
	const char *error;

	*event = (struct event){ .update.is_private = publication->is_private };
	error = add_topics(event, publication);
	if (error == NULL)
		error = check_fields(publication);
	if (error != NULL)
		return error;
	sse_append_event(&event->bytes, &fields);
	event->update.id = has_id ? publication->id : NULL;
	event->update.bytes = event->bytes.data;
	event->update.len_bytes = event->bytes.len_bytes;
	return NULL;
}

void
event_deinit(struct event *event)
{
	buf_deinit(&event->bytes);
	free(event->topics);
	*event = (struct event){ 0 };
}
