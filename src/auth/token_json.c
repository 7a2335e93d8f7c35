#include "config.h"

#include "auth/token_json.h"

/* Counts brackets outside of strings: jansson itself goes 2048 deep. */
static bool
is_too_deep(const char *text, size_t len_bytes)
{
	size_t i, depth = 0;
	bool   is_in_string = false;

	for (i = 0; i < len_bytes; i++) {
		if (is_in_string && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			is_in_string = !is_in_string;
		else if (is_in_string)
			continue;
		else if (text[i] == '{' || text[i] == '[')
			depth++;
		else if ((text[i] == '}' || text[i] == ']') && depth > 0)
			depth--;
		if (depth > TOKEN_JSON_DEPTH_MAX)
			return true;
	}
	return false;
}

json_t *
token_json_object(const char *text, size_t len_bytes)
{
	json_t *value;

	if (is_too_deep(text, len_bytes))
		return NULL;
	value = json_loadb(text, len_bytes, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(value))
		return value;
	json_decref(value);
	return NULL;
}

bool
token_json_string(const json_t *object, const char *name, const char **value)
{
	const json_t *member = json_object_get(object, name);

	*value = json_string_value(member);
	return member == NULL || *value != NULL;
}
