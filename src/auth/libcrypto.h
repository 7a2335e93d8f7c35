#ifndef AUTH_LIBCRYPTO_H
#define AUTH_LIBCRYPTO_H

/* A build without OpenSSL compiles nothing that includes this. */
#if __has_include(<openssl/evp.h>)

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

/*
 * The functions of OpenSSL's libcrypto that we call, each by its own name:
 * libcrypto.EVP_DigestVerify. They are NULL until libcrypto_load. The types
 * are those of OpenSSL's headers, so the compiler checks each call.
 */
struct libcrypto {
#define LIBCRYPTO(name) __typeof__(name) *(name);
#include "auth/libcrypto.def"
#undef LIBCRYPTO
};

extern struct libcrypto libcrypto;

#endif

/*
 * Loads the library of the headers that we are built with, unless that was
 * done. Returns NULL, or a line that says why it cannot be loaded.
 */
const char *libcrypto_load(void);

#endif
