#include "pure/template_piece.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "pure/percent.h"

#define PREFIX_MAX 9999
#define GROUPS_ANY UINT32_MAX

static bool
is_literal(uint32_t code)
{
	if (code < 0x80)
		return code > 0x20 && code < 0x7f &&
		    strchr("\"%<>\\^`{|}", (int)code) == NULL;
	if (code < 0x10000)
		return code >= 0xa0 && code < 0xfff0 && code != 0xfffd &&
		    (code < 0xfdd0 || code > 0xfdef);
	return (code & 0xffff) < 0xfffe && (code < 0xe0000 || code > 0xe0fff);
}

/* How many bytes of literals are at the start. */
static size_t
literal_bytes(const char *text, size_t len_bytes)
{
	size_t   at = 0, char_bytes;
	uint32_t code;

	for (; at < len_bytes; at += char_bytes) {
		char_bytes = utf8_decode(text + at, len_bytes - at, &code);
		if (percent_is_triplet(text + at, len_bytes - at))
			char_bytes = 3;
		else if (char_bytes == 0 || !is_literal(code))
			break;
	}
	return at;
}

/* How many bytes of a variable's name are at the start; 0 if there is none. */
static size_t
name_bytes(const char *text, size_t len_bytes)
{
	size_t at = 0;

	while (at < len_bytes) {
		char c = text[at];

		if (percent_is_triplet(text + at, len_bytes - at))
			at += 3;
		else if (c == '.' ?
			at > 0 && text[at - 1] != '.' :
			c != '-' && c != '~' && percent_is_unreserved(c))
			at++;
		else
			break;
	}
	return at > 0 && text[at - 1] == '.' ? 0 : at;
}

/* How many bytes `*` or `:` and a length take; SIZE_MAX if malformed. */
static size_t
modifier_bytes(const char *text, size_t len_bytes, bool *explodes)
{
	size_t at = 1;
	int    length = 0;

	if (len_bytes > 0 && text[0] == '*') {
		*explodes = true;
		return 1;
	}
	if (len_bytes == 0 || text[0] != ':')
		return 0;
	for (; at < len_bytes && text[at] >= '0' && text[at] <= '9'; at++) {
		length = length * 10 + (text[at] - '0');
		if (length == 0 || length > PREFIX_MAX)
			return SIZE_MAX;
	}
	return length > 0 ? at : SIZE_MAX;
}

/* The piece of an expression without its variables. */
static struct template_piece
operator_piece(char operator)
{
	struct template_piece piece = { .separator = ',' };

	if (operator== '+' || operator== '#') {
		piece.first_class = TEMPLATE_CLASS_UNRESERVED |
		    TEMPLATE_CLASS_RESERVED | TEMPLATE_CLASS_EQUALS;
	} else {
		piece.first_class = TEMPLATE_CLASS_UNRESERVED;
		if (operator!= 0)
			piece.separator = operator== '?' ? '&' : operator;
		if (operator== ';' || operator== '?' || operator== '&')
			piece.first_class |= TEMPLATE_CLASS_EQUALS;
	}
	piece.first = operator== '+' ? 0 : operator;
	piece.later_class = piece.first_class;
	return piece;
}

/*
 * Reads an expression from behind its brace. Returns how many bytes it takes,
 * with the other brace, or 0 if it is malformed.
 */
static size_t
parse_expression(const char *text, size_t len_bytes,
    struct template_piece *piece)
{
	size_t   at = 0, bytes;
	uint32_t variables = 0;
	bool     explodes, explode_any = false;

