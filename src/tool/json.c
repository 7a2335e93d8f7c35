#include "tool/json.h"

#include <assert.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define BLANKS " \t\r\n"

static const char *
skip_blanks(const char *at, const char *end)
{
	while (at < end && memchr(BLANKS, *at, sizeof(BLANKS) - 1) != NULL)
		at++;
	return at;
}

/* From a quotation mark to behind the one that ends the string. */
static const char *
skip_string(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++) {
		if (*at == '\\')
			at++;
	}
	return at < end ? at + 1 : end;
}

/* From the bracket or brace that opens to behind the one that closes it. */
static const char *
skip_nested(const char *at, const char *end)
{
	size_t depth = 0;

	while (at < end) {
		if (*at == '"') {
			at = skip_string(at, end);
			continue;
		}
		if (*at == '{' || *at == '[')
			depth++;
		if (*at == '}' || *at == ']')
			depth--;
		at++;
		if (depth == 0)
			break;
	}
	return at;
}

static const char *
skip_value(const char *at, const char *end)
{
	static const char behind[] = ",}]" BLANKS;

	if (at < end && *at == '"')
		return skip_string(at, end);
	if (at < end && (*at == '{' || *at == '['))
		return skip_nested(at, end);
	while (at < end && memchr(behind, *at, sizeof(behind) - 1) == NULL)
		at++;
	return at;
}

/* Whether a string, which may hold escapes, is that name. */
static bool
is_name(const char *string, size_t len_bytes, const char *name)
{
	json_t *value = json_loadb(string, len_bytes,
	    JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	bool    is_same;

	is_same = json_is_string(value) &&
	    strcmp(json_string_value(value), name) == 0;
	json_decref(value);
	return is_same;
}

/*
 * The text of a member's value, as it stands in that of the object: numbers
 * keep their digits, members their order. The object must be valid JSON and
 * have the member; its name is plain ASCII.
 */
static const char *
text_of_member(const char *object, size_t len_bytes, const char *name,
    size_t *value_bytes)
{
	const char *end = object + len_bytes, *at, *member, *value;
	bool        is_found = false;

	at = skip_blanks(object, end) + 1;
	do {
		assert(at < end);
		member = skip_blanks(at, end);
		at = skip_string(member, end);
		is_found = is_name(member, (size_t)(at - member), name);
		value = skip_blanks(skip_blanks(at, end) + 1, end);
		at = skip_value(value, end);
		*value_bytes = (size_t)(at - value);
		at = skip_blanks(at, end) + 1;
	} while (!is_found);
	return value;
}

/* Numbers are looked at as reals, so that none is too large to be data. */
#define DECODE_FLAGS \
	(JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL)

/* Each reader returns NULL, or what the member should have been. */
typedef const char *member_reader(struct publication *, const json_t *);

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
read_topics(struct publication *publication, const json_t *value)
{
	size_t        count = 1, i;
	const json_t *item = value;
	const char   *should;

	if (json_is_array(value))
		count = json_array_size(value);
	publication->topics = mem_realloc(publication->topics,
	    (publication->topic_count + count) * sizeof(*publication->topics));
	for (i = 0; i < count; i++) {
		if (json_is_array(value))
			item = json_array_get(value, i);
		should =
		    read_text(&publication->topics[publication->topic_count],
			item);
		if (should != NULL)
			return "a string without NUL, or an array of such";
		publication->topic_count++;
	}
	return NULL;
}

static const char *
read_type(struct publication *publication, const json_t *value)
{
	return read_text(&publication->type, value);
}

static const char *
read_id(struct publication *publication, const json_t *value)
{
	return read_text(&publication->id, value);
}

static const char *
read_retry(struct publication *publication, const json_t *value)
{
	double ms = json_number_value(value);

	if (!json_is_number(value) ||
	    !(ms >= 0 && ms <= PUBLICATION_RETRY_MS_MAX) ||
	    (double)(long)ms != ms)
		return "a whole number of milliseconds, up to 999999999";
	publication->retry_ms = (long)ms;
	return NULL;
}

static const char *
read_private(struct publication *publication, const json_t *value)
{
	if (!json_is_boolean(value))
		return "true or false";
	publication->is_private = json_is_true(value);
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
read_data(struct publication *publication, const json_t *value,
    const char *line, size_t len_bytes)
{
	if (json_is_string(value)) {
		publication->data = json_string_value(value);
		publication->data_bytes = json_string_length(value);
	} else
		publication->data = text_of_member(line, len_bytes, "data",
		    &publication->data_bytes);
}

/*
 * A member that is not known is an error: a slip of the pen in "private" must
 * not make an event public.
 */
static bool
read_members(struct json_publication *json, const char *line, size_t len_bytes,
    char *error)
{
	const char    *name, *should;
	json_t        *value;
	member_reader *read;

	json_object_foreach(json->value, name, value)
	{
		read = find_reader(name);
		if (strcmp(name, "data") == 0)
			read_data(&json->publication, value, line, len_bytes);
		else if (read == NULL) {
			snprintf(error, JSON_ERROR_BYTES_MAX,
			    "\"%.60s\" is none of topic, topics, data, type, "
			    "id, retry and private",
			    name);
			return false;
		} else if (!json_is_null(value) &&
		    (should = read(&json->publication, value)) != NULL) {
			snprintf(error, JSON_ERROR_BYTES_MAX, "\"%s\" takes %s",
			    name, should);
			return false;
		}
	}
	return true;
}

/* The topics are a list of its own in either case, to be freed. */
static bool
settle_topics(struct publication *publication, const struct publication *rest,
    char *error)
{
	size_t size_bytes = rest->topic_count * sizeof(*rest->topics);

	if (publication->topic_count > 0)
		return true;
	if (rest->topic_count == 0) {
		snprintf(error, JSON_ERROR_BYTES_MAX,
		    "no topic, neither in the object nor by --topic");
		return false;
	}
	publication->topics = mem_realloc(publication->topics, size_bytes);
	memcpy(publication->topics, rest->topics, size_bytes);
	publication->topic_count = rest->topic_count;
	return true;
}

int
json_publication_init(struct json_publication *json,
    const struct publication *rest, const char *line, size_t len_bytes,
    char error[static JSON_ERROR_BYTES_MAX])
{
	json_error_t why;

	json->value = json_loadb(line, len_bytes, DECODE_FLAGS, &why);
	if (json->value == NULL) {
		snprintf(error, JSON_ERROR_BYTES_MAX, "not a JSON object: %s",
		    why.text);
		return -1;
	}
	json->publication = *rest;
	json->publication.topics = NULL;
	json->publication.topic_count = 0;
	json->publication.data = "";
	json->publication.data_bytes = 0;
	if (!json_is_object((json_t *)json->value))
		snprintf(error, JSON_ERROR_BYTES_MAX, "not a JSON object");
	else if (read_members(json, line, len_bytes, error) &&
	    settle_topics(&json->publication, rest, error))
		return 0;
	json_publication_deinit(json);
	return -1;
}

void
json_publication_deinit(struct json_publication *json)
{
	free(json->publication.topics);
	json_decref(json->value);
	*json = (struct json_publication){ 0 };
}
