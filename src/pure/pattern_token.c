#include "pure/pattern_token.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"

/* Where the tokenizer is. */
struct reader {
	const char           *pattern;
	size_t                len_bytes;
	size_t                at;
	bool                  is_lenient;
	struct pattern_token *tokens;
	size_t                token_count;
};

/* Adds the token from here to end; its text is in between. */
static void
add(struct reader *reader, enum pattern_token_type type, size_t text_at,
    size_t text_end, size_t end)
{
	reader->tokens[reader->token_count++] = (struct pattern_token){
		.type = type,
		.at = reader->at,
		.text = reader->pattern + text_at,
		.text_bytes = text_end - text_at,
	};
	reader->at = end;
}

static bool
add_invalid(struct reader *reader, size_t end)
{
	add(reader, PATTERN_INVALID, reader->at, end, end);
	return reader->is_lenient;
}

static bool
is_name_byte(char c, bool is_first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	    c == '$' || (!is_first && c >= '0' && c <= '9');
}

static bool
add_name(struct reader *reader)
{
	size_t start = reader->at + 1, end = start;

	while (end < reader->len_bytes &&
	    is_name_byte(reader->pattern[end], end == start))
		end++;
	if (end < reader->len_bytes &&
	    (unsigned char)reader->pattern[end] > 0x7f)
		return false;
	if (end == start)
		return add_invalid(reader, start);
	add(reader, PATTERN_NAME, start, end, end);
	return true;
}

/*
 * The end of the regular expression that starts there, which is its closing
 * parenthesis; 0 when it is malformed or has groups that capture.
 */
static size_t
regex_end(const struct reader *reader, size_t start)
{
	size_t depth = 1;

	for (size_t at = start; at < reader->len_bytes; at++) {
		char c = reader->pattern[at];

		if ((unsigned char)c > 0x7f || (at == start && c == '?'))
			return 0;
		if (c == '\\') {
			if (++at == reader->len_bytes ||
			    (unsigned char)reader->pattern[at] > 0x7f)
				return 0;
		} else if (c == ')') {
			if (--depth == 0)
				return at;
		} else if (c == '(') {
			depth++;
			if (at + 1 == reader->len_bytes ||
			    reader->pattern[at + 1] != '?')
				return 0;
		}
	}
	return 0;
}

static bool
add_regex(struct reader *reader)
{
	size_t start = reader->at + 1, end = regex_end(reader, start);

	if (end <= start)
		return add_invalid(reader, start);
	add(reader, PATTERN_REGEX, start, end, end + 1);
	return true;
}

/* One character, behind a backslash or not. */
static bool
add_char(struct reader *reader, enum pattern_token_type type, size_t start)
{
	uint32_t code;
	size_t   char_bytes = utf8_decode(reader->pattern + start,
	      reader->len_bytes - start, &code);

	if (char_bytes == 0)
		return type == PATTERN_ESCAPED ? add_invalid(reader, start) :
						 false;
	add(reader, type, start, start + char_bytes, start + char_bytes);
	return true;
}

static bool
add_token(struct reader *reader)
{
	size_t next = reader->at + 1;

	switch (reader->pattern[reader->at]) {
	case '*':
		add(reader, PATTERN_ASTERISK, reader->at, next, next);
		return true;
	case '+':
	case '?':
		add(reader, PATTERN_MODIFIER, reader->at, next, next);
		return true;
	case '{':
		add(reader, PATTERN_OPEN, reader->at, next, next);
		return true;
	case '}':
		add(reader, PATTERN_CLOSE, reader->at, next, next);
		return true;
	case '\\':
		return add_char(reader, PATTERN_ESCAPED, next);
	case ':':
		return add_name(reader);
	case '(':
		return add_regex(reader);
	default:
		return add_char(reader, PATTERN_CHAR, reader->at);
	}
}

struct pattern_token *
pattern_tokens_new(const char *pattern, size_t len_bytes, bool is_lenient,
    size_t *token_count)
{
	struct reader reader = { .pattern = pattern,
		.len_bytes = len_bytes,
		.is_lenient = is_lenient };

	reader.tokens = mem_alloc((len_bytes + 1) * sizeof(reader.tokens[0]));
	while (reader.at < len_bytes) {
		if (!add_token(&reader)) {
			free(reader.tokens);
			return NULL;
		}
	}
	add(&reader, PATTERN_END, len_bytes, len_bytes, len_bytes);
	*token_count = reader.token_count;
	return reader.tokens;
}
