#ifndef PRESENCE_ANNOUNCEMENT_H
#define PRESENCE_ANNOUNCEMENT_H

#include <stdbool.h>

#include "base/buf.h"
#include "pure/selector.h"

/* The shapes in which presence is announced, a bit for each dialect. */
#define ANNOUNCEMENT_07 1u
#define ANNOUNCEMENT_08 2u

struct json_t;

/* What is announced: a subscriber has come, or has left. */
struct announcement {
	const char        *hub_path; /* of the hub's URL */
	enum selector_kind kind;
	const char        *selector;
	const char        *subscriber; /* its id */
	const char        *payload;    /* of its token, JSON; or NULL */
	bool               is_active;
};

/*
 * The shapes that can announce such a selector: draft 07 has no way to name URL
 * patterns, and draft 08 has none to name templates.
 */
unsigned announcement_shapes(enum selector_kind, const char *selector);

/*
 * Appends, with a NUL, the announcement's topic in one of the shapes. If its
 * subscriber is NULL, or its selector as well, this is the path of the list of
 * all announcements whose topics begin so.
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
