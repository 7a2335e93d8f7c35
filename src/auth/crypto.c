#include "config.h"

#include "auth/crypto.h"

#include <stdlib.h>
#include <string.h>

#include "auth/libcrypto.h"
#include "auth/pem.h"
#include "base/mem.h"

#define EXPONENT_BITS_MAX 64
#define RSA_BITS_MAX 16384
#define EC_COORDINATE_BYTES_MAX 66

struct crypto_key {
	enum crypto_kind kind;
	EVP_PKEY        *pkey;   /* NULL in a secret */
	uint8_t         *secret; /* NULL in a public key */
	size_t           secret_bytes;
};

const char *
crypto_load(void)
{
	return libcrypto_load();
}

void
crypto_sha256(struct crypto_bytes bytes,
    uint8_t                       digest[static CRYPTO_SHA256_BYTES])
{
	if (libcrypto.EVP_Digest(bytes.data, bytes.len_bytes, digest, NULL,
		libcrypto.EVP_sha256(), NULL) != 1)
		mem_fail();
}

static struct crypto_key *
key_new(enum crypto_kind kind, EVP_PKEY *pkey)
{
	struct crypto_key *key = mem_zalloc(sizeof(*key));

	key->kind = kind;
	key->pkey = pkey;
	return key;
}

struct crypto_key *
crypto_key_new_secret(struct crypto_bytes secret)
{
	struct crypto_key *key = key_new(CRYPTO_SECRET, NULL);

	key->secret = mem_alloc(secret.len_bytes);
	memcpy(key->secret, secret.data, secret.len_bytes);
	key->secret_bytes = secret.len_bytes;
	return key;
}

void
crypto_key_free(struct crypto_key *key)
{
	if (key == NULL)
		return;
	if (key->pkey != NULL)
		libcrypto.EVP_PKEY_free(key->pkey);
	if (key->secret != NULL)
		explicit_bzero(key->secret, key->secret_bytes);
	free(key->secret);
	free(key);
}

enum crypto_kind
crypto_key_kind(const struct crypto_key *key)
{
	return key->kind;
}

unsigned
crypto_key_rsa_bits(const struct crypto_key *key)
{
	return key->kind == CRYPTO_RSA || key->kind == CRYPTO_RSA_PSS ?
	    (unsigned)libcrypto.EVP_PKEY_get_bits(key->pkey) :
	    0;
}

/* Whether the numbers of the key can be those of such a key. */
static bool
is_sound(EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *ctx = libcrypto.EVP_PKEY_CTX_new_from_pkey(NULL, pkey,
	    NULL);
	bool          is_good;

	is_good = ctx != NULL && libcrypto.EVP_PKEY_public_check(ctx) == 1;
	libcrypto.EVP_PKEY_CTX_free(ctx);
	return is_good;
}

static bool
kind_of_ec(const EVP_PKEY *pkey, enum crypto_kind *kind)
{
	static const struct {
		enum crypto_kind kind;
		const char      *name;
	} curves[] = {
		{ CRYPTO_P256, SN_X9_62_prime256v1 },
		{ CRYPTO_P384, SN_secp384r1 },
		{ CRYPTO_P521, SN_secp521r1 },
	};
	char name[32];

	if (libcrypto.EVP_PKEY_get_group_name(pkey, name, sizeof(name), NULL) !=
	    1)
		return false;
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		if (strcmp(name, curves[i].name) == 0) {
			*kind = curves[i].kind;
			return true;
		}
	}
	return false;
}

static bool
kind_of(const EVP_PKEY *pkey, enum crypto_kind *kind)
{
	switch (libcrypto.EVP_PKEY_get_base_id(pkey)) {
	case EVP_PKEY_RSA:
		*kind = CRYPTO_RSA;
		return true;
	case EVP_PKEY_RSA_PSS:
		*kind = CRYPTO_RSA_PSS;
		return true;
	case EVP_PKEY_EC:
		return kind_of_ec(pkey, kind);
	case EVP_PKEY_ED25519:
		*kind = CRYPTO_ED25519;
		return true;
	case EVP_PKEY_ED448:
		*kind = CRYPTO_ED448;
		return true;
	default:
		return false;
	}
}

