#include "pure/pattern_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pure/pattern_token.h"

/* Where the parser is in the tokens. */
struct reader {
	struct pattern_parts        *parts;
	const struct pattern_syntax *syntax;
	struct pattern_token        *tokens;
	const struct pattern_token  *at;
	struct buf                   pending; /* text that is no part yet */
	const struct pattern_token **names;
	size_t                       name_count;
};

static const struct pattern_token *
take(struct reader *reader, enum pattern_token_type type)
{
	return reader->at->type == type ? reader->at++ : NULL;
}

static const struct pattern_token *
take_value(struct reader *reader, const struct pattern_token *name)
{
	const struct pattern_token *value = take(reader, PATTERN_REGEX);

	if (value == NULL && name == NULL)
		value = take(reader, PATTERN_ASTERISK);
	return value;
}

static char
take_modifier(struct reader *reader)
{
	const struct pattern_token *token = take(reader, PATTERN_MODIFIER);

	if (token == NULL)
		token = take(reader, PATTERN_ASTERISK);
	return token != NULL ? token->text[0] : '\0';
}

static void
take_text(struct reader *reader, struct buf *text)
{
	const struct pattern_token *token;

	for (;;) {
		token = take(reader, PATTERN_CHAR);
		if (token == NULL)
			token = take(reader, PATTERN_ESCAPED);
		if (token == NULL)
			break;
		buf_append(text, token->text, token->text_bytes);
	}
}

/* Adds the text, encoded, to that of the parts. */
static bool
add_text(struct reader *reader, const struct buf *text,
    struct pattern_span *span)
{
	struct buf *all = &reader->parts->text;

	span->at = all->len_bytes;
	span->len_bytes = 0;
	if (text->len_bytes == 0)
		return true;
	if (reader->syntax->encode(all, text->data, text->len_bytes) == -1)
		return false;
	span->len_bytes = all->len_bytes - span->at;
	return true;
}

static struct pattern_part *
add_part(struct reader *reader, enum pattern_part_type type, char modifier)
{
	struct pattern_part *part =
	    &reader->parts->parts[reader->parts->part_count++];

	*part = (struct pattern_part){ .type = type, .modifier = modifier };
	return part;
}

static bool
add_pending(struct reader *reader)
{
	struct pattern_part *part;
	bool                 is_good;

	if (reader->pending.len_bytes == 0)
		return true;
	part = add_part(reader, PATTERN_PART_TEXT, '\0');
	is_good = add_text(reader, &reader->pending, &part->prefix);
	reader->pending.len_bytes = 0;
	return is_good;
}

/* Each name may come once. */
static bool
add_name(struct reader *reader, const struct pattern_token *name)
{
	for (size_t i = 0; i < reader->name_count; i++) {
		if (reader->names[i]->text_bytes == name->text_bytes &&
		    memcmp(reader->names[i]->text, name->text,
			name->text_bytes) == 0)
			return false;
	}
	reader->names[reader->name_count++] = name;
	return true;
}

/* The two expressions that stand for what has a sign of its own. */
static enum pattern_part_type
value_type(const struct reader *reader, const struct pattern_token *value)
{
	char   segment[16];
	size_t len_bytes;

	if (value == NULL)
		return PATTERN_PART_SEGMENT;
	if (value->type == PATTERN_ASTERISK ||
	    (value->text_bytes == 2 && memcmp(value->text, ".*", 2) == 0))
		return PATTERN_PART_ANY;
	if (reader->syntax->delimiter == '\0')
		snprintf(segment, sizeof(segment), "[^]+?");
	else
		snprintf(segment, sizeof(segment), "[^\\%c]+?",
		    reader->syntax->delimiter);
	len_bytes = strlen(segment);
	return value->text_bytes == len_bytes &&
		memcmp(value->text, segment, len_bytes) == 0 ?
	    PATTERN_PART_SEGMENT :
	    PATTERN_PART_REGEX;
}

/* Adds what name and value match, or text if there is neither. */
static bool
add_group(struct reader *reader, const struct buf *prefix,
    const struct pattern_token *name, const struct pattern_token *value,
    const struct buf *suffix, char modifier)
{
	struct pattern_part *part;

	if (name == NULL && value == NULL && modifier == '\0') {
		buf_append(&reader->pending, prefix->data, prefix->len_bytes);
		return true;
	}
	if (!add_pending(reader))
		return false;
	if (name == NULL && value == NULL) {
		if (prefix->len_bytes == 0)
			return true;
		part = add_part(reader, PATTERN_PART_TEXT, modifier);
		return add_text(reader, prefix, &part->prefix);
	}
	if (name != NULL && !add_name(reader, name))
		return false;
	part = add_part(reader, value_type(reader, value), modifier);
	if (part->type == PATTERN_PART_REGEX && value != NULL) {
		part->value.at = reader->parts->text.len_bytes;
		part->value.len_bytes = value->text_bytes;
		buf_append(&reader->parts->text, value->text,
		    value->text_bytes);
	}
	return add_text(reader, prefix, &part->prefix) &&
	    add_text(reader, suffix, &part->suffix);
}

