#include "pure/pattern_string.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pure/pattern_component.h"
#include "pure/pattern_token.h"

/* More than any scheme's name can cost. */
#define SCHEME_COST_MAX 100000

/* What the splitter reads; the parts first, under their own numbers. */
enum state { STATE_INIT = URL_PART_COUNT, STATE_AUTHORITY, STATE_DONE };

struct reader {
	const char           *text;
	struct pattern_token *tokens;
	size_t                token_count;
	size_t                at;
	size_t                step;  /* how far to go behind this token */
	size_t                start; /* the first token of the component */
	size_t                brace_depth, bracket_depth;
	int                   state; /* an url_part, or an enum state */
	bool                  is_special;
	struct pattern_slice *slices;
};

bool
pattern_string_is_special(const struct pattern_component *protocol)
{
	uint64_t cost = 0;

	for (size_t i = 0; url_special_schemes[i] != NULL; i++) {
		if (pattern_component_matches(protocol, url_special_schemes[i],
			strlen(url_special_schemes[i]), &cost, SCHEME_COST_MAX))
			return true;
	}
	return false;
}

/* Whether the token stands for that character and nothing else. */
static bool
is_char(const struct reader *reader, size_t at, char c)
{
	const struct pattern_token *token;

	if (at >= reader->token_count)
		return false;
	token = &reader->tokens[at];
	return token->text_bytes == 1 && token->text[0] == c &&
	    (token->type == PATTERN_CHAR || token->type == PATTERN_ESCAPED ||
		token->type == PATTERN_INVALID);
}

static bool
is_at(const struct reader *reader, char c)
{
	return is_char(reader, reader->at, c);
}

/* A "?" that is no modifier. */
static bool
is_search_start(const struct reader *reader)
{
	const struct pattern_token *token = &reader->tokens[reader->at];

	if (is_at(reader, '?'))
		return true;
	if (token->type != PATTERN_MODIFIER || token->text[0] != '?')
		return false;
	if (reader->at == 0)
		return true;
	token--;
	return token->type != PATTERN_NAME && token->type != PATTERN_REGEX &&
	    token->type != PATTERN_CLOSE && token->type != PATTERN_ASTERISK;
}

static struct pattern_slice
slice_so_far(const struct reader *reader)
{
	size_t start = reader->tokens[reader->start].at;

	return (struct pattern_slice){ reader->text + start,
		reader->tokens[reader->at].at - start };
}

/* Fills in a part that the string passes over. */
static void
set_if_missing(struct reader *reader, enum url_part part, const char *text)
{
	if (reader->slices[part].text == NULL)
		reader->slices[part] = (struct pattern_slice){ text,
			strlen(text) };
}

static void
fill_gaps(struct reader *reader, int state)
{
	int  from = reader->state == STATE_AUTHORITY ? URL_PASSWORD :
						       reader->state;
	bool at_tail = state == URL_SEARCH || state == URL_HASH;

	if (from <= URL_PASSWORD && state >= URL_PORT && state <= URL_HASH)
		set_if_missing(reader, URL_HOSTNAME, "");
	if (from <= URL_PORT && at_tail)
		set_if_missing(reader, URL_PATHNAME,
		    reader->is_special ? "/" : "");
	if (from <= URL_PATHNAME && state == URL_HASH)
		set_if_missing(reader, URL_SEARCH, "");
}

/* Ends the component before this token, and goes on behind skip tokens. */
static void
change_state(struct reader *reader, int state, size_t skip)
{
	if (reader->state < URL_PART_COUNT)
		reader->slices[reader->state] = slice_so_far(reader);
	if (reader->state != STATE_INIT && state != STATE_DONE)
		fill_gaps(reader, state);
	reader->state = state;
	reader->at += skip;
	reader->start = reader->at;
	reader->step = 0;
}

/* Reads the component again, as another one. */
static void
rewind_to(struct reader *reader, int state)
{
	reader->at = reader->start;
	reader->step = 0;
	reader->state = state;
}

/* Hash and, before it, search may follow any part from the host on. */
static bool
change_to_tail(struct reader *reader)
{
	if (is_at(reader, '#'))
		change_state(reader, URL_HASH, 1);
	else if (reader->state != URL_SEARCH && is_search_start(reader))
		change_state(reader, URL_SEARCH, 1);
	else
		return false;
	return true;
}

