#ifndef PURE_PATTERN_TOKEN_H
#define PURE_PATTERN_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

/* The tokens of a pattern: URL Pattern standard, section 2.1.1. */

enum pattern_token_type {
	PATTERN_OPEN,  /* { */
	PATTERN_CLOSE, /* } */
	PATTERN_REGEX, /* (...); its text is without the parentheses */
	PATTERN_NAME,  /* :name; its text is without the colon */
	PATTERN_CHAR,
	PATTERN_ESCAPED,  /* \c; its text is without the backslash */
	PATTERN_MODIFIER, /* + or ? */
	PATTERN_ASTERISK,
	PATTERN_INVALID, /* what a lenient reader makes of an error */
	PATTERN_END      /* the last one, always; without text */
};

struct pattern_token {
	enum pattern_token_type type;
	size_t                  at;   /* where it begins in the pattern */
	const char             *text; /* within the pattern */
	size_t                  text_bytes;
};

/*
 * Cuts the pattern, which is valid UTF-8, into tokens, an array that the
 * caller frees. NULL if there is an error and the reader is not lenient, and
 * in any case if a name has a character that is not ASCII beside it: whether
 * it belongs to the name would take the tables of Unicode.
 */
struct pattern_token *pattern_tokens_new(const char *pattern, size_t len_bytes,
    bool is_lenient, size_t *token_count);

#endif
