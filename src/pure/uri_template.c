#include "pure/uri_template.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "pure/percent.h"

#define PREFIX_MAX 9999
#define GROUPS_ANY UINT32_MAX
#define STACK_POSITIONS 512

/* Classes of a topic's bytes. */
#define CLASS_UNRESERVED 1u /* and the comma */
#define CLASS_RESERVED 2u
#define CLASS_EQUALS 4u

/*
 * A literal, or an expression: groups of characters, the first behind `first`
 * if there is one, the others behind `separator`.
 */
struct piece {
	const char   *literal; /* NULL for an expression */
	size_t        len_bytes;
	char          first; /* 0: none */
	char          separator;
	unsigned char first_class, later_class;
	uint32_t      later_max; /* groups after the first */
};

struct uri_template {
	char         *text;
	struct piece *pieces;
	size_t        piece_count;
	bool          has_groups; /* some piece counts its later ones */
};

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
static struct piece
operator_piece(char operator)
{
	struct piece piece = { .separator = ',' };

	if (operator== '+' || operator== '#') {
		piece.first_class = CLASS_UNRESERVED | CLASS_RESERVED |
		    CLASS_EQUALS;
	} else {
		piece.first_class = CLASS_UNRESERVED;
		if (operator!= 0)
			piece.separator = operator== '?' ? '&' : operator;
		if (operator== ';' || operator== '?' || operator== '&')
			piece.first_class |= CLASS_EQUALS;
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
parse_expression(const char *text, size_t len_bytes, struct piece *piece)
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
			piece->first_class |= CLASS_EQUALS;
		explode_any |= explodes;
	} while (at < len_bytes && text[at] == ',');
	piece->later_max = explode_any ? GROUPS_ANY : variables - 1;
	if (explode_any)
		piece->later_class |= CLASS_EQUALS;
	/* A separator that the first group takes as well needs no other. */
	if (piece->later_class == piece->first_class &&
	    (piece->separator == ',' || piece->separator == '.'))
		piece->later_max = 0;
	return at < len_bytes && text[at] == '}' ? at + 1 : 0;
}

/* An expression that takes nothing else than the one before it is not kept. */
static bool
is_same_star(const struct piece *one, const struct piece *other)
{
	return one->literal == NULL && other->literal == NULL &&
	    one->first == 0 && other->first == 0 && one->later_max == 0 &&
	    other->later_max == 0 && one->first_class == other->first_class;
}

static void
add_piece(struct uri_template *template, struct piece piece)
{
	if (template->piece_count > 0 &&
	    is_same_star(&template->pieces[template->piece_count - 1], &piece))
		return;
	template->pieces[template->piece_count++] = piece;
}

static bool
parse_pieces(struct uri_template *template, size_t len_bytes)
{
	const char  *text = template->text;
	size_t       at = 0, bytes;
	struct piece piece;

	while (at < len_bytes) {
		bytes = literal_bytes(text + at, len_bytes - at);
		if (bytes > 0) {
			add_piece(template,
			    (struct piece){ .literal = text + at,
				.len_bytes = bytes });
		} else {
			if (text[at] != '{')
				return false;
			bytes = parse_expression(text + at + 1,
			    len_bytes - at - 1, &piece);
			if (bytes++ == 0)
				return false;
			template->has_groups |= piece.later_max > 0;
			add_piece(template, piece);
		}
		at += bytes;
	}
	return true;
}

struct uri_template *
uri_template_new(const char *text, size_t len_bytes)
{
	struct uri_template *template;
	size_t brace_count = 0;

	for (size_t i = 0; i < len_bytes; i++)
		brace_count += text[i] == '{';
	if (brace_count == 0)
		return NULL;
	template = mem_zalloc(sizeof(*template));
	template->text = mem_alloc(len_bytes);
	memcpy(template->text, text, len_bytes);
	template->pieces = mem_alloc((2 * brace_count + 1) *
	    sizeof(template->pieces[0]));
	if (!parse_pieces(template, len_bytes)) {
		uri_template_free(template);
		return NULL;
	}
	template->pieces = mem_realloc(template->pieces,
	    template->piece_count * sizeof(template->pieces[0]));
	return template;
}

void
uri_template_free(struct uri_template *template)
{
	if (template == NULL)
		return;
	free(template->text);
	free(template->pieces);
	free(template);
}

size_t
uri_template_literal_bytes(const struct uri_template *template)
{
	const struct piece *first = &template->pieces[0];

	return first->literal != NULL ? first->len_bytes : 0;
}

/*
 * A topic while it is matched. Its positions are its bytes' and its end; marks
 * say of each whether the pieces so far can end there, and which groups of an
 * expression can, the first or later ones. A %XX is taken whole or not at all,
 * by literals as by expressions.
 */
struct match {
	const char    *topic;
	size_t         len_bytes;
	unsigned char *marks;
	uint32_t      *later; /* least number of groups after the first, or 0 */
	size_t         first, last; /* the positions between which ends are */
	uint64_t       cost;
};

#define MARK_END 1u
#define MARK_GROUP 2u
#define MARK_LATER 4u

/* The class of the character there, and how many bytes it takes. */
static unsigned char
class_at(const struct match *match, size_t at, size_t *char_bytes)
{
	/* A digit for each character of ASCII, sixteen in a line. */
	static const char classes[] = "0000000000000000"
				      "0000000000000000"
				      "0202202222221112"
				      "1111111111220602"
				      "2111111111111111"
				      "1111111111120201"
				      "0111111111111111"
				      "1111111111100010";
	unsigned char     c = (unsigned char)match->topic[at];

	*char_bytes = 1;
	if (c == '%' &&
	    percent_is_triplet(match->topic + at, match->len_bytes - at)) {
		*char_bytes = 3;
		return CLASS_UNRESERVED;
	}
	return c < 0x80 ? (unsigned char)(classes[c] - '0') : 0;
}

