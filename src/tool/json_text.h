#ifndef TOOL_JSON_TEXT_H
#define TOOL_JSON_TEXT_H

#include <stddef.h>

/*
 * The text of a member's value, as it stands in that of the object: numbers
 * keep their digits, members their order. The object must be valid JSON and
 * have the member; its name is plain ASCII.
 */
const char *json_text_of_member(const char *object, size_t len_bytes,
    const char *name, size_t *value_bytes);

#endif