/* A key of what OpenSSL has read, which it takes over; NULL: *error says. */
static struct crypto_key *
key_of(EVP_PKEY *pkey, const char **error)
{
	enum crypto_kind kind = CRYPTO_SECRET;
	bool             is_rsa, is_ed;

	*error = NULL;
	if (!kind_of(pkey, &kind))
		*error = "is of a kind that tokens are not signed with: RSA, "
			 "P-256, P-384, P-521, Ed25519 and Ed448 are known";
	is_rsa = kind == CRYPTO_RSA || kind == CRYPTO_RSA_PSS;
	is_ed = kind == CRYPTO_ED25519 || kind == CRYPTO_ED448;
	if (*error == NULL && is_rsa &&
	    libcrypto.EVP_PKEY_get_bits(pkey) < CRYPTO_RSA_BITS_MIN)
		*error = "is an RSA key of less than 2048 bits, which can be "
			 "broken; make a longer one";
	else if (*error == NULL && is_rsa &&
	    libcrypto.EVP_PKEY_get_bits(pkey) > RSA_BITS_MAX)
		*error = "is an RSA key of more than 16384 bits";
	else if (*error == NULL && !is_ed && !is_sound(pkey))
		*error = "is damaged: its numbers are not those of a key";
	if (*error == NULL)
		return key_new(kind, pkey);
	libcrypto.EVP_PKEY_free(pkey);
	libcrypto.ERR_clear_error();
	return NULL;
}

/* A key of that type from the numbers, which are freed. */
static struct crypto_key *
key_from_data(const char *type, OSSL_PARAM_BLD *numbers, const char **error)
{
	OSSL_PARAM   *params = libcrypto.OSSL_PARAM_BLD_to_param(numbers);
	EVP_PKEY_CTX *ctx = libcrypto.EVP_PKEY_CTX_new_from_name(NULL, type,
	    NULL);
	EVP_PKEY     *pkey = NULL;

	if (params == NULL || ctx == NULL ||
	    libcrypto.EVP_PKEY_fromdata_init(ctx) != 1 ||
	    libcrypto.EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY,
		params) != 1)
		pkey = NULL;
	libcrypto.EVP_PKEY_CTX_free(ctx);
	libcrypto.OSSL_PARAM_free(params);
	libcrypto.OSSL_PARAM_BLD_free(numbers);
	if (pkey != NULL)
		return key_of(pkey, error);
	libcrypto.ERR_clear_error();
	*error = "is damaged: its numbers are not those of a key";
	return NULL;
}

struct crypto_key *
crypto_key_new_rsa(struct crypto_bytes modulus, struct crypto_bytes exponent,
    const char **error)
{
	OSSL_PARAM_BLD    *numbers;
	BIGNUM            *n, *e;
	struct crypto_key *key = NULL;

	*error = "is damaged: its numbers are not those of an RSA key";
	if (modulus.len_bytes > RSA_BITS_MAX / 8 ||
	    exponent.len_bytes > EXPONENT_BITS_MAX / 8)
		return NULL;
	n = libcrypto.BN_bin2bn(modulus.data, (int)modulus.len_bytes, NULL);
	e = libcrypto.BN_bin2bn(exponent.data, (int)exponent.len_bytes, NULL);
	numbers = libcrypto.OSSL_PARAM_BLD_new();
	if (n == NULL || e == NULL || numbers == NULL ||
	    libcrypto.OSSL_PARAM_BLD_push_BN(numbers, OSSL_PKEY_PARAM_RSA_N,
		n) != 1 ||
	    libcrypto.OSSL_PARAM_BLD_push_BN(numbers, OSSL_PKEY_PARAM_RSA_E,
		e) != 1)
		mem_fail();
	/* An exponent of 1 would make every signature right. */
	if (libcrypto.BN_num_bits(n) > 1 && libcrypto.BN_num_bits(e) > 1)
		key = key_from_data("RSA", numbers, error);
	else
		libcrypto.OSSL_PARAM_BLD_free(numbers);
	libcrypto.BN_free(n);
	libcrypto.BN_free(e);
	return key;
}

