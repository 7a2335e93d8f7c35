#ifndef ROUTES_SELECTION_H
#define ROUTES_SELECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "hub/cursor.h"
#include "presence/presence.h"
#include "pure/selector.h"

struct call;
struct hub;
struct update_reader;

/* What a subscriber names; the texts are the call's. */
struct selection {
	struct presence_selector items[CURSOR_TOPICS_MAX];
	size_t                   count;
};

/*
 * Reads the selectors of both dialects: `topic` of draft 07, and `match`,
 * `match_exact` and `match_urlpattern` of draft 08, each as often as wanted,
 * and at least one of all; or the path's topic, exactly. False: one is wrong,
 * and the call was answered.
 */
bool selection_read(struct selection *, struct call *);

/* What became of selection_follow. */
enum selection_result {
	SELECTION_OK,
	SELECTION_INVALID, /* the call was answered */
	SELECTION_TOO_MANY /* the client has too many topics */
};

/*
 * The topics and patterns that the selection means, each once. There is room
 * for as many as it has.
 */
enum selection_result selection_follow(const struct selection *, struct hub *,
    struct call *, const struct update_reader *, struct topic **topics,
    size_t *topic_count);

/*
 * The names by which the store finds what goes to these topics. Returns how
 * many; 0: it is not told by names alone.
 */
size_t selection_names(const struct hub *, struct topic *const *topics,
    size_t topic_count, const char **names);

#endif
