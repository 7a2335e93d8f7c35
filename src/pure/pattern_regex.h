#ifndef PURE_PATTERN_REGEX_H
#define PURE_PATTERN_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pure/pattern_part.h"

/*
 * A component of a pattern in which regular expressions stand, as one whole
 * regular expression for PCRE2. Built without PCRE2, there is none.
 */
struct pattern_regex;

/*
 * Compiles the parts. NULL when an expression is malformed, or is none of
 * JavaScript's (its flag "v"), or if there is no PCRE2.
 */
struct pattern_regex *pattern_regex_new(const struct pattern_parts *,
    char delimiter);
void                  pattern_regex_free(struct pattern_regex *);

/*
 * Whether the whole text, which is ASCII, matches. Adds to *cost the steps
 * that this took, each weighted by the length of the text, and does not match
 * once *cost has reached cost_max.
 */
bool pattern_regex_matches(const struct pattern_regex *, const char *text,
    size_t len_bytes, uint64_t *cost, uint64_t cost_max);

#endif
