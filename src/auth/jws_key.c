#include "config.h"

#include "auth/jws_key.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define JWS_KIND(kind) (1u << CRYPTO_##kind)

struct jws_key {
	struct crypto_key *key;
	unsigned           algs; /* all fit the key's kind */
	char              *kid;
};

static const struct {
	const char        *name;
	enum crypto_scheme scheme;
	enum crypto_hash   hash;
	unsigned           kinds;
	unsigned           cost_us;
} rows[] = {
#define JWS_ALG(name, text, scheme, hash, kinds, cost_us) \
	{ text, CRYPTO_##scheme, CRYPTO_##hash, kinds, cost_us },
#include "auth/jws_alg.def"
#undef JWS_ALG
};

bool
jws_alg_parse(const char *name, enum jws_alg *alg)
{
	for (size_t i = 0; i < JWS_ALG_COUNT; i++) {
		if (strcmp(rows[i].name, name) == 0) {
			*alg = (enum jws_alg)i;
			return true;
		}
	}
	return false;
}

/* The algorithms that fit a kind of key: all are of one family. */
static unsigned
algs_of_kind(enum crypto_kind kind)
{
	unsigned algs = 0;

	for (size_t i = 0; i < JWS_ALG_COUNT; i++) {
		if ((rows[i].kinds & 1u << kind) != 0)
			algs |= JWS_ALG_BIT(i);
	}
	return algs;
}

struct jws_key *
jws_key_new(struct crypto_key *crypto_key, unsigned allowed, const char *kid)
{
	unsigned        algs = algs_of_kind(crypto_key_kind(crypto_key));
	struct jws_key *key;

	if (allowed != 0)
		algs &= allowed;
	if (algs == 0) {
		crypto_key_free(crypto_key);
		return NULL;
	}
	key = mem_zalloc(sizeof(*key));
	key->key = crypto_key;
	key->algs = algs;
	key->kid = kid == NULL ? NULL : mem_strdup(kid);
	return key;
}

void
jws_key_free(struct jws_key *key)
{
	if (key == NULL)
		return;
	crypto_key_free(key->key);
	free(key->kid);
	free(key);
}

const char *
jws_key_kid(const struct jws_key *key)
{
	return key->kid;
}

bool
jws_key_is_secret(const struct jws_key *key)
{
	return crypto_key_kind(key->key) == CRYPTO_SECRET;
}

bool
jws_key_has_alg(const struct jws_key *key, enum jws_alg alg)
{
	return (key->algs & JWS_ALG_BIT(alg)) != 0;
}

unsigned
jws_key_cost_us(const struct jws_key *key, enum jws_alg alg)
{
	unsigned bits = crypto_key_rsa_bits(key->key);

	if (bits <= CRYPTO_RSA_BITS_MIN)
		return rows[alg].cost_us;
	return rows[alg].cost_us * (bits / 256) * (bits / 256) /
	    (CRYPTO_RSA_BITS_MIN / 256) / (CRYPTO_RSA_BITS_MIN / 256);
}

uint64_t
jws_key_print(const struct jws_key *key)
{
	uint8_t  digest[CRYPTO_SHA256_BYTES];
	uint64_t print = 0;

	crypto_key_digest(key->key, digest);
	for (size_t i = 0; i < sizeof(print); i++)
		print = print << 8 | digest[i];
	return print ^ key->algs;
}

bool
jws_key_verify(const struct jws_key *key, enum jws_alg alg,
    struct crypto_bytes message, struct crypto_bytes signature)
{
	return jws_key_has_alg(key, alg) &&
	    crypto_key_verify(key->key, rows[alg].scheme, rows[alg].hash,
		message, signature);
}
