#ifndef AUTH_JWS_H
#define AUTH_JWS_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "auth/jws_key.h"
#include "auth/token_result.h"

/* A longer token is refused unread; web servers let no longer field pass. */
#define JWS_BYTES_MAX 8192

/*
 * A JWS in the compact form (RFC 7515 section 7.1), taken apart but not yet
 * verified. Its claims must not be used before jws_is_signed_by has verified
 * it.
 */
struct jws {
	enum jws_alg        alg;
	const char         *kid;     /* in the header; NULL: none */
	const char         *typ;     /* the same */
	json_t             *header;  /* an object */
	json_t             *payload; /* an object */
	struct crypto_bytes message; /* what is signed: a part of the text */
	struct crypto_bytes signature;
	uint8_t            *signature_data;
};

/*
 * Takes the text apart, which has to stay while the struct is in use. Returns
 * TOKEN_OK, and then jws_deinit is due; else TOKEN_MALFORMED, or
 * TOKEN_ALGORITHM for an algorithm that we do not know, such as "none".
 * Critical headers (`crit`) are refused; a key that the token brings along
 * (jwk, jku, x5u, x5c) is ignored.
 */
enum token_result jws_init(struct jws *, const char *text, size_t len_bytes);
void              jws_deinit(struct jws *);

/* Whether the key has the token's algorithm and its signature is right. */
bool jws_is_signed_by(const struct jws *, const struct jws_key *);

#endif
