#ifndef TOKEN_MAKER_H
#define TOKEN_MAKER_H

#include <stddef.h>

#include <openssl/evp.h>

/* Makes keys and signs tokens by OpenSSL itself, for the tests of tokens. */

/* What texts are signed with: a secret, or a private key. */
struct signer {
	const char *alg; /* as in a header */
	const char *secret;
	EVP_PKEY   *pkey;
};

/*
 * A key for the algorithm: RSA keys of 2048 bits, and the secret "a secret of
 * more than 32 bytes for tests". RSA keys are made once and shared. With the
 * name "PSS", an RSA key that is for PS256 only.
 */
void signer_init(struct signer *, const char *alg);
void signer_deinit(struct signer *);

/* Its public key in PEM, to be freed. */
char *signer_pem(const struct signer *);

/* The same as PKCS #1, of an RSA key. */
char *signer_pkcs1(const struct signer *);

/* A certificate for it, signed by itself, to be freed. */
char *signer_certificate(const struct signer *);

/* base64url of the bytes, to be freed. */
char *maker_encode(const void *bytes, size_t len_bytes);

/* The two parts and their signature, to be freed. */
char *maker_sign(const struct signer *, const char *header,
    const char *payload);

/* The same with the usual header: {"alg":ALG,"typ":"JWT"}. */
char *maker_token_07(const struct signer *, const char *payload);

/* With {"alg":ALG,"typ":"at+jwt"}. */
char *maker_token_08(const struct signer *, const char *payload);

#endif
