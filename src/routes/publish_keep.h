#ifndef ROUTES_PUBLISH_KEEP_H
#define ROUTES_PUBLISH_KEEP_H

struct call;
struct publish_route;
struct update;

/*
 * Has the store keep the update, and answers the call when that is known: 200
 * with the id, or 503 with the reason. If the client leaves before, the update
 * is published all the same.
 *
 * once: as store_publish has it; a repeat is answered with the first id.
 */
void publish_keep(const struct publish_route *, struct call *,
    const struct update *, const char *once);

#endif
