#include "pure/pattern_component.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pure/pattern_regex.h"

#define STACK_POSITIONS 512

/*
 * What a part can be at a position of the text. A part goes through them in
 * this order, and back to the start where it may come again.
 */
#define AT_IN 1u      /* the parts before it have ended */
#define AT_PREFIX 2u  /* its prefix comes next */
#define AT_VALUE 4u   /* its value comes next */
#define AT_MORE 8u    /* the value can end, or go on */
#define AT_SUFFIX 16u /* its suffix comes next */
#define AT_END 32u    /* it can end */

struct match {
	const char    *text;
	size_t         len_bytes;
	unsigned char *states;
	size_t         first, last; /* the positions that have any */
	uint64_t       cost;
};

static bool
is_plain(const struct pattern_part *part)
{
	return part->type == PATTERN_PART_TEXT && part->modifier == '\0';
}

/* The part between two texts, or one, or none, which is enough to match by. */
static const struct pattern_part *
find_only(const struct pattern_parts *all)
{
	const struct pattern_part *parts = all->parts;
	size_t                     i = 0, count = all->part_count;

	if (count > 0 && is_plain(&parts[0]))
		i++;
	if (i == count || parts[i].modifier != '\0' ||
	    (parts[i].type != PATTERN_PART_SEGMENT &&
		parts[i].type != PATTERN_PART_ANY))
		return NULL;
	if (i + 1 < count && (i + 2 < count || !is_plain(&parts[i + 1])))
		return NULL;
	return &parts[i];
}

int
pattern_component_init(struct pattern_component *component, const char *pattern,
    size_t len_bytes, const struct pattern_syntax *syntax)
{
	const struct pattern_part *part;
	bool                       has_regex = false;

	*component =
	    (struct pattern_component){ .delimiter = syntax->delimiter };
	if (pattern_parts_init(&component->parts, pattern, len_bytes, syntax) ==
	    -1)
		return -1;
	for (size_t i = 0; i < component->parts.part_count; i++) {
		part = &component->parts.parts[i];
		has_regex |= part->type == PATTERN_PART_REGEX;
		component->is_any = component->parts.part_count == 1 &&
		    part->type == PATTERN_PART_ANY &&
		    part->prefix.len_bytes + part->suffix.len_bytes == 0;
	}
	component->only = find_only(&component->parts);
	if (!has_regex)
		return 0;
	component->regex = pattern_regex_new(&component->parts,
	    component->delimiter);
	if (component->regex != NULL)
		return 0;
	pattern_component_deinit(component);
	return -1;
}

void
pattern_component_deinit(struct pattern_component *component)
{
	pattern_parts_deinit(&component->parts);
	pattern_regex_free(component->regex);
	*component = (struct pattern_component){ 0 };
}

static void
note(struct match *match, size_t at, unsigned char state)
{
	match->states[at] |= state;
	if (at > match->last)
		match->last = at;
}

/* Goes on behind the literal; false if that is not there. */
static bool
take_literal(struct match *match, const char *literal, size_t len_bytes,
    size_t at, unsigned char next)
{
	if (match->len_bytes - at < len_bytes)
		return false;
	match->cost += len_bytes / 16;
	if (len_bytes > 0 && memcmp(match->text + at, literal, len_bytes) != 0)
		return false;
	note(match, at + len_bytes, next);
	return true;
}

/* Takes one character into the value. */
static void
take_value(struct match *match, const struct pattern_part *part, char delimiter,
    size_t at)
{
	if (at == match->len_bytes)
		return;
	if (part->type == PATTERN_PART_ANY || match->text[at] != delimiter)
		note(match, at + 1, AT_MORE);
}

/* Takes one state at a position to those that can follow. */
static void
take_state(struct match *match, const struct pattern_component *component,
    const struct pattern_part *part, size_t at, unsigned char state)
{
	/* Without text all spans are empty. */
	const char *text = component->parts.text.len_bytes > 0 ?
	    component->parts.text.data :
	    "";

	switch (state) {
	case AT_IN:
		note(match, at, AT_PREFIX);
		if (part->modifier == '?' || part->modifier == '*')
			note(match, at, AT_END);
		break;
	case AT_PREFIX:
		take_literal(match, text + part->prefix.at,
		    part->prefix.len_bytes, at,
		    part->type == PATTERN_PART_TEXT ? AT_SUFFIX : AT_VALUE);
		break;
	case AT_VALUE:
		if (part->type == PATTERN_PART_ANY)
			note(match, at, AT_MORE);
		else
			take_value(match, part, component->delimiter, at);
		break;
	case AT_MORE:
		note(match, at, AT_SUFFIX);
		take_value(match, part, component->delimiter, at);
		break;
	case AT_SUFFIX:
		take_literal(match, text + part->suffix.at,
		    part->suffix.len_bytes, at, AT_END);
		break;
	}
}

/*
 * Takes the part from all positions at which those before it can end. A state
 * leads to others at the same position or further on, and each is looked at
 * once.
 */
static void
take_part(struct match *match, const struct pattern_component *component,
    const struct pattern_part *part)
{
	unsigned char done, state, *states = match->states;
	bool          repeats = part->modifier == '*' || part->modifier == '+';
	size_t        first = SIZE_MAX, last = 0;

	for (size_t at = match->first; at <= match->last; at++) {
		match->cost++;
		done = 0;
		while ((states[at] & ~done) != 0) {
			state = states[at] & (unsigned char)~done;
			state &= (unsigned char)-state;
			done |= state;
			match->cost++;
			if (state != AT_END)
				take_state(match, component, part, at, state);
			else if (repeats)
				states[at] |= AT_PREFIX;
		}
		states[at] = done & AT_END ? AT_IN : 0;
		if (states[at] == 0)
			continue;
		first = first == SIZE_MAX ? at : first;
		last = at;
	}
	match->first = first;
	match->last = last;
}

