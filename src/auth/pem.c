#include "config.h"

#include "auth/pem.h"

#include <string.h>

#include "auth/libcrypto.h"
#include "base/mem.h"

/* What the PEM text begins with tells what is in it. */
#define PEM_BEGIN "-----BEGIN "

static EVP_PKEY *
read_certificate(struct crypto_bytes pem)
{
	BIO      *bio = libcrypto.BIO_new_mem_buf(pem.data, (int)pem.len_bytes);
	X509     *certificate;
	EVP_PKEY *pkey;

	if (bio == NULL)
		mem_fail();
	certificate = libcrypto.PEM_read_bio_X509(bio, NULL, NULL, NULL);
	pkey = certificate == NULL ? NULL :
				     libcrypto.X509_get_pubkey(certificate);
	libcrypto.X509_free(certificate);
	libcrypto.BIO_free(bio);
	return pkey;
}

static EVP_PKEY *
read_public_key(struct crypto_bytes pem)
{
	EVP_PKEY         *pkey = NULL;
	OSSL_DECODER_CTX *ctx = libcrypto.OSSL_DECODER_CTX_new_for_pkey(&pkey,
	    "PEM", NULL, NULL, EVP_PKEY_PUBLIC_KEY, NULL, NULL);

	if (ctx == NULL)
		mem_fail();
	if (libcrypto.OSSL_DECODER_from_data(ctx, &pem.data, &pem.len_bytes) !=
	    1)
		pkey = NULL;
	libcrypto.OSSL_DECODER_CTX_free(ctx);
	return pkey;
}

/* The first place of the text in the bytes, or NULL. */
static const uint8_t *
find(struct crypto_bytes bytes, const char *text)
{
	return memmem(bytes.data, bytes.len_bytes, text, strlen(text));
}

EVP_PKEY *
pem_read(struct crypto_bytes pem, const char **error)
{
	const uint8_t      *begin = find(pem, PEM_BEGIN);
	struct crypto_bytes rest;
	EVP_PKEY           *pkey;

	*error = "is no public key or certificate in PEM";
	if (begin == NULL)
		return NULL;
	if (find(pem, "PRIVATE KEY-----") != NULL) {
		*error = "is a private key, which is not needed here; give "
			 "the public one (openssl pkey -pubout)";
		return NULL;
	}
	rest.data = begin + 1;
	rest.len_bytes = pem.len_bytes - (size_t)(rest.data - pem.data);
	if (find(rest, PEM_BEGIN) != NULL) {
		*error = "holds more than one key; give each a file of its "
			 "own";
		return NULL;
	}
	pkey = find(pem, PEM_BEGIN "CERTIFICATE-----") != NULL ?
	    read_certificate(pem) :
	    read_public_key(pem);
	if (pkey == NULL)
		libcrypto.ERR_clear_error();
	return pkey;
}
