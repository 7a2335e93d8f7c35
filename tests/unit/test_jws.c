/* Signatures: the standards' vectors, our own by OpenSSL, and all that is not
 * to be believed. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/jwk.h"
#include "auth/jws.h"
#include "auth/token_json.h"
#include "pure/base64url.h"
#include "token_maker.h"
#include "vectors.h"

#include <openssl/rsa.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const algs[] = { "HS256", "HS384", "HS512", "RS256", "RS384",
	"RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
	"Ed25519", "Ed448" };

static struct crypto_bytes
bytes_of(const char *text)
{
	return (struct crypto_bytes){ (const uint8_t *)text, strlen(text) };
}

static struct jws_key *
key_of_jwk(const char *text, unsigned allowed)
{
	json_t         *jwk = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const char     *error;
	struct jws_key *key = jwk_read(jwk, allowed, true, &error);

	json_decref(jwk);
	return key;
}

/* The key that verifies what the signer signs, by its one algorithm. */
static struct jws_key *
key_of_signer(const struct signer *signer)
{
	enum jws_alg       alg;
	const char        *error;
	struct crypto_key *key;
	char              *pem;

	assert_true(jws_alg_parse(signer->alg, &alg));
	if (signer->secret != NULL)
		return jws_key_new(
		    crypto_key_new_secret(bytes_of(signer->secret)),
		    JWS_ALG_BIT(alg), NULL);
	pem = signer_pem(signer);
	key = crypto_key_new_pem(bytes_of(pem), &error);
	free(pem);
	assert_non_null(key);
	return jws_key_new(key, JWS_ALG_BIT(alg), NULL);
}

/* Takes a vector's text apart, whose payload need not be JSON. */
static bool
vector_verifies(const struct vector *vector, enum jws_alg alg,
    const struct jws_key *key)
{
	const char         *dot = strrchr(vector->text, '.');
	uint8_t             signature[1024];
	struct crypto_bytes message = { (const uint8_t *)vector->text,
		(size_t)(dot - vector->text) };
	size_t              len_bytes;

	assert_true(base64url_decode(dot + 1, strlen(dot + 1), signature,
	    &len_bytes));
	return jws_key_verify(key, alg, message,
	    (struct crypto_bytes){ signature, len_bytes });
}

static void
test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < vector_count; i++) {
		struct jws_key *key = key_of_jwk(vectors[i].jwk, 0);

		print_message("%s\n", vectors[i].name);
		assert_non_null(key);
		/* Right by its own algorithm, and by no other. */
		for (enum jws_alg alg = 0; alg < JWS_ALG_COUNT; alg++) {
			bool is_own = alg == vectors[i].alg ||
			    (vectors[i].alg == JWS_ALG_EDDSA &&
				alg == JWS_ALG_ED25519);

			assert_int_equal(vector_verifies(&vectors[i], alg, key),
			    is_own);
		}
		jws_key_free(key);
	}
}

static bool
verifies(const char *text, const struct jws_key *key)
{
	struct jws jws;
	bool       is_right;

	if (jws_init(&jws, text, strlen(text)) != TOKEN_OK)
		return false;
	is_right = jws_is_signed_by(&jws, key);
	jws_deinit(&jws);
	return is_right;
}

static void
test_each_algorithm(void **state)
{
	struct signer   signers[COUNT(algs)];
	struct jws_key *keys[COUNT(algs)];

	(void)state;
	for (size_t i = 0; i < COUNT(algs); i++) {
		signer_init(&signers[i], algs[i]);
		keys[i] = key_of_signer(&signers[i]);
		assert_non_null(keys[i]);
	}
	for (size_t i = 0; i < COUNT(algs); i++) {
		char *text = maker_token_07(&signers[i], "{\"a\":1}");

		for (size_t j = 0; j < COUNT(algs); j++)
			assert_int_equal(verifies(text, keys[j]), i == j);
		free(text);
	}
	for (size_t i = 0; i < COUNT(algs); i++) {
		jws_key_free(keys[i]);
		signer_deinit(&signers[i]);
	}
}

/* Whatever bit of the text is turned, it is not believed. */
static void
test_each_bit_counts(void **state)
{
	static const char *const some[] = { "HS256", "RS256", "PS256", "ES256",
		"EdDSA" };

	(void)state;
	for (size_t i = 0; i < COUNT(some); i++) {
		struct signer   signer;
		struct jws_key *key;
		char           *text;
		size_t          len_bytes;

		signer_init(&signer, some[i]);
		key = key_of_signer(&signer);
		text = maker_token_07(&signer, "{\"exp\":1}");
		len_bytes = strlen(text);
		assert_true(verifies(text, key));
		for (size_t bit = 0; bit < len_bytes * 8; bit++) {
			text[bit / 8] ^= (char)(1 << bit % 8);
			assert_false(verifies(text, key));
			text[bit / 8] ^= (char)(1 << bit % 8);
		}
		/* Nor is anything before or behind it. */
		for (size_t len = 0; len < len_bytes; len++) {
			struct jws jws;

			if (jws_init(&jws, text, len) != TOKEN_OK)
				continue;
			assert_false(jws_is_signed_by(&jws, key));
			jws_deinit(&jws);
		}
		free(text);
		jws_key_free(key);
		signer_deinit(&signer);
	}
}

