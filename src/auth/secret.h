#ifndef AUTH_SECRET_H
#define AUTH_SECRET_H

#include "auth/crypto.h"

/* A secret has at least this many bytes (RFC 7518 section 3.2). */
#define SECRET_BYTES_MIN 32

/*
 * Returns NULL, or a constant line that can follow a secret's name and says
 * why others could guess it: too short, or one that stands in documents.
 */
const char *secret_weakness(struct crypto_bytes secret);

#endif
