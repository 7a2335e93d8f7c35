#ifndef PURE_PATTERN_PART_H
#define PURE_PATTERN_PART_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "pure/pattern_encode.h"

/*
 * The parts of one component of a pattern: URL Pattern standard, section 2.1.3
 * to 2.1.5. A part is text, or what matches something between a prefix and a
 * suffix; its modifier says how often all of that may come.
 */
enum pattern_part_type {
	PATTERN_PART_TEXT,    /* the prefix alone */
	PATTERN_PART_REGEX,   /* the value is a regular expression */
	PATTERN_PART_SEGMENT, /* one character or more up to the delimiter */
	PATTERN_PART_ANY
};

/* Bytes of the text of the parts. */
struct pattern_span {
	size_t at;
	size_t len_bytes;
};

struct pattern_part {
	enum pattern_part_type type;
	char                   modifier; /* '?', '*', '+', or 0: once */
	struct pattern_span    prefix, value, suffix;
};

struct pattern_parts {
	struct pattern_part *parts;
	size_t               part_count;
	struct buf           text; /* what the spans lie in */
};

/* How a component's pattern is read. */
struct pattern_syntax {
	pattern_encode_fn *encode;
	char               delimiter; /* of segments; 0: none */
	char               prefix;    /* goes with what follows it; 0: none */
};

/*
 * Reads a component's pattern, valid UTF-8. Returns 0, or -1 when it is
 * malformed: then the parts are empty. pattern_parts_deinit is due in the
 * first case and allowed in the second.
 */
int  pattern_parts_init(struct pattern_parts *, const char *pattern,
     size_t len_bytes, const struct pattern_syntax *);
void pattern_parts_deinit(struct pattern_parts *);

/* Whether they are the same; names of groups do not count. */
bool pattern_parts_are_alike(const struct pattern_parts *,
    const struct pattern_parts *);

#endif
