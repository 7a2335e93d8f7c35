#include "presence/announced.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "auth/token_json.h"
#include "base/buf.h"
#include "hub/update.h"
#include "presence/announcement.h"

#define TYPE_LINE "event: mercure\n"
#define DATA_FIELD "data: "
#define END_OF_EVENT "\n\n"

/* The one line of data of an event as announcement_append makes it, or NULL. */
static const char *
find_data(const struct update *update, unsigned *shape, size_t *len_bytes)
{
	const char *text = update->bytes;
	size_t      rest = update->len_bytes;

	*shape = ANNOUNCEMENT_07;
	if (rest > strlen(TYPE_LINE) &&
	    memcmp(text, TYPE_LINE, strlen(TYPE_LINE)) == 0) {
		*shape = ANNOUNCEMENT_08;
		text += strlen(TYPE_LINE);
		rest -= strlen(TYPE_LINE);
	}
	if (rest < strlen(DATA_FIELD END_OF_EVENT) ||
	    memcmp(text, DATA_FIELD, strlen(DATA_FIELD)) != 0 ||
	    memcmp(text + rest - strlen(END_OF_EVENT), END_OF_EVENT,
		strlen(END_OF_EVENT)) != 0)
		return NULL;
	*len_bytes = rest - strlen(DATA_FIELD END_OF_EVENT);
	return text + strlen(DATA_FIELD);
}

static const char *
string_of(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

/* Reads the selector; false: there is none. */
static bool
read_selector(struct announcement *announcement, const json_t *json,
    unsigned shape)
{
	const char *type = string_of(json, "match_type");

	if (shape == ANNOUNCEMENT_07) {
		announcement->kind = SELECTOR_TOPIC;
		announcement->selector = string_of(json, "topic");
		return announcement->selector != NULL;
	}
	announcement->selector = string_of(json, "match");
	if (type == NULL || announcement->selector == NULL)
		return false;
	announcement->kind = strcmp(type, "urlpattern") == 0 ?
	    SELECTOR_URL_PATTERN :
	    SELECTOR_EXACT;
	return announcement->kind == SELECTOR_URL_PATTERN ||
	    strcmp(type, "exact") == 0;
}

/* Whether it is what would be published at the topic where it was. */
static bool
is_at_home(const struct announcement *announcement, unsigned shape,
    const char *home)
{
	struct buf topic = { 0 };
	bool       is_same;

	announcement_append_topic(announcement, shape, &topic);
	is_same = strcmp(topic.data, home) == 0;
	buf_deinit(&topic);
	return is_same;
}

static bool
read_all(struct announced *announced, const struct update *update,
    const char *hub_path, unsigned shape)
{
	const json_t       *active = json_object_get(announced->json, "active");
	const json_t       *payload;
	struct announcement announcement = { .hub_path = hub_path };

	announcement.subscriber = string_of(announced->json, "subscriber");
	if (!json_is_boolean(active) || announcement.subscriber == NULL ||
	    !read_selector(&announcement, announced->json, shape) ||
	    strlen(announcement.selector) > SELECTOR_BYTES_MAX ||
	    !subscriber_id_read(&announced->fact.id, announcement.subscriber) ||
	    !is_at_home(&announcement, shape, update->topics[0]))
		return false;
	payload = json_object_get(announced->json, "payload");
	if (payload != NULL)
		announced->payload = json_dumps(payload,
		    JSON_COMPACT | JSON_ENCODE_ANY);
	announced->is_active = json_is_true(active);
	announced->fact.shape = shape;
	announced->fact.is_pattern = announcement.kind == SELECTOR_URL_PATTERN;
	announced->fact.selector = announcement.selector;
	announced->fact.payload = announced->payload;
	return true;
}

bool
announced_read(struct announced *announced, const struct update *update,
    const char *hub_path)
{
	unsigned    shape;
	size_t      len_bytes;
	const char *data;

	memset(announced, 0, sizeof(*announced));
	if (!update->is_private || update->topic_count != 1 ||
	    update->id != NULL)
		return false;
	data = find_data(update, &shape, &len_bytes);
	if (data == NULL)
		return false;
	announced->json = token_json_object(data, len_bytes);
	if (announced->json != NULL &&
	    read_all(announced, update, hub_path, shape))
		return true;
	announced_deinit(announced);
	return false;
}

void
announced_deinit(struct announced *announced)
{
	free(announced->payload);
	json_decref(announced->json);
}
