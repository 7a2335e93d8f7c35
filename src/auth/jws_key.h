#ifndef AUTH_JWS_KEY_H
#define AUTH_JWS_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/crypto.h"

/* The algorithms, which a table lists. "none" is not one of them. */
enum jws_alg {
#define JWS_ALG(name, text, scheme, hash, kinds, cost_us) JWS_ALG_##name,
#include "auth/jws_alg.def"
#undef JWS_ALG
	JWS_ALG_COUNT
};

/* A set of algorithms has a bit for each. */
#define JWS_ALG_BIT(alg) (1u << (alg))

/* Finds the algorithm of that name, which is case-sensitive. */
bool jws_alg_parse(const char *name, enum jws_alg *);

/*
 * A key and the algorithms that it verifies. What a key is decides which
 * primitive is used; a token's header can only name an algorithm of the key's
 * own, or none of them: a public key never becomes a secret.
 */
struct jws_key;

/*
 * Takes over the key. allowed are the algorithms that the configuration names,
 * or 0 for all that fit. kid, which is copied, is the key's id, or NULL.
 * Returns NULL if no allowed algorithm fits the key, which is freed then.
 */
struct jws_key *jws_key_new(struct crypto_key *, unsigned allowed,
    const char *kid);
void            jws_key_free(struct jws_key *);

/* NULL: the key has no id. */
const char *jws_key_kid(const struct jws_key *);

/* Whether the key is a secret, so that who can read it can sign. */
bool jws_key_is_secret(const struct jws_key *);

bool jws_key_has_alg(const struct jws_key *, enum jws_alg);

/* About how long one verification takes, which rises with an RSA key's bits. */
unsigned jws_key_cost_us(const struct jws_key *, enum jws_alg);

/* A number that only an equal key with equal algorithms has. */
uint64_t jws_key_print(const struct jws_key *);

/*
 * Whether the signature of the message is right; false as well if the
 * algorithm is not one of the key's.
 */
bool jws_key_verify(const struct jws_key *, enum jws_alg,
    struct crypto_bytes message, struct crypto_bytes signature);

#endif
