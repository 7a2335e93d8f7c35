#ifndef PURE_URI_TEMPLATE_H
#define PURE_URI_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * URI templates (RFC 6570) as hubs of Mercure 0.x match topics with them: all
 * of an expression may be absent, and the names of variables and the lengths
 * of prefixes do not count.
 *
 * Matching takes the set of positions in the topic that one piece of the
 * template can end at to those that the next one can; nothing is tried twice,
 * so the cost is at most the pieces' count times the topic's length.
 */
struct uri_template;

/*
 * Compiles the text. NULL when it is no template: without an expression, or
 * malformed; then it is a plain string.
 */
struct uri_template *uri_template_new(const char *text, size_t len_bytes);
void                 uri_template_free(struct uri_template *);

/*
 * Whether the two match the same topics because they differ in the names of
 * their variables alone.
 */
bool uri_template_is_alike(const struct uri_template *,
    const struct uri_template *);

/* How many bytes at the start of the text every match begins with. */
size_t uri_template_literal_bytes(const struct uri_template *);

/*
 * Whether the whole topic matches. Adds what it took to *cost, in positions
 * looked at, and does not match once *cost has reached cost_max.
 */
bool uri_template_matches(const struct uri_template *, const char *topic,
    size_t len_bytes, uint64_t *cost, uint64_t cost_max);

#endif
