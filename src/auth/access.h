#ifndef AUTH_ACCESS_H
#define AUTH_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/token_cache.h"
#include "hub/update.h"

struct url;

/*
 * Who may do what by a token: the keys, the tokens that were verified and what
 * they allow. There is one in a process.
 */
struct access;

/*
 * public_url is the hub's, as selector_base_parse reads it. Without keys until
 * access_set_keys.
 */
struct access *access_new(const char *public_url);

/* When no token is referenced any more. */
void access_free(struct access *);

/*
 * Takes over the keys and forgets all tokens; those that are held stay.
 * audience, which is copied, is what tokens of draft 08 have to name; NULL:
 * none is good.
 */
void access_set_keys(struct access *, struct token_keys *,
    const char *audience);

/* Whether there is any key, or one for tokens of this dialect or role. */
bool access_has_keys(const struct access *);
bool access_has_dialect(const struct access *, enum token_dialect);
bool access_has_role(const struct access *, enum token_role);

/* As token_cache_judge; give the token back with access_unref. */
enum token_result access_judge(struct access *, const struct token_request *,
    struct token **, int64_t *wait_ms);

/* NULL is allowed. */
void access_unref(struct access *, struct token *);

/* Whether the key that verified the token is still there. */
bool access_knows_key(const struct access *, const struct token *);

/* Whether the token, one of a publisher, allows to publish to the topic. */
bool access_may_publish(const struct access *, const struct token *,
    const char *topic);

/* Whether the token, one of a subscriber or NULL, allows the update. */
bool access_may_read(const struct access *, const struct token *,
    const struct update *);

/* Which updates the token, or NULL, allows at all. */
enum update_reach access_reach(const struct token *);

/*
 * Whether the token allows its holder to read what the hub itself serves at
 * this path, such as a list of subscriptions. The token is that of a
 * subscriber, or NULL.
 */
bool access_may_ask(const struct access *, const struct token *,
    const char *path);

/*
 * The payload, as JSON, that a subscriber's token has for a subscription to
 * this topic, or to the selector with this text; NULL: none. One that is costly
 * to find is not found; adds to *cost what it took (pure/selector.h).
 */
const char *access_payload(const struct access *, const struct token *,
    const char *topic, uint64_t *cost);

/*
 * Whether the topic is at the hub's path or below it. Unless is_strict, as it
 * is for tokens of draft 08, relative topics that are just at it are not
 * reserved, such as "#general", since draft 07 has no base for them.
 */
bool access_is_reserved(const struct access *, const char *topic,
    bool is_strict);

/* The hub's URL, as it was given and as it was parsed. */
const char       *access_public_url(const struct access *);
const struct url *access_base(const struct access *);

/* For the metrics. */
const struct token_cache_totals *access_totals(const struct access *);

#endif