/* A name or value that stands alone, perhaps with a character before it. */
static bool
read_plain_group(struct reader *reader, const struct pattern_token *character,
    const struct pattern_token *name, const struct pattern_token *value)
{
	static const struct buf none;
	struct buf              prefix = { 0 };
	bool                    is_good;

	if (character != NULL && character->text_bytes == 1 &&
	    character->text[0] == reader->syntax->prefix)
		buf_append(&prefix, character->text, 1);
	else if (character != NULL)
		buf_append(&reader->pending, character->text,
		    character->text_bytes);
	is_good = add_pending(reader) &&
	    add_group(reader, &prefix, name, value, &none,
		take_modifier(reader));
	buf_deinit(&prefix);
	return is_good;
}

/* What follows an opening brace. */
static bool
read_braces(struct reader *reader)
{
	const struct pattern_token *name, *value;
	struct buf                  prefix = { 0 }, suffix = { 0 };
	bool                        is_good;

	take_text(reader, &prefix);
	name = take(reader, PATTERN_NAME);
	value = take_value(reader, name);
	take_text(reader, &suffix);
	is_good = take(reader, PATTERN_CLOSE) != NULL;
	is_good = is_good &&
	    add_group(reader, &prefix, name, value, &suffix,
		take_modifier(reader));
	buf_deinit(&prefix);
	buf_deinit(&suffix);
	return is_good;
}

static bool
read_next(struct reader *reader)
{
	const struct pattern_token *character = take(reader, PATTERN_CHAR);
	const struct pattern_token *name = take(reader, PATTERN_NAME);
	const struct pattern_token *value = take_value(reader, name);

	if (name != NULL || value != NULL)
		return read_plain_group(reader, character, name, value);
	if (character == NULL)
		character = take(reader, PATTERN_ESCAPED);
	if (character != NULL) {
		buf_append(&reader->pending, character->text,
		    character->text_bytes);
		return true;
	}
	return take(reader, PATTERN_OPEN) != NULL && read_braces(reader);
}

static bool
read_all(struct reader *reader)
{
	while (reader->at->type != PATTERN_END) {
		if (!read_next(reader))
			return false;
	}
	return add_pending(reader);
}

int
pattern_parts_init(struct pattern_parts *parts, const char *pattern,
    size_t len_bytes, const struct pattern_syntax *syntax)
{
	struct reader reader = { .parts = parts, .syntax = syntax };
	size_t        token_count;
	bool          is_good;

	*parts = (struct pattern_parts){ 0 };
	reader.tokens = pattern_tokens_new(pattern, len_bytes, false,
	    &token_count);
	if (reader.tokens == NULL)
		return -1;
	reader.at = reader.tokens;
	parts->parts = mem_alloc(token_count * sizeof(parts->parts[0]));
	reader.names = mem_alloc(token_count * sizeof(reader.names[0]));
	is_good = read_all(&reader);
	free(reader.names);
	free(reader.tokens);
	buf_deinit(&reader.pending);
	if (!is_good) {
		pattern_parts_deinit(parts);
		return -1;
	}
	buf_trim(&parts->text);
	if (parts->part_count > 0) {
		parts->parts = mem_realloc(parts->parts,
		    parts->part_count * sizeof(parts->parts[0]));
	} else {
		free(parts->parts);
		parts->parts = NULL;
	}
	return 0;
}

void
pattern_parts_deinit(struct pattern_parts *parts)
{
	free(parts->parts);
	buf_deinit(&parts->text);
	*parts = (struct pattern_parts){ 0 };
}

/* Of two components, one span each. */
static bool
is_same_span(const struct pattern_parts *one, struct pattern_span span,
    const struct pattern_parts *other, struct pattern_span other_span)
{
	return span.len_bytes == other_span.len_bytes &&
	    (span.len_bytes == 0 ||
		memcmp(one->text.data + span.at,
		    other->text.data + other_span.at, span.len_bytes) == 0);
}

bool
pattern_parts_are_alike(const struct pattern_parts *one,
    const struct pattern_parts                     *other)
{
	const struct pattern_part *a, *b;

	if (one->part_count != other->part_count)
		return false;
	for (size_t i = 0; i < one->part_count; i++) {
		a = &one->parts[i];
		b = &other->parts[i];
		if (a->type != b->type || a->modifier != b->modifier ||
		    !is_same_span(one, a->prefix, other, b->prefix) ||
		    !is_same_span(one, a->value, other, b->value) ||
		    !is_same_span(one, a->suffix, other, b->suffix))
			return false;
	}
	return true;
}
