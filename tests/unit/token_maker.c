/* Tokens, signed by OpenSSL. */

#include "token_maker.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/encoder.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define SIGNATURE_BYTES_MAX 1024

static const EVP_MD *
hash_of(const char *alg)
{
	if (strncmp(alg, "Ed", 2) == 0)
		return NULL;
	return strcmp(alg + 2, "256") == 0 ? EVP_sha256() :
	    strcmp(alg + 2, "384") == 0    ? EVP_sha384() :
					     EVP_sha512();
}

/* A key that says that it is for PSS. */
static EVP_PKEY *
make_pss_key(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
	EVP_PKEY     *pkey = NULL;

	assert(EVP_PKEY_keygen_init(ctx) == 1);
	assert(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) == 1);
	assert(EVP_PKEY_generate(ctx, &pkey) == 1);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static EVP_PKEY *
make_key(const char *alg)
{
	static EVP_PKEY *rsa;

	if (strncmp(alg, "Ed448", 5) == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
	if (strncmp(alg, "Ed", 2) == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (strncmp(alg, "ES", 2) == 0)
		return EVP_EC_gen(strcmp(alg, "ES256") == 0 ? "P-256" :
			strcmp(alg, "ES384") == 0           ? "P-384" :
							      "P-521");
	if (strcmp(alg, "PSS") == 0)
		return make_pss_key();
	if (rsa == NULL)
		rsa = EVP_RSA_gen(2048);
	EVP_PKEY_up_ref(rsa);
	return rsa;
}

void
signer_init(struct signer *signer, const char *alg)
{
	*signer = (struct signer){ .alg = alg };
	if (strncmp(alg, "HS", 2) == 0)
		signer->secret = "a secret of more than 32 bytes for tests";
	else
		signer->pkey = make_key(alg);
	if (strcmp(alg, "PSS") == 0)
		signer->alg = "PS256";
}

void
signer_deinit(struct signer *signer)
{
	EVP_PKEY_free(signer->pkey);
}

/* What was written, which is freed. */
static char *
take_text(BIO *bio)
{
	char *bytes, *text;
	long  len_bytes = BIO_get_mem_data(bio, &bytes);

	text = strndup(bytes, (size_t)len_bytes);
	BIO_free(bio);
	return text;
}

char *
signer_pem(const struct signer *signer)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert(PEM_write_bio_PUBKEY(bio, signer->pkey) == 1);
	return take_text(bio);
}

char *
signer_pkcs1(const struct signer *signer)
{
	BIO              *bio = BIO_new(BIO_s_mem());
	OSSL_ENCODER_CTX *ctx = OSSL_ENCODER_CTX_new_for_pkey(signer->pkey,
	    EVP_PKEY_PUBLIC_KEY, "PEM", "pkcs1", NULL);

	assert(OSSL_ENCODER_to_bio(ctx, bio) == 1);
	OSSL_ENCODER_CTX_free(ctx);
	return take_text(bio);
}

char *
signer_certificate(const struct signer *signer)
{
	BIO  *bio = BIO_new(BIO_s_mem());
	X509 *certificate = X509_new();

	X509_set_pubkey(certificate, signer->pkey);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	assert(X509_sign(certificate, signer->pkey, EVP_sha256()) > 0);
	assert(PEM_write_bio_X509(bio, certificate) == 1);
	X509_free(certificate);
	return take_text(bio);
}

char *
maker_encode(const void *bytes, size_t len_bytes)
{
	char *text = malloc(len_bytes / 3 * 4 + 5);
	char *c;

	EVP_EncodeBlock((unsigned char *)text, bytes, (int)len_bytes);
	text[strcspn(text, "=")] = '\0';
	for (c = text; *c != '\0'; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	return text;
}

/* r and s side by side, of the DER that OpenSSL makes. */
static size_t
to_raw(uint8_t *signature, size_t der_bytes, size_t half_bytes)
{
	const uint8_t *der = signature;
	ECDSA_SIG     *pair = d2i_ECDSA_SIG(NULL, &der, (long)der_bytes);

	BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, (int)half_bytes);
	BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + half_bytes,
	    (int)half_bytes);
	ECDSA_SIG_free(pair);
	return 2 * half_bytes;
}

static size_t
sign_public(const struct signer *signer, const char *text, uint8_t *signature)
{
	EVP_MD_CTX   *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx;
	size_t        len_bytes = SIGNATURE_BYTES_MAX;

	assert(EVP_DigestSignInit(md, &ctx, hash_of(signer->alg), NULL,
		   signer->pkey) == 1);
	if (signer->alg[0] == 'P') {
		EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST);
	}
	assert(EVP_DigestSign(md, signature, &len_bytes, (const uint8_t *)text,
		   strlen(text)) == 1);
	EVP_MD_CTX_free(md);
	if (signer->alg[0] == 'E' && signer->alg[1] == 'S')
		len_bytes = to_raw(signature, len_bytes,
		    ((size_t)EVP_PKEY_get_bits(signer->pkey) + 7) / 8);
	return len_bytes;
}

static char *
join(char *first, char *second)
{
	char *text = NULL;

	assert(asprintf(&text, "%s.%s", first, second) > 0);
	free(first);
	free(second);
	return text;
}

char *
maker_sign(const struct signer *signer, const char *header, const char *payload)
{
	char    *text = join(maker_encode(header, strlen(header)),
	       maker_encode(payload, strlen(payload)));
	uint8_t  signature[SIGNATURE_BYTES_MAX];
	size_t   len_bytes;
	unsigned mac_bytes = 0;

	if (signer->secret != NULL) {
		HMAC(hash_of(signer->alg), signer->secret,
		    (int)strlen(signer->secret), (const uint8_t *)text,
		    strlen(text), signature, &mac_bytes);
		len_bytes = mac_bytes;
	} else
		len_bytes = sign_public(signer, text, signature);
	return join(text, maker_encode(signature, len_bytes));
}

static char *
sign_typed(const struct signer *signer, const char *type, const char *payload)
{
	char header[128];

	snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"typ\":\"%s\"}",
	    signer->alg, type);
	return maker_sign(signer, header, payload);
}

char *
maker_token_07(const struct signer *signer, const char *payload)
{
	return sign_typed(signer, "JWT", payload);
}

char *
maker_token_08(const struct signer *signer, const char *payload)
{
	return sign_typed(signer, "at+jwt", payload);
}