	if (len_bytes > 0 && text[0] != '\0' &&
	    strchr("+#./;?&", text[0]) != NULL)
		at = 1;
	*piece = operator_piece(at > 0 ? text[0] : '\0');
	do {
		if (variables++ > 0)
			at++;
		bytes = name_bytes(text + at, len_bytes - at);
		if (bytes == 0)
			return 0;
		at += bytes;
		explodes = false;
		bytes = modifier_bytes(text + at, len_bytes - at, &explodes);
		if (bytes == SIZE_MAX)
			return 0;
		at += bytes;
		if (explodes && variables == 1)
			piece->first_class |= TEMPLATE_CLASS_EQUALS;
		explode_any |= explodes;
	} while (at < len_bytes && text[at] == ',');
	piece->later_max = explode_any ? GROUPS_ANY : variables - 1;
	if (explode_any)
		piece->later_class |= TEMPLATE_CLASS_EQUALS;
	/* A separator that the first group takes as well needs no other. */
	if (piece->later_class == piece->first_class &&
	    (piece->separator == ',' || piece->separator == '.'))
		piece->later_max = 0;
	return at < len_bytes && text[at] == '}' ? at + 1 : 0;
}

/* An expression that takes nothing else than the one before it is not kept. */
static bool
is_same_star(const struct template_piece *one,
    const struct template_piece          *other)
{
	return one->literal == NULL && other->literal == NULL &&
	    one->first == 0 && other->first == 0 && one->later_max == 0 &&
	    other->later_max == 0 && one->first_class == other->first_class;
}

static void
add_piece(struct template_pieces *all, struct template_piece piece)
{
	if (all->count > 0 &&
	    is_same_star(&all->pieces[all->count - 1], &piece))
		return;
	all->pieces[all->count++] = piece;
}

static bool
parse_pieces(struct template_pieces *all, size_t len_bytes)
{
	const char           *text = all->text;
	size_t                at = 0, bytes;
	struct template_piece piece;

	while (at < len_bytes) {
		bytes = literal_bytes(text + at, len_bytes - at);
		if (bytes > 0) {
			add_piece(all,
			    (struct template_piece){ .literal = text + at,
				.len_bytes = bytes });
		} else {
			if (text[at] != '{')
				return false;
			bytes = parse_expression(text + at + 1,
			    len_bytes - at - 1, &piece);
			if (bytes++ == 0)
				return false;
			all->has_groups |= piece.later_max > 0;
			add_piece(all, piece);
		}
		at += bytes;
	}
	return true;
}

int
template_pieces_init(struct template_pieces *all, const char *text,
    size_t len_bytes)
{
	size_t brace_count = 0;

	*all = (struct template_pieces){ 0 };
	for (size_t i = 0; i < len_bytes; i++)
		brace_count += text[i] == '{';
	if (brace_count == 0)
		return -1;
	all->text = mem_alloc(len_bytes);
	memcpy(all->text, text, len_bytes);
	all->pieces = mem_alloc((2 * brace_count + 1) * sizeof(all->pieces[0]));
	if (!parse_pieces(all, len_bytes)) {
		template_pieces_deinit(all);
		return -1;
	}
	all->pieces = mem_realloc(all->pieces,
	    all->count * sizeof(all->pieces[0]));
	return 0;
}

void
template_pieces_deinit(struct template_pieces *all)
{
	free(all->text);
	free(all->pieces);
	*all = (struct template_pieces){ 0 };
}

static bool
is_alike(const struct template_piece *one, const struct template_piece *other)
{
	if (one->literal != NULL && other->literal != NULL)
		return one->len_bytes == other->len_bytes &&
		    memcmp(one->literal, other->literal, one->len_bytes) == 0;
	return one->literal == other->literal && one->first == other->first &&
	    one->separator == other->separator &&
	    one->first_class == other->first_class &&
	    one->later_class == other->later_class &&
	    one->later_max == other->later_max;
}

bool
template_pieces_are_alike(const struct template_pieces *one,
    const struct template_pieces                       *other)
{
	if (one->count != other->count)
		return false;
	for (size_t i = 0; i < one->count; i++) {
		if (!is_alike(&one->pieces[i], &other->pieces[i]))
			return false;
	}
	return true;
}
