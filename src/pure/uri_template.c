#include "pure/uri_template.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pure/percent.h"
#include "pure/template_piece.h"

#define STACK_POSITIONS 512

struct uri_template {
	struct template_pieces all;

	/* The only expression, if groups of it are not counted, or NULL. */
	const struct template_piece *only;
};

/* The expression between two literals, or one, or none. */
static const struct template_piece *
find_only(const struct template_pieces *all)
{
	size_t first = all->pieces[0].literal != NULL;

	return all->has_groups || all->count - first > 2 ||
		(all->count - first == 2 &&
		    all->pieces[first + 1].literal == NULL) ?
	    NULL :
	    &all->pieces[first];
}

struct uri_template *
uri_template_new(const char *text, size_t len_bytes)
{
	struct uri_template *template = mem_alloc(sizeof(*template));

	if (template_pieces_init(&template->all, text, len_bytes) == -1) {
		free(template);
		return NULL;
	}
	template->only = find_only(&template->all);
	return template;
}

void
uri_template_free(struct uri_template *template)
{
	if (template == NULL)
		return;
	template_pieces_deinit(&template->all);
	free(template);
}

bool
uri_template_is_alike(const struct uri_template *one,
    const struct uri_template                   *other)
{
	return template_pieces_are_alike(&one->all, &other->all);
}

size_t
uri_template_literal_bytes(const struct uri_template *template)
{
	const struct template_piece *first = &template->all.pieces[0];

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
		return TEMPLATE_CLASS_UNRESERVED;
	}
	return c < 0x80 ? (unsigned char)(classes[c] - '0') : 0;
}

/* Moves the ends behind the literal, from the last so that none moves twice. */
static void
take_literal(struct match *match, const struct template_piece *piece)
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
take_later(struct match *match, const struct template_piece *piece, size_t at,
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
take_character(struct match *match, const struct template_piece *piece,
    size_t at, unsigned char mark)
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
take_expression(struct match *match, const struct template_piece *piece)
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
take_pieces(struct match *match, const struct template_piece *piece,
    const struct template_piece *end, uint64_t cost_max)
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
	const struct template_piece *first = &template->all.pieces[0];
	const struct template_piece *last =
	    &template->all.pieces[template->all.count - 1];

	if (first->literal != NULL &&
	    (len_bytes < first->len_bytes ||
		memcmp(topic, first->literal, first->len_bytes) != 0))
		return false;
	return last->literal == NULL ||
	    (len_bytes >= last->len_bytes &&
		memcmp(topic + len_bytes - last->len_bytes, last->literal,
		    last->len_bytes) == 0);
}

/*
 * Of a template with one expression, whose literals are there: it has to take
 * all that lies between them, and there is one way to do so.
 */
static bool
only_matches(const struct uri_template *template, struct match *match)
{
	const struct template_piece *only = template->only;
	size_t at = uri_template_literal_bytes(template), char_bytes;
	size_t end = match->len_bytes;

	if (only + 1 < template->all.pieces + template->all.count)
		end -= only[1].len_bytes;
	match->cost += match->len_bytes;
	if (at < end && only->first != 0 && match->topic[at++] != only->first)
		return false;
	for (; at < end; at += char_bytes) {
		if (!(class_at(match, at, &char_bytes) & only->first_class))
			return false;
	}
	return at == end;
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
	if (*cost > cost_max || !fits(template, topic, len_bytes))
		return false;
	if (template->only != NULL) {
		matches = only_matches(template, &match);
		*cost = match.cost + 1;
		return matches;
	}
	if (on_stack) {
		memset(marks, 0, len_bytes + 1);
		if (template->all.has_groups)
			memset(later, 0, (len_bytes + 1) * sizeof(later[0]));
	} else {
		match.marks = mem_zalloc(len_bytes + 1);
		match.later = mem_zalloc(template->all.has_groups ?
			(len_bytes + 1) * sizeof(later[0]) :
			0);
	}
	matches = take_pieces(&match, template->all.pieces,
	    template->all.pieces + template->all.count, cost_max);
	*cost = match.cost + 1;
	if (!on_stack) {
		free(match.marks);
		free(match.later);
	}
	return matches;
}
