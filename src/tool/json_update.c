#include "tool/json_update.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tool/json_text.h"

/* Numbers are looked at as reals, so that none is too large to be data. */
#define DECODE_FLAGS \
	(JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL)

/* Each reader returns NULL, or what the member should have been. */
typedef const char *member_reader(struct update *, const json_t *);

static const char *
read_text(const char **text, const json_t *value)
{
	if (!json_is_string(value))
		return "a string";
	*text = json_string_value(value);
	if (strlen(*text) != json_string_length(value))
		return "a string without NUL";
	return NULL;
}

/* The first ones replace the topics of the command line. */
static const char *
read_topics(struct update *update, const json_t *value)
{
	size_t        count = 1, i;
	const json_t *item = value;
	const char   *should;

	if (json_is_array(value))
		count = json_array_size(value);
	update->topics = mem_realloc(update->topics,
	    (update->topic_count + count) * sizeof(*update->topics));
	for (i = 0; i < count; i++) {
		if (json_is_array(value))
			item = json_array_get(value, i);
		should = read_text(&update->topics[update->topic_count], item);
		if (should != NULL)
			return "a string without NUL, or an array of such";
		update->topic_count++;
	}
	return NULL;
}

static const char *
read_type(struct update *update, const json_t *value)
{
	return read_text(&update->type, value);
}

static const char *
read_id(struct update *update, const json_t *value)
{
	return read_text(&update->id, value);
}

static const char *
read_retry(struct update *update, const json_t *value)
{
	double ms = json_number_value(value);

	if (!json_is_number(value) || !(ms >= 0 && ms <= UPDATE_RETRY_MS_MAX) ||
	    (double)(long)ms != ms)
		return "a whole number of milliseconds, up to 999999999";
	update->retry_ms = (long)ms;
	return NULL;
}

static const char *
read_private(struct update *update, const json_t *value)
{
	if (!json_is_boolean(value))
		return "true or false";
	update->is_private = json_is_true(value);
	return NULL;
}

static member_reader *
find_reader(const char *name)
{
	static const struct {
		const char    *name;
		member_reader *read;
	} members[] = {
		{ "topic", read_topics },
		{ "topics", read_topics },
		{ "type", read_type },
		{ "id", read_id },
		{ "retry", read_retry },
		{ "private", read_private },
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (strcmp(members[i].name, name) == 0)
			return members[i].read;
	}
	return NULL;
}

static void
read_data(struct update *update, const json_t *value, const char *line,
    size_t len_bytes)
{
	if (json_is_string(value)) {
		update->data = json_string_value(value);
		update->data_bytes = json_string_length(value);
	} else
		update->data = json_text_of_member(line, len_bytes, "data",
		    &update->data_bytes);
}

/*
 * A member that is not known is an error: a slip of the pen in "private" must
 * not make an event public.
 */
static bool
read_members(struct json_update *json, const char *line, size_t len_bytes,
    char *error)
{
	const char    *name, *should;
	json_t        *value;
	member_reader *read;

	json_object_foreach(json->value, name, value)
	{
		read = find_reader(name);
		if (strcmp(name, "data") == 0)
			read_data(&json->update, value, line, len_bytes);
		else if (read == NULL) {
			snprintf(error, JSON_UPDATE_ERROR_BYTES_MAX,
			    "\"%.60s\" is none of topic, topics, data, type, "
			    "id, retry and private",
			    name);
			return false;
		} else if (!json_is_null(value) &&
		    (should = read(&json->update, value)) != NULL) {
			snprintf(error, JSON_UPDATE_ERROR_BYTES_MAX,
			    "\"%s\" takes %s", name, should);
			return false;
		}
	}
	return true;
}

/* The topics are a list of its own in either case, to be freed. */
static bool
settle_topics(struct update *update, const struct update *rest, char *error)
{
	size_t size_bytes = rest->topic_count * sizeof(*rest->topics);

	if (update->topic_count > 0)
		return true;
	if (rest->topic_count == 0) {
		snprintf(error, JSON_UPDATE_ERROR_BYTES_MAX,
		    "no topic, neither in the object nor by --topic");
		return false;
	}
	update->topics = mem_realloc(update->topics, size_bytes);
	memcpy(update->topics, rest->topics, size_bytes);
	update->topic_count = rest->topic_count;
	return true;
}

int
json_update_init(struct json_update *json, const struct update *rest,
    const char *line, size_t len_bytes,
    char error[static JSON_UPDATE_ERROR_BYTES_MAX])
{
	json_error_t why;

	json->value = json_loadb(line, len_bytes, DECODE_FLAGS, &why);
	if (json->value == NULL) {
		snprintf(error, JSON_UPDATE_ERROR_BYTES_MAX,
		    "not a JSON object: %s", why.text);
		return -1;
	}
	json->update = *rest;
	json->update.topics = NULL;
	json->update.topic_count = 0;
	json->update.data = "";
	json->update.data_bytes = 0;
	if (!json_is_object((json_t *)json->value))
		snprintf(error, JSON_UPDATE_ERROR_BYTES_MAX,
		    "not a JSON object");
	else if (read_members(json, line, len_bytes, error) &&
	    settle_topics(&json->update, rest, error))
		return 0;
	json_update_deinit(json);
	return -1;
}

void
json_update_deinit(struct json_update *json)
{
	free(json->update.topics);
	json_decref(json->value);
	*json = (struct json_update){ 0 };
}
