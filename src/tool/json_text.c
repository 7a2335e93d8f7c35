#include "tool/json_text.h"

#include <assert.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

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

const char *
json_text_of_member(const char *object, size_t len_bytes, const char *name,
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
