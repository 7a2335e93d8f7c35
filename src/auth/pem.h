#ifndef AUTH_PEM_H
#define AUTH_PEM_H

#include "auth/crypto.h"

struct evp_pkey_st;

/*
 * Reads PEM: one public key (SubjectPublicKeyInfo or PKCS #1) or one
 * certificate, of which only the key counts. Returns an EVP_PKEY, to be freed,
 * or NULL with *error, a constant line that can follow a name. A private key
 * is an error, since it does not belong on this machine.
 */
struct evp_pkey_st *pem_read(struct crypto_bytes, const char **error);

#endif