/*
 * The same for text that comes once: the positions move behind it, the last
 * one first so that none moves twice.
 */
static void
take_plain(struct match *match, const struct pattern_component *component,
    const struct pattern_part *part)
{
	unsigned char *states = match->states;
	size_t         first = match->first, at = match->last + 1;

	match->cost += at - first;
	match->first = SIZE_MAX;
	match->last = 0;
	while (at-- > first) {
		if (states[at] == 0)
			continue;
		states[at] = 0;
		if (take_literal(match,
			component->parts.text.data + part->prefix.at,
			part->prefix.len_bytes, at, AT_IN))
			match->first = at + part->prefix.len_bytes;
	}
}

static bool
take_parts(struct match *match, const struct pattern_component *component,
    uint64_t cost_max)
{
	const struct pattern_part *part = component->parts.parts;
	const struct pattern_part *end = part + component->parts.part_count;

	/* The text at the start has been compared. */
	if (is_plain(part))
		match->first = match->last = part++->prefix.len_bytes;
	match->states[match->first] = AT_IN;
	for (; part < end; part++) {
		if (match->cost >= cost_max)
			return false;
		if (is_plain(part) && part->prefix.len_bytes > 0)
			take_plain(match, component, part);
		else
			take_part(match, component, part);
		if (match->first == SIZE_MAX)
			return false;
	}
	return match->states[match->len_bytes] != 0;
}

static bool
parts_match(const struct pattern_component *component, const char *text,
    size_t len_bytes, uint64_t *cost, uint64_t cost_max)
{
	unsigned char states[STACK_POSITIONS];
	struct match  match = { .text = text,
		 .len_bytes = len_bytes,
		 .states = states,
		 .cost = *cost };
	bool          matches;

	if (len_bytes < STACK_POSITIONS)
		memset(states, 0, len_bytes + 1);
	else
		match.states = mem_zalloc(len_bytes + 1);
	matches = take_parts(&match, component, cost_max);
	*cost = match.cost;
	if (match.states != states)
		free(match.states);
	return matches;
}

const char *
pattern_component_literal(const struct pattern_component *component,
    size_t *len_bytes, bool *is_whole)
{
	const struct pattern_part *part = component->parts.parts;
	size_t                     count = component->parts.part_count;

	*len_bytes = 0;
	*is_whole = count == 0;
	if (count == 0 || part->modifier == '?' || part->modifier == '*' ||
	    component->regex != NULL)
		return "";
	*len_bytes = part->prefix.len_bytes;
	*is_whole = count == 1 && part->type == PATTERN_PART_TEXT &&
	    part->modifier == '\0';
	return *len_bytes > 0 ? component->parts.text.data + part->prefix.at :
				"";
}

/* Whether the text ends as the last part has it, if that is text. */
static bool
ends_well(const struct pattern_component *component, const char *text,
    size_t len_bytes)
{
	const struct pattern_part *last =
	    &component->parts.parts[component->parts.part_count - 1];
	size_t end_bytes = last->prefix.len_bytes;

	if (!is_plain(last) || end_bytes == 0)
		return true;
	return len_bytes >= end_bytes &&
	    memcmp(text + len_bytes - end_bytes,
		component->parts.text.data + last->prefix.at, end_bytes) == 0;
}

static bool
has_span(const struct pattern_component *component, struct pattern_span span,
    const char *text)
{
	return span.len_bytes == 0 ||
	    memcmp(text, component->parts.text.data + span.at,
		span.len_bytes) == 0;
}

/*
 * Of a component with one such part, if the text has the texts beside it:
 * whether what lies between them is what the part takes.
 */
static bool
only_matches(const struct pattern_component *component, const char *text,
    size_t len_bytes, uint64_t *cost)
{
	const struct pattern_part *only = component->only;
	const struct pattern_part *parts = component->parts.parts;
	size_t                     at, last_bytes, value_bytes;

	*cost += len_bytes / 16;
	at = only > parts ? parts->prefix.len_bytes : 0;
	last_bytes = only + 1 < parts + component->parts.part_count ?
	    only[1].prefix.len_bytes :
	    0;
	last_bytes += only->suffix.len_bytes;
	if (len_bytes < at + only->prefix.len_bytes + last_bytes ||
	    !has_span(component, only->prefix, text + at) ||
	    !has_span(component, only->suffix, text + len_bytes - last_bytes))
		return false;
	at += only->prefix.len_bytes;
	value_bytes = len_bytes - last_bytes - at;
	return only->type == PATTERN_PART_ANY ||
	    (value_bytes > 0 &&
		memchr(text + at, component->delimiter, value_bytes) == NULL);
}

bool
pattern_component_matches(const struct pattern_component *component,
    const char *text, size_t len_bytes, uint64_t *cost, uint64_t cost_max)
{
	size_t      literal_bytes;
	const char *literal;
	bool        is_whole;

	*cost += 1;
	if (component->is_any)
		return true;
	if (component->regex != NULL)
		return pattern_regex_matches(component->regex,
		    len_bytes > 0 ? text : "", len_bytes, cost, cost_max);
	literal = pattern_component_literal(component, &literal_bytes,
	    &is_whole);
	if (literal_bytes > len_bytes ||
	    (is_whole && len_bytes != literal_bytes) ||
	    (literal_bytes > 0 && memcmp(text, literal, literal_bytes) != 0))
		return false;
	if (is_whole)
		return true;
	if (!ends_well(component, text, len_bytes))
		return false;
	return component->only != NULL ?
	    only_matches(component, len_bytes > 0 ? text : "", len_bytes,
		cost) :
	    parts_match(component, text, len_bytes, cost, cost_max);
}
