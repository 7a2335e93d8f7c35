#ifndef AUTH_TOKEN_KEYS_H
#define AUTH_TOKEN_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/grant.h"
#include "auth/jws.h"
#include "auth/token_key_spec.h"
#include "auth/token_result.h"

struct buf;

/*
 * The keys that tokens are verified with. Each is bound to one dialect, to a
 * role or both, and in the new dialect to an issuer; several of the same kind
 * let keys rotate. A list does not change: to read the files again, make a new
 * one, empty the token cache and free the old one.
 */
struct token_keys;

/* More keys than this are an error. */
#define TOKEN_KEYS_MAX 64

/* A key as a 0.x hub has it in its environment. */
struct token_env_key {
	const char *key; /* a secret or PEM, as it stands; NULL or "": none */
	const char *alg; /* NULL or "": HS256 */
};

/* Where keys come from. */
struct token_key_sources {
	char *const *specs; /* as token_key_spec_init reads them */
	size_t       spec_count;

	/* MERCURE_PUBLISHER_JWT_KEY, MERCURE_SUBSCRIBER_JWT_KEY, and _ALG. */
	struct token_env_key publisher;
	struct token_env_key subscriber;

	/* Secrets that others could guess are let pass, with a warning. */
	bool may_be_weak;
};

/*
 * Reads all keys. Returns NULL with a line appended to problem, without LF,
 * that names the source, what is wrong and the cure. A key of a JWK Set that
 * cannot be used is skipped with a line in the log, if others can be used.
 * Without sources the list is empty, and OpenSSL is not loaded.
 */
struct token_keys *token_keys_new(const struct token_key_sources *,
    struct buf *problem);

/* NULL is allowed. */
void token_keys_free(struct token_keys *);

size_t token_keys_count(const struct token_keys *);

/* Whether there are keys for tokens of this dialect. */
bool token_keys_has_dialect(const struct token_keys *, enum token_dialect);

/* Whether there are keys for tokens of this role. */
bool token_keys_has_role(const struct token_keys *, enum token_role);

/* Whether a key that verified a token is in this list, with its bounds. */
bool token_keys_has_id(const struct token_keys *, uint64_t id);

/* What a token asks for. */
struct token_wanted {
	enum token_dialect dialect;
	enum token_role    role;
	const char        *issuer; /* NULL: it names none */
	enum jws_alg       alg;
	const char        *kid; /* the same */
};

/*
 * The keys that may have signed such a token, a bit for each. If there are
 * none, it says why: TOKEN_TYPE, TOKEN_ISSUER, TOKEN_KEY or TOKEN_ALGORITHM.
 * A key id narrows the choice; keys without an id may have any.
 */
enum token_result token_keys_select(const struct token_keys *,
    const struct token_wanted *, uint64_t *candidates);

/* About how long it takes to try all candidates. */
unsigned token_keys_cost_us(const struct token_keys *, uint64_t candidates,
    enum jws_alg);

/* Whether one of the candidates has signed it, and the id of that key. */
bool token_keys_verify(const struct token_keys *, uint64_t candidates,
    const struct jws *, uint64_t                          *key_id);

#endif
