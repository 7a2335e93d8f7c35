#ifndef AUTH_TOKEN_JSON_H
#define AUTH_TOKEN_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* Objects and arrays inside each other; what is deeper is refused unread. */
#define TOKEN_JSON_DEPTH_MAX 32

/*
 * Reads a JSON object from outside, which may be malformed: whole, valid UTF-8,
 * no NUL, no member twice, not too deep. Returns a new reference, or NULL.
 */
json_t *token_json_object(const char *text, size_t len_bytes);

/*
 * Reads an optional member that is a string. Returns false if it is there and
 * is none; *value is NULL if it is not there.
 */
bool token_json_string(const json_t *object, const char *name,
    const char **value);

#endif