/* Moves the ends behind the literal, from the last so that none moves twice. */
static void
take_literal(struct match *match, const struct piece *piece)
{
	size_t        at = match->last + 1, first = match->first;
	size_t        room_bytes = match->len_bytes;
	unsigned char mark;

	match->cost += match->last - match->first + 1;
	match->first = SIZE_MAX;
	match->last = 0;
	while (at-- > first) {
		mark = match->marks[at];
		match->marks[at] = 0;
		if (mark == 0 || room_bytes - at < piece->len_bytes)
			continue;
		match->cost += piece->len_bytes / 16;
		if (memcmp(match->topic + at, piece->literal,
			piece->len_bytes) != 0)
			continue;
		match->first = at + piece->len_bytes;
		match->marks[match->first] = MARK_END;
		if (match->last == 0)
			match->last = match->first;
	}
}

static void
note_mark(struct match *match, size_t at, unsigned char mark)
{
	match->marks[at] |= mark;
	if (at > match->last)
		match->last = at;
}

static void
note_later(struct match *match, size_t at, uint32_t groups)
{
	if (match->later[at] == 0 || match->later[at] > groups)
		match->later[at] = groups;
	note_mark(match, at, MARK_LATER);
}

/* What a group after the first, which is open there, can go on to. */
static void
take_later(struct match *match, const struct piece *piece, size_t at,
    unsigned char class, size_t char_bytes)
{
	uint32_t groups = match->later[at];

	match->later[at] = 0;
	if (class & piece->later_class)
		note_later(match, at + char_bytes, groups);
	if (match->topic[at] == piece->separator && groups < piece->later_max)
		note_later(match, at + 1, groups + 1);
}

/* Takes the groups that are open there over the character. */
static void
take_character(struct match *match, const struct piece *piece, size_t at,
    unsigned char mark)
{
	size_t char_bytes;
	unsigned char class = class_at(match, at, &char_bytes);

	if (mark & MARK_LATER)
		take_later(match, piece, at, class, char_bytes);
	if (!(mark & MARK_GROUP))
		return;
	if (class & piece->first_class)
		note_mark(match, at + char_bytes, MARK_GROUP);
	if (piece->later_max > 0 && match->topic[at] == piece->separator)
		note_later(match, at + 1, 1);
}

/* Adds all ends that the expression can come to from those before it. */
static void
take_expression(struct match *match, const struct piece *piece)
{
	unsigned char mark;

	for (size_t at = match->first; at <= match->last; at++) {
		mark = match->marks[at];
		if (mark == 0)
			continue;
		match->marks[at] = MARK_END;
		if (mark & MARK_END && piece->first == 0)
			mark |= MARK_GROUP;
		if (at == match->len_bytes)
			break;
		if (mark & MARK_END && piece->first != 0 &&
		    match->topic[at] == piece->first)
			note_mark(match, at + 1, MARK_GROUP);
		if (mark & (MARK_GROUP | MARK_LATER))
			take_character(match, piece, at, mark);
	}
	match->cost += match->last - match->first + 1;
	if (piece->later_max > 0)
		match->later[match->len_bytes] = 0;
}

static bool
take_pieces(struct match *match, const struct piece *piece,
    const struct piece *end, uint64_t cost_max)
{
	match->marks[match->first] = MARK_END;
	for (; piece < end; piece++) {
		if (match->cost >= cost_max)
			return false;
		if (piece->literal != NULL)
			take_literal(match, piece);
		else
			take_expression(match, piece);
		if (match->first == SIZE_MAX)
			return false;
	}
	return match->marks[match->len_bytes] != 0;
}

/* Whether the topic begins and ends as the template's literals have it. */
static bool
fits(const struct uri_template *template, const char *topic, size_t len_bytes)
{
	const struct piece *first = &template->pieces[0];
	const struct piece *last = &template->pieces[template->piece_count - 1];

	if (first->literal != NULL &&
	    (len_bytes < first->len_bytes ||
		memcmp(topic, first->literal, first->len_bytes) != 0))
		return false;
	return last->literal == NULL ||
	    (len_bytes >= last->len_bytes &&
		memcmp(topic + len_bytes - last->len_bytes, last->literal,
		    last->len_bytes) == 0);
}

bool
uri_template_matches(const struct uri_template *template, const char *topic,
    size_t len_bytes, uint64_t *cost, uint64_t cost_max)
{
	unsigned char marks[STACK_POSITIONS];
	uint32_t      later[STACK_POSITIONS];
	bool          on_stack = len_bytes < STACK_POSITIONS, matches;
	struct match  match = { .topic = topic,
		 .len_bytes = len_bytes,
		 .marks = marks,
		 .later = later,
		 .cost = *cost };

	*cost += 1;
	if (!fits(template, topic, len_bytes))
		return false;
	if (on_stack) {
		memset(marks, 0, len_bytes + 1);
		if (template->has_groups)
			memset(later, 0, (len_bytes + 1) * sizeof(later[0]));
	} else {
		match.marks = mem_zalloc(len_bytes + 1);
		match.later = mem_zalloc(template->has_groups ?
			(len_bytes + 1) * sizeof(later[0]) :
			0);
	}
	matches = take_pieces(&match, template->pieces,
	    template->pieces + template->piece_count, cost_max);
	*cost = match.cost + 1;
	if (!on_stack) {
		free(match.marks);
		free(match.later);
	}
	return matches;
}
