/*
 * Replaces crypto.c where the build has no OpenSSL: no key can be made, and an
 * option that names one is refused with that reason.
 */
#include "config.h"

#include "auth/crypto.h"

#include <string.h>

#define MISSING                                                            \
	"tokens cannot be checked, since this fcgi-sse was built without " \
	"OpenSSL; build it with OpenSSL 3.0 or later (Debian: libssl-dev)"

const char *
crypto_load(void)
{
	return MISSING;
}

struct crypto_key *
crypto_key_new_secret(struct crypto_bytes secret)
{
	(void)secret;
	return NULL;
}

struct crypto_key *
crypto_key_new_rsa(struct crypto_bytes modulus, struct crypto_bytes exponent,
    const char **error)
{
	(void)modulus;
	(void)exponent;
	*error = MISSING;
	return NULL;
}

struct crypto_key *
crypto_key_new_ec(enum crypto_kind kind, struct crypto_bytes x,
    struct crypto_bytes y, const char **error)
{
	(void)kind;
	(void)x;
	(void)y;
	*error = MISSING;
	return NULL;
}

struct crypto_key *
crypto_key_new_ed(enum crypto_kind kind, struct crypto_bytes x,
    const char **error)
{
	(void)kind;
	(void)x;
	*error = MISSING;
	return NULL;
}

struct crypto_key *
crypto_key_new_pem(struct crypto_bytes pem, const char **error)
{
	(void)pem;
	*error = MISSING;
	return NULL;
}

void
crypto_key_free(struct crypto_key *key)
{
	(void)key;
}

enum crypto_kind
crypto_key_kind(const struct crypto_key *key)
{
	(void)key;
	return CRYPTO_SECRET;
}

unsigned
crypto_key_rsa_bits(const struct crypto_key *key)
{
	(void)key;
	return 0;
}

bool
crypto_key_verify(const struct crypto_key *key, enum crypto_scheme scheme,
    enum crypto_hash hash, struct crypto_bytes message,
    struct crypto_bytes signature)
{
	(void)key;
	(void)scheme;
	(void)hash;
	(void)message;
	(void)signature;
	return false;
}

void
crypto_key_digest(const struct crypto_key *key,
    uint8_t                                digest[static CRYPTO_SHA256_BYTES])
{
	(void)key;
	memset(digest, 0, CRYPTO_SHA256_BYTES);
}

void
crypto_sha256(struct crypto_bytes bytes,
    uint8_t                       digest[static CRYPTO_SHA256_BYTES])
{
	(void)bytes;
	memset(digest, 0, CRYPTO_SHA256_BYTES);
}
