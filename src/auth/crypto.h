#ifndef AUTH_CRYPTO_H
#define AUTH_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What tokens need of OpenSSL. Its library is loaded when the first key is
 * configured, not with the program: a process without keys does without its
 * relocations, some 400 KB of private memory.
 */

/* What a key is, which decides what it can verify. */
enum crypto_kind {
	CRYPTO_SECRET,
	CRYPTO_RSA,
	CRYPTO_RSA_PSS, /* an RSA key that says it is for PSS only */
	CRYPTO_P256,
	CRYPTO_P384,
	CRYPTO_P521,
	CRYPTO_ED25519,
	CRYPTO_ED448
};

enum crypto_scheme {
	CRYPTO_HMAC,
	CRYPTO_PKCS1, /* RSASSA-PKCS1-v1_5 */
	CRYPTO_PSS,   /* RSASSA-PSS, the salt as long as the hash */
	CRYPTO_ECDSA, /* the signature is r and s, each as long as the order */
	CRYPTO_EDDSA
};

enum crypto_hash {
	CRYPTO_SHA256,
	CRYPTO_SHA384,
	CRYPTO_SHA512,
	CRYPTO_HASH_OWN /* that of EdDSA */
};

#define CRYPTO_SHA256_BYTES 32

/* RSA keys are not shorter. */
#define CRYPTO_RSA_BITS_MIN 2048

/* Bytes, which the call only reads. */
struct crypto_bytes {
	const uint8_t *data;
	size_t         len_bytes;
};

/*
 * Loads the library, unless that was done. Returns NULL, or a line that says
 * why there is none. All else below needs it.
 */
const char *crypto_load(void);

/* A secret, or a public key. */
struct crypto_key;

/*
 * Each returns a key, to be freed, or NULL with *error, a constant line that
 * can follow a name. Bytes are copied. Numbers are big-endian.
 */
struct crypto_key *crypto_key_new_secret(struct crypto_bytes);
struct crypto_key *crypto_key_new_rsa(struct crypto_bytes modulus,
    struct crypto_bytes exponent, const char **error);
struct crypto_key *crypto_key_new_ec(enum crypto_kind, struct crypto_bytes x,
    struct crypto_bytes y, const char **error);
struct crypto_key *crypto_key_new_ed(enum crypto_kind, struct crypto_bytes x,
    const char **error);

/*
 * PEM: one public key (SubjectPublicKeyInfo or PKCS #1) or one certificate,
 * of which only the key counts. A private key is an error.
 */
struct crypto_key *crypto_key_new_pem(struct crypto_bytes, const char **error);
void               crypto_key_free(struct crypto_key *);

enum crypto_kind crypto_key_kind(const struct crypto_key *);

/* How long an RSA key is; 0 of the others. */
unsigned crypto_key_rsa_bits(const struct crypto_key *);

/*
 * Verifies with the key's own primitive. A scheme or hash that does not fit
 * the key's kind verifies nothing: the result is false.
 */
bool crypto_key_verify(const struct crypto_key *, enum crypto_scheme,
    enum crypto_hash, struct crypto_bytes message,
    struct crypto_bytes signature);

/* The SHA-256 of what the key consists of. */
void crypto_key_digest(const struct crypto_key *,
    uint8_t digest[static CRYPTO_SHA256_BYTES]);

void crypto_sha256(struct crypto_bytes,
    uint8_t digest[static CRYPTO_SHA256_BYTES]);

#endif