/* Bytes of a coordinate on the curve, and of r and s; 0: it is no curve. */
static size_t
coordinate_bytes(enum crypto_kind kind)
{
	switch (kind) {
	case CRYPTO_P256:
		return 32;
	case CRYPTO_P384:
		return 48;
	case CRYPTO_P521:
		return EC_COORDINATE_BYTES_MAX;
	default:
		return 0;
	}
}

struct crypto_key *
crypto_key_new_ec(enum crypto_kind kind, struct crypto_bytes x,
    struct crypto_bytes y, const char **error)
{
	const char     *group = kind == CRYPTO_P256 ? SN_X9_62_prime256v1 :
		kind == CRYPTO_P384                 ? SN_secp384r1 :
						      SN_secp521r1;
	size_t          len = coordinate_bytes(kind);
	uint8_t         point[1 + 2 * EC_COORDINATE_BYTES_MAX];
	OSSL_PARAM_BLD *numbers;

	if (len == 0 || x.len_bytes != len || y.len_bytes != len) {
		*error = "has coordinates whose length is not its curve's";
		return NULL;
	}
	point[0] = POINT_CONVERSION_UNCOMPRESSED;
	memcpy(point + 1, x.data, len);
	memcpy(point + 1 + len, y.data, len);
	numbers = libcrypto.OSSL_PARAM_BLD_new();
	if (numbers == NULL ||
	    libcrypto.OSSL_PARAM_BLD_push_utf8_string(numbers,
		OSSL_PKEY_PARAM_GROUP_NAME, group, 0) != 1 ||
	    libcrypto.OSSL_PARAM_BLD_push_octet_string(numbers,
		OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * len) != 1)
		mem_fail();
	return key_from_data("EC", numbers, error);
}

struct crypto_key *
crypto_key_new_ed(enum crypto_kind kind, struct crypto_bytes x,
    const char **error)
{
	int type = kind == CRYPTO_ED25519 ? EVP_PKEY_ED25519 : EVP_PKEY_ED448;
	EVP_PKEY *pkey = libcrypto.EVP_PKEY_new_raw_public_key(type, NULL,
	    x.data, x.len_bytes);

	if (pkey != NULL)
		return key_of(pkey, error);
	libcrypto.ERR_clear_error();
	*error = "has a public key whose length is not its curve's";
	return NULL;
}

struct crypto_key *
crypto_key_new_pem(struct crypto_bytes text, const char **error)
{
	EVP_PKEY *pkey = pem_read(text, error);

	return pkey == NULL ? NULL : key_of(pkey, error);
}

static const EVP_MD *
digest_of(enum crypto_hash hash)
{
	switch (hash) {
	case CRYPTO_SHA256:
		return libcrypto.EVP_sha256();
	case CRYPTO_SHA384:
		return libcrypto.EVP_sha384();
	case CRYPTO_SHA512:
		return libcrypto.EVP_sha512();
	case CRYPTO_HASH_OWN:
		break;
	}
	return NULL;
}

static bool
verify_secret(const struct crypto_key *key, enum crypto_hash hash,
    struct crypto_bytes message, struct crypto_bytes signature)
{
	uint8_t  mac[EVP_MAX_MD_SIZE];
	unsigned mac_bytes = 0;

	return libcrypto.HMAC(digest_of(hash), key->secret,
		   (int)key->secret_bytes, message.data, message.len_bytes, mac,
		   &mac_bytes) != NULL &&
	    signature.len_bytes == mac_bytes &&
	    libcrypto.CRYPTO_memcmp(mac, signature.data, mac_bytes) == 0;
}

/* By EVP; the hash of EdDSA is NULL. */
static bool
verify_public(EVP_PKEY *pkey, enum crypto_scheme scheme, enum crypto_hash hash,
    struct crypto_bytes message, struct crypto_bytes signature)
{
	EVP_MD_CTX   *md = libcrypto.EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = NULL;
	bool          is_right;

