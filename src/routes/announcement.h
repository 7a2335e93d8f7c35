#ifndef ROUTES_ANNOUNCEMENT_H
#define ROUTES_ANNOUNCEMENT_H

#include <stdbool.h>

#include "base/buf.h"
#include "pure/selector.h"

/* The shapes in which presence is announced, a bit for each dialect. */
#define ANNOUNCEMENT_07 1u
#define ANNOUNCEMENT_08 2u

struct json_t;

/* What is announced: somebody subscribes, or does so no more. */
struct announcement {
	const char        *hub_path; /* of the hub's URL */
	enum selector_kind kind;
	const char        *selector;
	const char        *subscriber; /* its id */
	const char        *payload;    /* of its token, JSON; or NULL */
	bool               is_active;
};

/* "urn:uuid:", the digits with four dashes, and a NUL. */
#define ANNOUNCEMENT_ID_BYTES 46

/* Makes an id for a subscriber, which no other one has. */
void announcement_make_id(char id[static ANNOUNCEMENT_ID_BYTES]);

/*
 * The shapes that can tell of such a selector: draft 07 has no word for URL
 * patterns, and draft 08 has none for templates.
 */
unsigned announcement_shapes(enum selector_kind, const char *selector);

/*
 * Appends, with a NUL, its topic in one of the shapes. Without a subscriber, or
 * without a selector as well, it is the path under which all that have such a
 * topic are listed.
 */
void announcement_append_topic(const struct announcement *, unsigned shape,
    struct buf *topic);

/*
 * What it says in one of the shapes, where id is its topic: a JSON object that
 * is the caller's. The texts are UTF-8.
 */
struct json_t *announcement_document(const struct announcement *,
    unsigned shape, const char *id);

/*
 * Appends, with a NUL, the topic of the update that announces it in one of the
 * shapes, and the event that it is. The texts are UTF-8.
 */
void announcement_append(const struct announcement *, unsigned shape,
    struct buf *topic, struct buf *event);

#endif