/* The oldest trick: a secret that is the text of the public key. */
static void
test_public_key_is_no_secret(void **state)
{
	struct signer   rsa, forger = { .alg = "HS256" };
	struct jws_key *key;
	char           *pem, *text;

	(void)state;
	signer_init(&rsa, "RS256");
	key = key_of_signer(&rsa);
	pem = signer_pem(&rsa);
	forger.secret = pem;
	text = maker_token_07(&forger, "{}");
	assert_false(verifies(text, key));
	free(text);
	/* Not even where a configuration allows HS256 beside RS256. */
	assert_null(jws_key_new(crypto_key_new_secret(bytes_of(pem)),
	    JWS_ALG_BIT(JWS_ALG_RS256), NULL));
	free(pem);
	jws_key_free(key);
	signer_deinit(&rsa);
}

static void
assert_init(const char *text, enum token_result expected)
{
	struct jws jws;

	assert_int_equal(jws_init(&jws, text, strlen(text)), expected);
	if (expected == TOKEN_OK)
		jws_deinit(&jws);
}

static void
assert_header(const char *header, enum token_result expected)
{
	struct signer signer;
	char         *text;

	signer_init(&signer, "HS256");
	text = maker_sign(&signer, header, "{}");
	assert_init(text, expected);
	free(text);
	signer_deinit(&signer);
}

static void
test_headers(void **state)
{
	(void)state;
	assert_header("{\"alg\":\"HS256\"}", TOKEN_OK);
	assert_header("{\"alg\":\"none\"}", TOKEN_ALGORITHM);
	assert_header("{\"alg\":\"None\"}", TOKEN_ALGORITHM);
	assert_header("{\"alg\":\"hs256\"}", TOKEN_ALGORITHM);
	assert_header("{\"alg\":\"\"}", TOKEN_ALGORITHM);
	assert_header("{\"alg\":\"ES256K\"}", TOKEN_ALGORITHM);
	assert_header("{\"alg\":[\"HS256\"]}", TOKEN_MALFORMED);
	assert_header("{\"alg\":null}", TOKEN_MALFORMED);
	assert_header("{\"typ\":\"JWT\"}", TOKEN_MALFORMED);
	assert_header("{\"alg\":\"HS256\",\"alg\":\"HS256\"}", TOKEN_MALFORMED);
	assert_header("{\"alg\":\"none\",\"\\u0061lg\":\"HS256\"}",
	    TOKEN_MALFORMED);
	assert_header("{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"exp\":1}",
	    TOKEN_MALFORMED);
	assert_header("{\"alg\":\"HS256\",\"crit\":[]}", TOKEN_MALFORMED);
	assert_header("{\"alg\":\"HS256\",\"kid\":1}", TOKEN_MALFORMED);
	assert_header("{\"alg\":\"HS256\",\"typ\":{}}", TOKEN_MALFORMED);
	assert_header("{\"alg\":\"HS256\"} ", TOKEN_OK);
	assert_header("{\"alg\":\"HS256\"}x", TOKEN_MALFORMED);
	assert_header("[\"HS256\"]", TOKEN_MALFORMED);
	assert_header("\"HS256\"", TOKEN_MALFORMED);
	assert_header("{\"alg\":\"HS256\",\"x\":\"\\u0000\"}", TOKEN_MALFORMED);
	assert_header("{\"alg\":\"HS256\",\"x\":\"\xff\"}", TOKEN_MALFORMED);
	assert_header("{\"alg\":\"HS256\",\"x\":1e999}", TOKEN_MALFORMED);
}

/* A key in the header is not looked at. */
static void
test_key_of_its_own(void **state)
{
	static const char *const members[] = {
		"\"jwk\":{\"kty\":\"oct\",\"k\":\"Zm9v\"}",
		"\"jku\":\"https://evil.example/jwks\"",
		"\"x5u\":\"https://evil.example/x\"",
		"\"x5c\":[\"MIIB\"]",
	};
	struct signer   signer, forger = { "HS256", "foo", NULL };
	struct jws_key *key;

	(void)state;
	signer_init(&signer, "HS256");
	key = key_of_signer(&signer);
	for (size_t i = 0; i < COUNT(members); i++) {
		char  header[256];
		char *text;

		snprintf(header, sizeof(header), "{\"alg\":\"HS256\",%s}",
		    members[i]);
		text = maker_sign(&forger, header, "{}");
		assert_false(verifies(text, key));
		free(text);
		text = maker_sign(&signer, header, "{}");
		assert_true(verifies(text, key));
		free(text);
	}
	jws_key_free(key);
}