	if (md == NULL)
		mem_fail();
	is_right = libcrypto.EVP_DigestVerifyInit(md, &ctx, digest_of(hash),
		       NULL, pkey) == 1;
	if (is_right && scheme == CRYPTO_PSS)
		is_right = libcrypto.EVP_PKEY_CTX_set_rsa_padding(ctx,
			       RSA_PKCS1_PSS_PADDING) == 1 &&
		    libcrypto.EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx,
			RSA_PSS_SALTLEN_DIGEST) == 1;
	is_right = is_right &&
	    libcrypto.EVP_DigestVerify(md, signature.data, signature.len_bytes,
		message.data, message.len_bytes) == 1;
	libcrypto.EVP_MD_CTX_free(md);
	/* A wrong signature leaves lines in OpenSSL's queue of errors. */
	if (!is_right)
		libcrypto.ERR_clear_error();
	return is_right;
}

/* EVP wants DER where JWS has r and s side by side (RFC 7518 section 3.4). */
static bool
verify_ec(const struct crypto_key *key, enum crypto_hash hash,
    struct crypto_bytes message, struct crypto_bytes signature)
{
	size_t     len = coordinate_bytes(key->kind);
	ECDSA_SIG *pair;
	BIGNUM    *r, *s;
	uint8_t   *der = NULL;
	int        der_bytes;
	bool       is_right;

	if (signature.len_bytes != 2 * len)
		return false;
	pair = libcrypto.ECDSA_SIG_new();
	r = libcrypto.BN_bin2bn(signature.data, (int)len, NULL);
	s = libcrypto.BN_bin2bn(signature.data + len, (int)len, NULL);
	if (pair == NULL || r == NULL || s == NULL ||
	    libcrypto.ECDSA_SIG_set0(pair, r, s) != 1)
		mem_fail();
	der_bytes = libcrypto.i2d_ECDSA_SIG(pair, &der);
	is_right = der_bytes > 0 &&
	    verify_public(key->pkey, CRYPTO_ECDSA, hash, message,
		(struct crypto_bytes){ der, (size_t)der_bytes });
	libcrypto.CRYPTO_free(der, __FILE__, __LINE__);
	libcrypto.ECDSA_SIG_free(pair);
	return is_right;
}

bool
crypto_key_verify(const struct crypto_key *key, enum crypto_scheme scheme,
    enum crypto_hash hash, struct crypto_bytes message,
    struct crypto_bytes signature)
{
	bool has_hash = hash != CRYPTO_HASH_OWN;

	switch (key->kind) {
	case CRYPTO_SECRET:
		return scheme == CRYPTO_HMAC && has_hash &&
		    verify_secret(key, hash, message, signature);
	case CRYPTO_RSA:
		return (scheme == CRYPTO_PKCS1 || scheme == CRYPTO_PSS) &&
		    has_hash &&
		    verify_public(key->pkey, scheme, hash, message, signature);
	case CRYPTO_RSA_PSS:
		return scheme == CRYPTO_PSS && has_hash &&
		    verify_public(key->pkey, scheme, hash, message, signature);
	case CRYPTO_P256:
	case CRYPTO_P384:
	case CRYPTO_P521:
		return scheme == CRYPTO_ECDSA && has_hash &&
		    verify_ec(key, hash, message, signature);
	case CRYPTO_ED25519:
	case CRYPTO_ED448:
		return scheme == CRYPTO_EDDSA && !has_hash &&
		    verify_public(key->pkey, scheme, hash, message, signature);
	}
	return false;
}

void
crypto_key_digest(const struct crypto_key *key,
    uint8_t                                digest[static CRYPTO_SHA256_BYTES])
{
	uint8_t *der = NULL;
	int      der_bytes;

	if (key->kind == CRYPTO_SECRET) {
		crypto_sha256((struct crypto_bytes){ key->secret,
				  key->secret_bytes },
		    digest);
		return;
	}
	der_bytes = libcrypto.i2d_PUBKEY(key->pkey, &der);
	if (der_bytes <= 0)
		mem_fail();
	crypto_sha256((struct crypto_bytes){ der, (size_t)der_bytes }, digest);
	libcrypto.CRYPTO_free(der, __FILE__, __LINE__);
}
