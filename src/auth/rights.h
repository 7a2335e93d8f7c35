#ifndef AUTH_RIGHTS_H
#define AUTH_RIGHTS_H

#include <stdbool.h>

#include "auth/grant.h"

struct update;
struct url;

/*
 * What a grant allows. Its selectors are compiled when they are first asked
 * for. What is found out is kept with the grant, for all that hold it: the
 * last update, since a delivery asks for the same one for each stream, and
 * some topics.
 *
 * base is the hub's URL, and the same for as long as the grant is held.
 */

/* Whether one of the grant's selectors matches the topic. */
bool rights_allow(struct grant *, const struct url *base, const char *topic);

/*
 * Whether a holder of the grant may have the update; everybody may have one
 * that is not private. A grant of NULL allows nothing.
 */
bool rights_allow_update(struct grant *, const struct url *base,
    const struct update *);

/*
 * Whether one of the selectors matches the topic. What they are compiled to is
 * kept in *kept, which is NULL at first, and the caller's for rights_free. To
 * match may cost so much as *left says (pure/selector.h), which becomes less;
 * *cost becomes more, by what it took to compile them too.
 */
bool rights_match(struct rights **kept, const struct grant_selector *,
    size_t selector_count, const struct url *base, const char *topic,
    uint64_t *left, uint64_t *cost);

/* Whether a selector of that text is valid. */
bool rights_is_valid(enum grant_match, const char *text,
    const struct url *base);

/* For grant.c; NULL is allowed. */
void rights_free(struct rights *);

#endif
