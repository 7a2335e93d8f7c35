#include "presence/lease_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "auth/token_json.h"
#include "base/buf.h"
#include "base/mem.h"
#include "hub/update.h"
#include "presence/announcement.h"
#include "pure/sse.h"

#define DATA_FIELD "data: "
#define END_OF_EVENT "\n\n"

#define NUMBER_BYTES 17

/* What one record may be, and one part of a list is not. */
#define RECORD_BYTES_MAX ((size_t)1024 * 1024)

/* Where the parts of an item stand. */
enum { ITEM_ID, ITEM_SHAPE, ITEM_IS_PATTERN, ITEM_SELECTOR, ITEM_PAYLOAD };

/* As JSON has no integers of 64 bits. */
static json_t *
number_json(uint64_t number)
{
	char text[NUMBER_BYTES];

	snprintf(text, sizeof(text), "%016" PRIx64, number);
	return json_string(text);
}

static bool
read_number(const json_t *json, uint64_t *number)
{
	const char *text = json_string_value(json);

	if (text == NULL || strlen(text) != NUMBER_BYTES - 1 ||
	    strspn(text, "0123456789abcdef") != NUMBER_BYTES - 1)
		return false;
	*number = strtoull(text, NULL, 16);
	return true;
}

static void
set(json_t *json, const char *name, json_t *value)
{
	if (json_object_set_new(json, name, value) != 0)
		mem_fail();
}

static void
set_names(json_t *json, const char *name, const struct lease_names *names)
{
	json_t *array;

	if (names->count == 0)
		return;
	array = json_array();
	for (size_t i = 0; i < names->count; i++)
		json_array_append_new(array, number_json(names->numbers[i]));
	set(json, name, array);
}

static bool
read_names(const json_t *json, const char *name, struct lease_names *names)
{
	const json_t *array = json_object_get(json, name);

	names->count = json_array_size(array);
	if (names->count > LEASE_RECORD_NAMES_MAX)
		return false;
	for (size_t i = 0; i < names->count; i++) {
		if (!read_number(json_array_get(array, i), &names->numbers[i]))
			return false;
	}
	return true;
}

json_t *
lease_record_item(const struct announcement *announcement, unsigned shape)
{
	json_t *item = json_pack("[s,i,b,s]", announcement->subscriber,
	    (int)shape, announcement->kind == SELECTOR_URL_PATTERN,
	    announcement->selector);

	/* The texts are UTF-8: what is missing is memory. */
	if (item == NULL)
		mem_fail();
	if (announcement->payload != NULL)
		json_array_append_new(item, json_string(announcement->payload));
	return item;
}

/* Takes the record over. */
static char *
text_of(json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT);

	json_decref(json);
	if (text == NULL)
		mem_fail();
	return text;
}

void
lease_record_append(const struct lease_record *record, struct buf *event)
{
	struct sse_event fields = { .retry_ms = -1 };
	json_t          *json = json_object();
	char            *text;

	set(json, "process", number_json(record->process));
	set(json, "lease", json_integer(record->lease_ms));
	set(json, "digest", number_json(record->digest));
	if (record->is_hello)
		set(json, "hello", json_true());
	if (record->is_bye)
		set(json, "bye", json_true());
	set_names(json, "ended", &record->ended);
	set_names(json, "asked", &record->asked);
	if (record->list != NULL) {
		set(json, "begin", json_boolean(record->is_list_begin));
		set(json, "end", json_boolean(record->is_list_end));
		json_object_set(json, "list", record->list);
	}
	text = text_of(json);
	fields.data = text;
	fields.data_bytes = strlen(text);
	sse_append_event(event, &fields);
	free(text);
}

static json_t *
read_data(const struct update *update)
{
	const char  *text = update->bytes;
	const size_t around = strlen(DATA_FIELD END_OF_EVENT);
	size_t       len_bytes = update->len_bytes;

	if (len_bytes < around || len_bytes > RECORD_BYTES_MAX ||
	    memcmp(text, DATA_FIELD, strlen(DATA_FIELD)) != 0 ||
	    memcmp(text + len_bytes - strlen(END_OF_EVENT), END_OF_EVENT,
		strlen(END_OF_EVENT)) != 0)
		return NULL;
	return token_json_object(text + strlen(DATA_FIELD), len_bytes - around);
}

static bool
is_true(const json_t *json, const char *name)
{
	return json_is_true(json_object_get(json, name));
}

static bool
read_all(struct lease_record *record, json_t *json)
{
	const json_t *lease = json_object_get(json, "lease");
	json_t       *list = json_object_get(json, "list");

	record->lease_ms = json_integer_value(lease);
	record->is_hello = is_true(json, "hello");
	record->is_bye = is_true(json, "bye");
	record->is_list_begin = is_true(json, "begin");
	record->is_list_end = is_true(json, "end");
	if (!read_number(json_object_get(json, "process"), &record->process) ||
	    !read_number(json_object_get(json, "digest"), &record->digest) ||
	    record->lease_ms < LEASE_MS_MIN ||
	    record->lease_ms > LEASE_MS_MAX ||
	    !read_names(json, "ended", &record->ended) ||
	    !read_names(json, "asked", &record->asked))
		return false;
	record->list = json_is_array(list) ? json_incref(list) : NULL;
	return true;
}

bool
lease_record_read(struct lease_record *record, const struct update *update)
{
	json_t *json;
	bool    is_good;

	memset(record, 0, sizeof(*record));
	if (!update->is_private || update->topic_count != 1 ||
	    update->id != NULL)
		return false;
	record->position = update->position;
	json = read_data(update);
	is_good = json != NULL && read_all(record, json);
	json_decref(json);
	return is_good;
}

void
lease_record_deinit(struct lease_record *record)
{
	json_decref(record->list);
}

bool
lease_record_fact(const struct lease_record *record, const json_t *item,
    struct roster_fact *fact)
{
	const char   *id = json_string_value(json_array_get(item, ITEM_ID));
	const json_t *shape = json_array_get(item, ITEM_SHAPE);
	const json_t *payload = json_array_get(item, ITEM_PAYLOAD);

	*fact = (struct roster_fact){
		.shape = (unsigned)json_integer_value(shape),
		.is_pattern = json_is_true(json_array_get(item,
		    ITEM_IS_PATTERN)),
		.selector = json_string_value(json_array_get(item,
		    ITEM_SELECTOR)),
		.payload = json_string_value(payload),
	};
	return id != NULL && subscriber_id_read(&fact->id, id) &&
	    subscriber_id_process(&fact->id) == record->process &&
	    (fact->shape == ANNOUNCEMENT_07 ||
		fact->shape == ANNOUNCEMENT_08) &&
	    fact->selector != NULL &&
	    strlen(fact->selector) <= SELECTOR_BYTES_MAX;
}
