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

/* "presence:", 16 digits, ":", the subscriber's id, and a NUL. */
#define ANNOUNCEMENT_KEY_BYTES 80

/*
 * The key (store_publish) of the update that announces the end of what is
 * announced at the topic. A process that was taken for dead and those that take
 * it for that may all publish the end: the log keeps the first.
 */
void announcement_print_end_key(const struct announcement *, const char *topic,
    char key[static ANNOUNCEMENT_KEY_BYTES]);

/*
 * Appends, with a NUL, the topic of the update that announces it in one of the
 * shapes, and the event that it is. The texts are UTF-8.
 */
void announcement_append(const struct announcement *, unsigned shape,
    struct buf *topic, struct buf *event);

#endif
