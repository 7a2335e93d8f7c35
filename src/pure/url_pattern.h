#ifndef PURE_URL_PATTERN_H
#define PURE_URL_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pure/pattern_component.h"
#include "pure/url.h"

/*
 * URL patterns: urlpattern.spec.whatwg.org, as `new URLPattern(text, base)`
 * compiles them and test() matches with them; case always counts. A topic
 * matches if each of its eight parts matches its component.
 */
struct url_pattern {
	struct pattern_component components[URL_PART_COUNT];

	/* Those that do not match whatever there is, the path first. */
	size_t        tested_count;
	unsigned char tested[URL_PART_COUNT];
};

/*
 * Compiles the text, which is valid UTF-8; what it leaves out in front comes
 * from the base. Returns 0, or -1 when it is malformed: then nothing is there
 * to be freed. Malformed for us are also names beside a character that is not
 * ASCII, hosts that are not ASCII, and regular expressions without PCRE2 or
 * beyond what JavaScript's and PCRE2's have in common.
 */
int  url_pattern_init(struct url_pattern *, const char *text, size_t len_bytes,
     const struct url *base);
void url_pattern_deinit(struct url_pattern *);

/*
 * Whether the two match the same URLs because they differ in the names of their
 * groups alone.
 */
bool url_pattern_is_alike(const struct url_pattern *,
    const struct url_pattern *);

/*
 * Whether the URL matches. Adds what it took to *cost, and does not match once
 * *cost has reached cost_max; pattern_component.h says what it can be.
 */
bool url_pattern_matches(const struct url_pattern *, const struct url *,
    uint64_t *cost, uint64_t cost_max);

/*
 * Appends what the key of every URL that matches begins with. The key holds
 * scheme, host, port and path, in this order.
 */
void url_pattern_append_prefix(const struct url_pattern *, struct buf *);
void url_append_key(const struct url *, struct buf *);

#endif
