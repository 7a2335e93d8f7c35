#ifndef AUTH_TOKEN_CACHE_H
#define AUTH_TOKEN_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "auth/token.h"

/*
 * Tokens that were verified, so that the same one is not verified twice, and
 * those whose signature was wrong. Both are found by their SHA-256 and the
 * role. An address that sends too many wrong signatures that are costly to
 * check has to wait; a token that is known to be good is always accepted.
 */
struct token_cache;

struct token_cache_limits {
	size_t token_count_max;
	size_t bytes_max;        /* of all good tokens, about */
	size_t failed_count_max; /* of those with a wrong signature */
};

struct token_cache *token_cache_new(const struct token_cache_limits *,
    struct grants *);

/* Frees the cache, and gives back the tokens that it holds. */
void token_cache_free(struct token_cache *);

/* Forgets all tokens: due when the rules or their keys change. */
void token_cache_clear(struct token_cache *);

/* Who asks, and when. */
struct token_request {
	const char     *text; /* NULL: no token */
	size_t          len_bytes;
	enum token_role role;
	const char     *address; /* of the client; NULL: unknown */
	int64_t         wall_ms; /* since the epoch, for exp and nbf */
	int64_t         now_ms;  /* on the monotonic clock */
};

/*
 * Judges a token by the rules, whose grants are those of the cache. The token's
 * time is looked at whether it is known or not. On TOKEN_OK *token is held for
 * the caller, who gives it back with token_unref. On TOKEN_LATER it was not
 * judged: *wait_ms, which is 0 otherwise, says when to ask again.
 */
enum token_result token_cache_judge(struct token_cache *,
    const struct token_rules *, const struct token_request *, struct token **,
    int64_t *wait_ms);

/* For the metrics, since the start. */
struct token_cache_totals {
	size_t   token_count; /* as of now */
	size_t   bytes;       /* the same */
	uint64_t hit_count;
	uint64_t verify_count; /* signatures that were checked */
	uint64_t later_count;
};

const struct token_cache_totals *token_cache_totals(const struct token_cache *);

#endif