static void
test_forms(void **state)
{
	char          deep[4096], *text, long_text[JWS_BYTES_MAX + 2];
	struct signer signer;

	(void)state;
	assert_init("", TOKEN_MALFORMED);
	assert_init(".", TOKEN_MALFORMED);
	assert_init("..", TOKEN_MALFORMED);
	assert_init("e30.e30", TOKEN_MALFORMED);
	assert_init("e30.e30.", TOKEN_MALFORMED);
	assert_init("eyJhbGciOiJIUzI1NiJ9.e30.", TOKEN_OK);
	assert_init("eyJhbGciOiJIUzI1NiJ9..AAAA", TOKEN_MALFORMED);
	assert_init("eyJhbGciOiJIUzI1NiJ9.e30.AAAA", TOKEN_OK);
	assert_init("eyJhbGciOiJIUzI1NiJ9.e30.AAAA.", TOKEN_MALFORMED);
	assert_init("eyJhbGciOiJIUzI1NiJ9.e30.AAAA.AAAA.AAAA", TOKEN_MALFORMED);
	assert_init("eyJhbGciOiJIUzI1NiJ9.e30=.AAAA", TOKEN_MALFORMED);
	assert_init("eyJhbGciOiJIUzI1NiJ9.e30.AAA=", TOKEN_MALFORMED);
	assert_init("eyJhbGciOiJIUzI1NiJ9.e30.AAAB ", TOKEN_MALFORMED);
	assert_init("eyJhbGciOiJIUzI1NiJ9.e30.AB", TOKEN_MALFORMED);
	assert_init("eyJhbGciOiJIUzI1NiJ9.W10.AAAA", TOKEN_MALFORMED);
	assert_init("{\"protected\":\"e30\"}", TOKEN_MALFORMED);
	signer_init(&signer, "HS256");
	snprintf(deep, sizeof(deep), "{\"a\":%.*s%.*s}", 31,
	    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 31,
	    "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
	text = maker_token_07(&signer, deep);
	assert_init(text, TOKEN_OK);
	free(text);
	snprintf(deep, sizeof(deep), "{\"a\":%.*s%.*s}", 32,
	    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 32,
	    "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
	text = maker_token_07(&signer, deep);
	assert_init(text, TOKEN_MALFORMED);
	free(text);
	/* Brackets in strings are not depth. */
	text = maker_token_07(&signer,
	    "{\"a\":\"[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[[[[[[[[[[[[\"}");
	assert_init(text, TOKEN_OK);
	free(text);
	memset(long_text, 'A', sizeof(long_text));
	memcpy(long_text, "eyJhbGciOiJIUzI1NiJ9.e30.", 25);
	long_text[JWS_BYTES_MAX] = '\0';
	assert_int_equal((JWS_BYTES_MAX - 25) % 4, 3);
	assert_init(long_text, TOKEN_OK);
	long_text[JWS_BYTES_MAX] = 'A';
	long_text[JWS_BYTES_MAX + 1] = '\0';
	assert_init(long_text, TOKEN_MALFORMED);
}

/* r and s of another length, or as DER, are no signature. */
static void
test_length_of_an_ec_signature(void **state)
{
	struct signer   signer;
	struct jws_key *key;
	uint8_t         zeros[160] = { 0 };

	(void)state;
	signer_init(&signer, "ES256");
	key = key_of_signer(&signer);
	for (size_t len = 0; len <= sizeof(zeros); len++)
		assert_false(jws_key_verify(key, JWS_ALG_ES256,
		    bytes_of("message"), (struct crypto_bytes){ zeros, len }));
	jws_key_free(key);
	signer_deinit(&signer);
}

/* A longer RSA key costs more; the others cost what the table says. */
static void
test_costs(void **state)
{
	static const struct {
		const char *alg;
		int         bits;
		unsigned    cost_us;
	} cases[] = {
		{ "RS256", 2048, 35 },
		{ "RS256", 3072, 78 },
		{ "PS256", 4096, 160 },
		{ "HS256", 0, 2 },
		{ "ES384", 0, 1120 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct signer   signer;
		struct jws_key *key;
		enum jws_alg    alg;

		signer_init(&signer, cases[i].alg);
		if (cases[i].bits > 0) {
			EVP_PKEY_free(signer.pkey);
			signer.pkey = EVP_RSA_gen((unsigned)cases[i].bits);
		}
		key = key_of_signer(&signer);
		assert_true(jws_alg_parse(cases[i].alg, &alg));
		assert_int_equal(jws_key_cost_us(key, alg), cases[i].cost_us);
		jws_key_free(key);
		signer_deinit(&signer);
	}
}

static int
load(void **state)
{
	(void)state;
	return crypto_load() == NULL ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_each_algorithm),
		cmocka_unit_test(test_each_bit_counts),
		cmocka_unit_test(test_public_key_is_no_secret),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_key_of_its_own),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_length_of_an_ec_signature),
		cmocka_unit_test(test_costs),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