static int
read_protocol(struct reader *reader)
{
	static const struct pattern_syntax syntax = { pattern_encode_protocol,
		0, 0 };
	struct pattern_slice               slice = slice_so_far(reader);
	struct pattern_component           protocol;

	if (!is_at(reader, ':'))
		return 0;
	if (pattern_component_init(&protocol, slice.text, slice.len_bytes,
		&syntax) == -1)
		return -1;
	reader->is_special = pattern_string_is_special(&protocol);
	pattern_component_deinit(&protocol);
	if (is_char(reader, reader->at + 1, '/') &&
	    is_char(reader, reader->at + 2, '/'))
		change_state(reader, STATE_AUTHORITY, 3);
	else
		change_state(reader,
		    reader->is_special ? STATE_AUTHORITY : URL_PATHNAME, 1);
	return 0;
}

static void
read_hostname(struct reader *reader)
{
	if (is_at(reader, '['))
		reader->bracket_depth++;
	else if (is_at(reader, ']'))
		reader->bracket_depth--;
	else if (is_at(reader, ':') && reader->bracket_depth == 0)
		change_state(reader, URL_PORT, 1);
	else if (is_at(reader, '/'))
		change_state(reader, URL_PATHNAME, 0);
	else
		change_to_tail(reader);
}

static int
read_token(struct reader *reader)
{
	switch (reader->state) {
	case STATE_INIT:
		if (is_at(reader, ':'))
			rewind_to(reader, URL_PROTOCOL);
		break;
	case URL_PROTOCOL:
		return read_protocol(reader);
	case STATE_AUTHORITY:
		if (is_at(reader, '@'))
			rewind_to(reader, URL_USERNAME);
		else if (is_at(reader, '/') || is_at(reader, '#') ||
		    is_search_start(reader))
			rewind_to(reader, URL_HOSTNAME);
		break;
	case URL_USERNAME:
	case URL_PASSWORD:
		if (reader->state == URL_USERNAME && is_at(reader, ':'))
			change_state(reader, URL_PASSWORD, 1);
		else if (is_at(reader, '@'))
			change_state(reader, URL_HOSTNAME, 1);
		break;
	case URL_HOSTNAME:
		read_hostname(reader);
		break;
	case URL_PORT:
		if (is_at(reader, '/'))
			change_state(reader, URL_PATHNAME, 0);
		else
			change_to_tail(reader);
		break;
	case URL_PATHNAME:
	case URL_SEARCH:
		change_to_tail(reader);
		break;
	}
	return 0;
}

/* At the end: what could not be told before is a host, or a tail or a path. */
static bool
read_end(struct reader *reader)
{
	if (reader->state == STATE_INIT) {
		reader->at = reader->start;
		if (!change_to_tail(reader))
			change_state(reader, URL_PATHNAME, 0);
		return false;
	}
	if (reader->state == STATE_AUTHORITY) {
		rewind_to(reader, URL_HOSTNAME);
		return false;
	}
	change_state(reader, STATE_DONE, 0);
	return true;
}

static int
split(struct reader *reader)
{
	const struct pattern_token *token;

	for (;; reader->at += reader->step) {
		token = &reader->tokens[reader->at];
		reader->step = 1;
		if (token->type == PATTERN_END) {
			if (read_end(reader))
				return 0;
			reader->step = 0;
		} else if (token->type == PATTERN_OPEN) {
			reader->brace_depth++;
		} else if (reader->brace_depth > 0) {
			reader->brace_depth -= token->type == PATTERN_CLOSE;
		} else if (read_token(reader) == -1) {
			return -1;
		}
	}
}

int
pattern_string_split(const char *text, size_t len_bytes,
    struct pattern_slice slices[static URL_PART_COUNT])
{
	struct reader reader = { .text = text,
		.state = STATE_INIT,
		.slices = slices };
	int           result;

	memset(slices, 0, URL_PART_COUNT * sizeof(slices[0]));
	reader.tokens = pattern_tokens_new(text, len_bytes, true,
	    &reader.token_count);
	if (reader.tokens == NULL)
		return -1;
	result = split(&reader);
	free(reader.tokens);
	/* A host without a port has its scheme's own. */
	if (result == 0 && slices[URL_HOSTNAME].text != NULL)
		set_if_missing(&reader, URL_PORT, "");
	return result;
}
