#include "presence/announcement.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "pure/hash.h"
#include "pure/percent.h"
#include "pure/sse.h"

unsigned
announcement_shapes(enum selector_kind kind, const char *selector)
{
	unsigned shapes = ANNOUNCEMENT_07 | ANNOUNCEMENT_08;

	if (kind == SELECTOR_URL_PATTERN)
		shapes &= ~ANNOUNCEMENT_07;
	/* With a brace it is a template, or looks like one. */
	if (kind == SELECTOR_TOPIC && strchr(selector, '{') != NULL)
		shapes &= ~ANNOUNCEMENT_08;
	return shapes;
}

static const char *
match_type(const struct announcement *announcement)
{
	return announcement->kind == SELECTOR_URL_PATTERN ? "urlpattern" :
							    "exact";
}

/* Appends a slash and the text as one segment of a path. */
static void
append_segment(struct buf *path, const char *text)
{
	buf_append_str(path, "/");
	for (; *text != '\0'; text++) {
		if (percent_is_unreserved(*text))
			buf_append(path, text, 1);
		else
			buf_printf(path, "%%%02X", (unsigned char)*text);
	}
}

void
announcement_append_topic(const struct announcement *announcement,
    unsigned shape, struct buf *topic)
{
	buf_append_str(topic, announcement->hub_path);
	buf_append_str(topic, "/subscriptions");
	if (announcement->selector != NULL) {
		if (shape == ANNOUNCEMENT_08)
			append_segment(topic, match_type(announcement));
		append_segment(topic, announcement->selector);
	}
	if (announcement->subscriber != NULL)
		append_segment(topic, announcement->subscriber);
	buf_append(topic, "", 1);
}

static json_t *
without_payload(const struct announcement *announcement, unsigned shape,
    const char *id)
{
	if (shape == ANNOUNCEMENT_07)
		return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "@context",
		    "https://mercure.rocks/", "id", id, "type", "Subscription",
		    "topic", announcement->selector, "subscriber",
		    announcement->subscriber, "active",
		    announcement->is_active);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "id", id, "type",
	    "subscription", "match_type", match_type(announcement), "match",
	    announcement->selector, "subscriber", announcement->subscriber,
	    "active", announcement->is_active);
}

struct json_t *
announcement_document(const struct announcement *announcement, unsigned shape,
    const char *id)
{
	json_t *json = without_payload(announcement, shape, id);
	json_t *payload = NULL;

	/* The texts are UTF-8: what is missing is memory. */
	if (json == NULL)
		mem_fail();
	if (announcement->payload != NULL)
		payload = json_loads(announcement->payload, JSON_DECODE_ANY,
		    NULL);
	if (payload != NULL)
		json_object_set_new(json, "payload", payload);
	return json;
}

/* Keys of publishers have a blank. */
void
announcement_print_end_key(const struct announcement *announcement,
    const char *topic, char key[static ANNOUNCEMENT_KEY_BYTES])
{
	snprintf(key, ANNOUNCEMENT_KEY_BYTES, "presence:%016" PRIx64 ":%s",
	    hash_bytes(HASH_START, topic, strlen(topic)),
	    announcement->subscriber);
}

void
announcement_append(const struct announcement *announcement, unsigned shape,
    struct buf *topic, struct buf *event)
{
	struct sse_event fields = { .retry_ms = -1 };
	json_t          *json;
	char            *text;
	size_t           begin = topic->len_bytes;

	announcement_append_topic(announcement, shape, topic);
	json = announcement_document(announcement, shape, topic->data + begin);
	text = json_dumps(json, JSON_COMPACT);
	if (text == NULL)
		mem_fail();
	json_decref(json);
	if (shape == ANNOUNCEMENT_08)
		fields.type = "mercure";
	fields.data = text;
	fields.data_bytes = strlen(text);
	sse_append_event(event, &fields);
	free(text);
}
