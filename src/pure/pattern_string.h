#ifndef PURE_PATTERN_STRING_H
#define PURE_PATTERN_STRING_H

#include <stdbool.h>
#include <stddef.h>

#include "pure/url.h"

/* The pattern of one component; text is NULL if the string does not name it. */
struct pattern_slice {
	const char *text;
	size_t      len_bytes;
};

/*
 * Cuts a pattern for whole URLs into those of its components: URL Pattern
 * standard, section 2.1.2. The slices lie in the text, or are "" or "/".
 * Returns 0, or -1 when it is malformed.
 */
int pattern_string_split(const char *text, size_t len_bytes,
    struct pattern_slice slices[static URL_PART_COUNT]);

/* Whether the protocol's component matches a special scheme. */
struct pattern_component;
bool pattern_string_is_special(const struct pattern_component *protocol);

#endif
