#ifndef AUTH_JWK_H
#define AUTH_JWK_H

#include <jansson.h>

#include "auth/jws_key.h"

/*
 * Reads one JSON Web Key (RFC 7517, RFC 7518 section 6, RFC 8037): oct, RSA,
 * EC and OKP. Private members are ignored. allowed are the algorithms that the
 * configuration names, or 0; the key's own member alg narrows them. Returns a
 * key, to be freed, or NULL with *error, a constant line that can follow the
 * key's name: also when its members use, key_ops or alg say that it is not for
 * verifying tokens. may_be_weak lets weak secrets pass (auth/secret.h).
 */
struct jws_key *jwk_read(const json_t *jwk, unsigned allowed, bool may_be_weak,
    const char **error);

#endif
