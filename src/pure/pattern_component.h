#ifndef PURE_PATTERN_COMPONENT_H
#define PURE_PATTERN_COMPONENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pure/pattern_part.h"

struct pattern_regex;

/* One of the eight components of a URL pattern, compiled. */
struct pattern_component {
	struct pattern_parts  parts;
	struct pattern_regex *regex; /* NULL: the parts have none */
	char                  delimiter;
	bool                  is_any; /* matches whatever there is */

	/* The only part that is not plain text, if it comes once, or NULL. */
	const struct pattern_part *only;
};

/*
 * Compiles the pattern. Returns 0, or -1 when it is malformed or has a regular
 * expression that we cannot take. pattern_component_deinit is due in the first
 * case and allowed in the second.
 */
int  pattern_component_init(struct pattern_component *, const char *pattern,
     size_t len_bytes, const struct pattern_syntax *);
void pattern_component_deinit(struct pattern_component *);

/*
 * Whether the whole text, which is ASCII, matches. Takes the set of positions
 * that one part can end at to those that the next one can, so the cost is at
 * most six times the parts' count times the text's length, and a sixteenth of
 * the bytes that were compared; with regular expressions see pattern_regex.h.
 * Adds it to *cost, and does not match once *cost has reached cost_max.
 */
bool pattern_component_matches(const struct pattern_component *,
    const char *text, size_t len_bytes, uint64_t *cost, uint64_t cost_max);

/*
 * The text that every match begins with; *is_whole if nothing can follow it.
 * The text is the component's.
 */
const char *pattern_component_literal(const struct pattern_component *,
    size_t *len_bytes, bool *is_whole);

#endif
