#ifndef HUB_IDS_H
#define HUB_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct own_id;
struct update;
struct update_reader;

/*
 * The ids that publishers chose, and the positions of their updates. An id may
 * stand for several updates: then the oldest counts, rather an event twice than
 * one lost. Spaces around an id do not count, since a header field loses them.
 * Ids that we make are not here: they hold their position (pure/position.h).
 */
struct ids {
	void *tree; /* {0}: none */
};

/*
 * The update at this position, which went to these topics, has that id. The
 * names are not copied.
 */
struct own_id *ids_add(struct ids *, const char *text, uint64_t position,
    const char *const *topics, size_t topic_count, bool is_private);

/* Forgets one; NULL is allowed. */
void ids_remove(struct ids *, struct own_id *);

/* Its text, without the spaces. */
const char *ids_text(const struct own_id *);

/*
 * The position of the oldest update with that id of which went says that it
 * is meant, by its position and its topics; NULL: any is. False: there is none.
 * Those that the reader may not have are not there for it; NULL: one who may
 * have all.
 */
bool ids_find(const struct ids *, const char                         *id,
    bool (*went)(const void *arg, const struct update *), const void *arg,
    const struct update_reader *, uint64_t                           *position);

#endif
