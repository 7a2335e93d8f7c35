#ifndef PURE_TEMPLATE_PIECE_H
#define PURE_TEMPLATE_PIECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Classes of a topic's bytes. */
#define TEMPLATE_CLASS_UNRESERVED 1u /* and the comma */
#define TEMPLATE_CLASS_RESERVED 2u
#define TEMPLATE_CLASS_EQUALS 4u

/*
 * A literal of a URI template, or an expression: groups of characters, the
 * first behind `first` if there is one, the others behind `separator`.
 */
struct template_piece {
	const char   *literal; /* NULL for an expression */
	size_t        len_bytes;
	char          first; /* 0: none */
	char          separator;
	unsigned char first_class, later_class;
	uint32_t      later_max; /* groups after the first */
};

struct template_pieces {
	char                  *text; /* what the literals lie in */
	struct template_piece *pieces;
	size_t                 count;
	bool has_groups; /* some piece counts its later ones */
};

/*
 * Reads a template (RFC 6570, section 2). Returns 0, or -1 when it has no
 * expression or is malformed: then there are none. template_pieces_deinit is
 * due in the first case and allowed in the second.
 */
int  template_pieces_init(struct template_pieces *, const char *text,
     size_t len_bytes);
void template_pieces_deinit(struct template_pieces *);

/* Whether they are the same but for the names of variables. */
bool template_pieces_are_alike(const struct template_pieces *,
    const struct template_pieces *);

#endif
