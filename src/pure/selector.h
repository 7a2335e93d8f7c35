#ifndef PURE_SELECTOR_H
#define PURE_SELECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pure/url.h"

struct uri_template;
struct url_pattern;

/*
 * A topic selector of Mercure: which topics a subscription or a grant means.
 * "*" means all of them, whatever the kind.
 */

/* How a selector's text is to be read. */
enum selector_kind {
	SELECTOR_TOPIC,      /* draft 07: the topic itself, or a URI template */
	SELECTOR_EXACT,      /* draft 08: the topic itself */
	SELECTOR_URL_PATTERN /* draft 08 */
};

/* How it matches. */
enum selector_rule {
	SELECTOR_BY_ALL,
	SELECTOR_BY_TEXT,
	SELECTOR_BY_TEMPLATE, /* or by the text */
	SELECTOR_BY_PATTERN
};

struct selector {
	enum selector_kind kind;
	enum selector_rule rule;
	char              *text; /* as it came, and NUL-terminated */
	size_t             text_bytes;
	union {
		struct uri_template *template;
		struct url_pattern *pattern;
	} compiled; /* as the rule says */
};

#define SELECTOR_BYTES_MAX 4096

/*
 * What one match may cost at most, in characters looked at; past this it is no
 * match. A match that costs so much takes a few milliseconds.
 */
#define SELECTOR_COST_MAX 1000000

/*
 * Compiles a selector. base is the hub's URL, which is needed for patterns
 * only. NULL when it is not valid: too long, by draft 08 with a control or
 * format character or bytes that are not UTF-8, or no URL pattern; *why is then
 * a text that can follow the parameter's name.
 */
struct selector *selector_new(enum selector_kind, const char *text,
    size_t text_bytes, const struct url *base, const char **why);
void             selector_free(struct selector *);

/*
 * Reads the hub's URL; one without scheme and host gets names that no topic
 * has. Returns 0 or -1, as url_parse.
 */
int selector_base_parse(struct url *base, const char *text, size_t len_bytes);

/* A topic that is matched with many selectors: it is parsed once at most. */
struct selector_topic {
	const char       *text;
	size_t            text_bytes;
	const struct url *base;
	struct url        url;
	enum {
		SELECTOR_TOPIC_NEW,
		SELECTOR_TOPIC_URL,
		SELECTOR_TOPIC_NO_URL
	} state;
};

/* Text and base must live as long as it does. */
void selector_topic_init(struct selector_topic *, const char *text,
    size_t text_bytes, const struct url *base);
void selector_topic_deinit(struct selector_topic *);

/* The topic as a URL, relative to the hub's; NULL if it is none. */
const struct url *selector_topic_url(struct selector_topic *);

/*
 * Whether the topic matches. Adds to *cost what it took, SELECTOR_COST_MAX and
 * little more at most, so that it can be charged to who sent the selector.
 */
bool selector_matches(const struct selector *, struct selector_topic *,
    uint64_t *cost);

/*
 * Whether the two match the same topics because they differ in the names of
 * variables alone, or not at all. The topic that is a template's own text is
 * the exception: only topics with a brace can be that.
 */
bool selector_is_alike(const struct selector *, const struct selector *);

/*
 * Appends the bytes that every topic that matches begins with, or, of a URL
 * pattern, those that its key does (url_append_key).
 */
struct buf;
void selector_append_prefix(const struct selector *, struct buf *);

/*
 * Whether draft 08 keeps the topic for the hub: its URL, relative to the hub's,
 * is at the hub's path or below. A topic that is no URL is not reserved.
 */
bool selector_is_reserved(const char *topic, size_t topic_bytes,
    const struct url *hub);

#endif
