/* Keys as operators name them: what is taken, and what is refused and how. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "token_fixture.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define RSA_N                                                                  \
	"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw" \
	"-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b3269" \
	"0r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS" \
	"-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aG" \
	"hyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp" \
	"oQ"
#define EC_XY                                                    \
	"\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"," \
	"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""

static struct token_fixture fixture;

static int
setup(void **state)
{
	(void)state;
	fixture_init(&fixture);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fixture_deinit(&fixture);
	return 0;
}

/* The problem that a spec has contains the words. */
static void
assert_problem(const char *spec, const char *words)
{
	char *problem = fixture_fail_key(&fixture, spec);

	if (strstr(problem, words) == NULL)
		fail_msg("%s: %s", spec, problem);
	free(problem);
}

/* The same for a file with this text. */
static void
assert_file_problem(const char *members, const char *text, unsigned mode,
    const char *words)
{
	char *path = fixture_write(&fixture, text, mode);
	char  spec[256];

	snprintf(spec, sizeof(spec), "%s%s", members, path);
	assert_problem(spec, words);
	/* It names the file. */
	assert_problem(spec, path);
	free(path);
}

static void
test_specs(void **state)
{
	static const struct {
		const char *spec, *words;
	} cases[] = {
		{ "", "add dialect=07 (Mercure 0.x) or dialect=08" },
		{ "file=/x", "dialect of the tokens is missing" },
		{ "dialect=7,file=/x", "dialect= takes 07" },
		{ "dialect=07", "add file=PATH or jwks=PATH" },
		{ "dialect=07,dialect=07,file=/x", "dialect= takes" },
		{ "dialect=07,role=admin,file=/x", "role= takes publisher" },
		{ "dialect=07,alg=none,file=/x", "alg= takes names" },
		{ "dialect=07,alg=HS256+,file=/x", "alg= takes names" },
		{ "dialect=07,alg=hs256,file=/x", "alg= takes names" },
		{ "dialect=07,alg=,file=/x", "alg= takes names" },
		{ "dialect=07,colour=red,file=/x", "\"colour=red\" is no" },
		{ "dialect=07,role,file=/x", "\"role\" is no member" },
		{ "dialect=07, role=both,file=/x", "\" role=both\" is no" },
		{ "dialect=07,file=", "file= takes" },
		{ "dialect=07,issuer=x,file=/x", "issuer= is for dialect=08" },
		{ "dialect=08,alg=RS256,file=/x", "add issuer=" },
		{ "dialect=08,issuer=,file=/x", "issuer= takes" },
		{ "dialect=07,kid=a,jwks=/x", "kid= is for file=" },
		{ "dialect=07,file=/nonexistent,with=comma",
		    "/nonexistent,with=comma: No such file" },
		{ "dialect=07,file=/tmp", "/tmp: is not a file" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_problem(cases[i].spec, cases[i].words);
}

static void
test_files(void **state)
{
	struct signer rsa, ec;
	char         *pem, *two;

	(void)state;
	signer_init(&rsa, "RS256");
	signer_init(&ec, "ES256");
#define HS "dialect=07,alg=HS256,file="
	assert_file_problem(HS, SECRET, 0604, "make its mode 0600 or 0640");
	assert_file_problem(HS, SECRET, 0620, "others may write it");
	assert_file_problem(HS, "", 0600, "is empty");
	assert_file_problem("dialect=07,file=", SECRET, 0600, "add alg=HS256");
	assert_file_problem("dialect=07,alg=RS256,file=", SECRET, 0600,
	    "is no public key in PEM");
	assert_file_problem(HS, "0123456789abcdef0123456789abcde\n", 0600,
	    "--allow-weak-keys");
	assert_file_problem(HS, "!ChangeThisMercureHubJWTSecretKey!\n", 0600,
	    "--allow-weak-keys");
	assert_file_problem(HS, "!changethismercurehubjwtsecretkey!", 0600,
	    "stands in documents");
	assert_file_problem(HS, "{\"kty\":\"oct\"}", 0600, "name it by jwks=");
	pem = signer_pem(&rsa);
	assert_file_problem(HS, pem, 0644, "does not fit its algorithm");
	assert_file_problem("dialect=07,file=", pem, 0644, "add alg=RS256");
	assert_file_problem("dialect=07,alg=ES256,file=", pem, 0644,
	    "does not fit");
	assert_true(asprintf(&two, "%s%s", pem, pem) > 0);
	assert_file_problem("dialect=07,alg=RS256,file=", two, 0644,
	    "more than one key");
	free(two);
	pem[strlen(pem) / 2] = '!';
	assert_file_problem("dialect=07,alg=RS256,file=", pem, 0644,
	    "is no public key");
	free(pem);
	assert_file_problem("dialect=07,alg=RS256,file=",
	    "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
	    0600, "openssl pkey -pubout");
	signer_deinit(&rsa);
	signer_deinit(&ec);
}

/* A key in this form verifies what its signer signs. The text is freed. */
static void
assert_form(const struct signer *signer, const char *alg, char *text)
{
	char        spec[256], *path;
	const char *specs[] = { spec };

	path = fixture_write(&fixture, text, 0644);
	snprintf(spec, sizeof(spec), "dialect=07%s%s,file=%s",
	    alg == NULL ? "" : ",alg=", alg == NULL ? "" : alg, path);
	fixture_set_keys(&fixture, specs, 1);
	assert_int_equal(fixture_judge(&fixture, maker_token_07(signer, "{}"),
			     TOKEN_ROLE_PUBLISHER),
	    TOKEN_OK);
	free(path);
	free(text);
}

static void
test_forms_of_pem(void **state)
{
	struct signer rsa, ec, ed, pss;
	char         *text;

	(void)state;
	signer_init(&rsa, "RS256");
	signer_init(&ec, "ES384");
	signer_init(&ed, "EdDSA");
	signer_init(&pss, "PSS");
	assert_form(&rsa, "RS256", signer_pem(&rsa));
	assert_form(&rsa, "PS256+RS256", signer_pem(&rsa));
	assert_form(&rsa, "RS256", signer_pkcs1(&rsa));
	assert_form(&rsa, "RS256", signer_certificate(&rsa));
	/* These say which algorithm they are for. */
	assert_form(&ec, NULL, signer_pem(&ec));
	assert_form(&ec, NULL, signer_certificate(&ec));
	assert_form(&ed, NULL, signer_pem(&ed));
	assert_form(&pss, NULL, signer_pem(&pss));
	text = signer_pem(&pss);
	assert_file_problem("dialect=07,alg=RS256,file=", text, 0644,
	    "does not fit");
	free(text);
	signer_deinit(&rsa);
	signer_deinit(&ec);
	signer_deinit(&ed);
	signer_deinit(&pss);
}

/* Whether one key of this JWK Set is taken; how it is refused otherwise. */
static void
assert_jwk(const char *jwk, const char *words)
{
	char        text[1024], spec[256], *path;
	const char *specs[] = { spec };

	snprintf(text, sizeof(text), "{\"keys\":[%s]}", jwk);
	path = fixture_write(&fixture, text, 0600);
	snprintf(spec, sizeof(spec), "dialect=07,jwks=%s", path);
	if (words == NULL) {
		fixture_set_keys(&fixture, specs, 1);
		assert_int_equal(token_keys_count(fixture.keys), 1);
	} else {
		assert_problem(spec, words);
		assert_problem(spec, path);
	}
	free(path);
}

static void
test_jwks(void **state)
{
#define OCT \
	"{\"kty\":\"oct\",\"k\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\""
#define RSA "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" RSA_N "\""
#define EC "{\"kty\":\"EC\",\"crv\":\"P-256\"," EC_XY
#define OKP "{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
	(void)state;
	assert_jwk(OCT "}", NULL);
	assert_jwk(OCT ",\"use\":\"sig\",\"alg\":\"HS256\"}", NULL);
	assert_jwk(OCT ",\"use\":\"enc\"}", "not for verifying");
	assert_jwk(OCT ",\"use\":1}", "not for verifying");
	assert_jwk(OCT ",\"key_ops\":[\"sign\",\"verify\"]}", NULL);
	assert_jwk(OCT ",\"key_ops\":[\"sign\"]}", "not for verifying");
	assert_jwk(OCT ",\"alg\":\"RS256\"}", "does not fit its algorithm");
	assert_jwk(OCT ",\"alg\":\"A128KW\"}", "another algorithm");
	assert_jwk(OCT ",\"alg\":\"none\"}", "another algorithm");
	assert_jwk(OCT ",\"kid\":1}", "id (kid)");
	assert_jwk("{\"kty\":\"oct\",\"k\":\"c2hvcnQ\"}", "--allow-weak-keys");
	assert_jwk("{\"kty\":\"oct\",\"k\":\"AB\"}", "member k in base64url");
	assert_jwk("{\"kty\":\"oct\"}", "member k");
	assert_jwk("{\"kty\":\"AKP\"}", "kty");
	assert_jwk("{}", "kty");
	assert_jwk("1", "no JSON object");
	assert_jwk(RSA "}", NULL);
	/* Private members are of no interest. */
	assert_jwk(RSA ",\"d\":\"AQ\",\"p\":1}", NULL);
	assert_jwk("{\"kty\":\"RSA\",\"e\":\"AQ\",\"n\":\"" RSA_N "\"}",
	    "is damaged");
	assert_jwk("{\"kty\":\"RSA\",\"e\":\"AA\",\"n\":\"" RSA_N "\"}",
	    "is damaged");
	assert_jwk("{\"kty\":\"RSA\",\"e\":\"Ag\",\"n\":\"" RSA_N "\"}",
	    "is damaged");
	assert_jwk(
	    "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"sXchDaQebHnPiGvyDOAT"
	    "4saGEUetSyo9MKLOoWFsueri23bOdgWp4Dy1WlUzewbgBHod5pcM9H95"
	    "GQRV3JDX\"}",
	    "less than 2048 bits");
	assert_jwk("{\"kty\":\"RSA\",\"n\":\"" RSA_N "\"}", "n and e");
	assert_jwk(EC "}", NULL);
	assert_jwk(EC ",\"alg\":\"ES256\"}", NULL);
	assert_jwk(EC ",\"alg\":\"ES384\"}", "does not fit");
	assert_jwk("{\"kty\":\"EC\",\"crv\":\"P-384\"," EC_XY "}",
	    "coordinates whose length");
	assert_jwk("{\"kty\":\"EC\",\"crv\":\"secp256k1\"," EC_XY "}", "curve");
	assert_jwk("{\"kty\":\"OKP\",\"crv\":\"P-256\"," EC_XY "}", "curve");
	assert_jwk("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub"
		   "9tLe1gHMzV76e8Tus9uPHvRVEU\"}",
	    "coordinate");
	/* A point beside the curve. */
	assert_jwk("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub"
		   "9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659"
		   "LNpXW6pCyStikYjKIWI5a4\"}",
	    "is damaged");
	assert_jwk(OKP "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
	    NULL);
	assert_jwk(OKP "\"x\":\"11qYAYKxCrfVS_7T\"}",
	    "public key whose length");
	assert_jwk("{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AA\"}",
	    "curve");
}

static void
test_sets(void **state)
{
	char       *path;
	char        spec[256];
	const char *specs[] = { spec };

	(void)state;
#define SET "dialect=07,jwks="
	assert_file_problem(SET, "{\"keys\":[]}", 0600, "it has no keys");
	assert_file_problem(SET, "{}", 0600, "it has no keys");
	assert_file_problem(SET, "[]", 0600, "no JWK Set");
	assert_file_problem(SET, "{\"keys\":[" OCT "}]}", 0644,
	    "holds a secret (oct)");
	assert_file_problem(SET, "{\"keys\":[],\"keys\":[]}", 0600,
	    "no JWK Set");
	assert_file_problem("dialect=07,alg=RS256,jwks=",
	    "{\"keys\":[" EC ",\"alg\":\"ES256\"}]}", 0644,
	    "another algorithm");
	/* What is not known is skipped, and a single key is a set. */
	path = fixture_write(&fixture,
	    "{\"keys\":[{\"kty\":\"new\"}," EC "},{\"kty\":\"RSA\",\"use\":"
	    "\"enc\"}," RSA "}]}",
	    0644);
	snprintf(spec, sizeof(spec), SET "%s", path);
	fixture_set_keys(&fixture, specs, 1);
	assert_int_equal(token_keys_count(fixture.keys), 2);
	free(path);
	path = fixture_write(&fixture, EC "}", 0644);
	snprintf(spec, sizeof(spec), SET "%s", path);
	fixture_set_keys(&fixture, specs, 1);
	assert_int_equal(token_keys_count(fixture.keys), 1);
	free(path);
}

/* Problems with the environment's keys; NULL: it has none. */
static void
assert_env(const char *key, const char *alg, const char *words)
{
	struct token_key_sources sources = { NULL, 0, { key, alg }, { 0 },
		false };
	struct buf               problem = { 0 };
	struct token_keys       *keys = token_keys_new(&sources, &problem);

	buf_append(&problem, "", 1);
	if (words == NULL)
		assert_non_null(keys);
	else {
		assert_null(keys);
		if (strstr(problem.data, words) == NULL ||
		    strstr(problem.data, "MERCURE_PUBLISHER_JWT_") == NULL)
			fail_msg("%s", problem.data);
	}
	buf_deinit(&problem);
	token_keys_free(keys);
}

static void
test_environment(void **state)
{
	struct signer rsa;
	char         *pem;

	(void)state;
	signer_init(&rsa, "RS256");
	pem = signer_pem(&rsa);
	assert_env(NULL, NULL, NULL);
	assert_env("", "none", NULL);
	assert_env(SECRET, NULL, NULL);
	assert_env(SECRET, "", NULL);
	assert_env(SECRET, "HS512", NULL);
	assert_env(SECRET, "none", "is no algorithm");
	assert_env(SECRET, "HS256+HS512", "is no algorithm");
	assert_env(SECRET, "RS256", "is no public key in PEM");
	assert_env("!ChangeMe!", NULL, "--allow-weak-keys");
	assert_env("short", NULL, "--allow-weak-keys");
	assert_env(pem, "RS256", NULL);
	/* The text of a public key is never a secret. */
	assert_env(pem, NULL, "does not fit its algorithm");
	assert_env(pem, "HS256", "does not fit its algorithm");
	free(pem);
	signer_deinit(&rsa);
}

/* A secret in the environment is taken as it stands, blanks and all. */
static void
test_environment_keeps_blanks(void **state)
{
	struct signer            signer = { "HS256", "  " SECRET "\n", NULL };
	struct token_key_sources sources = { NULL, 0, { signer.secret, NULL },
		{ 0 }, false };
	struct buf               problem = { 0 };

	(void)state;
	token_keys_free(fixture.keys);
	fixture.keys = token_keys_new(&sources, &problem);
	fixture.rules.keys = fixture.keys;
	assert_int_equal(fixture_judge(&fixture, maker_token_07(&signer, "{}"),
			     TOKEN_ROLE_PUBLISHER),
	    TOKEN_OK);
	/* And it is the publisher's only. */
	assert_int_equal(fixture_judge(&fixture, maker_token_07(&signer, "{}"),
			     TOKEN_ROLE_SUBSCRIBER),
	    TOKEN_KEY);
}

static void
test_weak_keys_where_allowed(void **state)
{
	struct token_key_sources sources = { NULL, 0, { "!ChangeMe!", NULL },
		{ "x", NULL }, true };
	struct buf               problem = { 0 };
	struct token_keys       *keys = token_keys_new(&sources, &problem);

	(void)state;
	assert_non_null(keys);
	assert_int_equal(token_keys_count(keys), 2);
	token_keys_free(keys);
}

static enum token_result
judge_kid(const struct signer *signer, const char *kid)
{
	char header[128];

	snprintf(header, sizeof(header), "{\"alg\":\"%s\"%s%s%s}", signer->alg,
	    kid == NULL ? "" : ",\"kid\":\"", kid == NULL ? "" : kid,
	    kid == NULL ? "" : "\"");
	return fixture_judge(&fixture, maker_sign(signer, header, "{}"),
	    TOKEN_ROLE_SUBSCRIBER);
}

/* Old and new key at the same time, then the new one alone. */
static void
test_rotation(void **state)
{
	struct signer one = { "HS256", "1" SECRET, NULL };
	struct signer two = { "HS256", "2" SECRET, NULL };
	char          specs[2][256];
	const char   *list[] = { specs[0], specs[1] };
	char *paths[] = { fixture_write(&fixture, "1" SECRET "\n", 0600),
		fixture_write(&fixture, "2" SECRET "\r\n", 0640) };

	(void)state;
	for (size_t i = 0; i < 2; i++)
		snprintf(specs[i], sizeof(specs[i]),
		    "dialect=07,alg=HS256,role=subscriber,kid=k%zu,file=%s",
		    i + 1, paths[i]);
	fixture_set_keys(&fixture, list, 2);
	assert_int_equal(judge_kid(&one, NULL), TOKEN_OK);
	assert_int_equal(judge_kid(&two, NULL), TOKEN_OK);
	assert_int_equal(judge_kid(&one, "k1"), TOKEN_OK);
	assert_int_equal(judge_kid(&two, "k2"), TOKEN_OK);
	assert_int_equal(judge_kid(&one, "k2"), TOKEN_SIGNATURE);
	assert_int_equal(judge_kid(&one, "k3"), TOKEN_KEY);
	fixture_set_keys(&fixture, list + 1, 1);
	assert_int_equal(judge_kid(&one, NULL), TOKEN_SIGNATURE);
	assert_int_equal(judge_kid(&two, NULL), TOKEN_OK);
	free(paths[0]);
	free(paths[1]);
}

/* A key id belongs to the key with its bounds, whenever it is read. */
static void
test_key_ids(void **state)
{
	struct signer one = { "HS256", SECRET, NULL };
	char         *path = fixture_write(&fixture, SECRET, 0600);
	char          spec[256];
	const char   *list[] = { spec };
	uint64_t      id;
	struct token *token;

	(void)state;
	snprintf(spec, sizeof(spec), HS "%s", path);
	fixture_set_keys(&fixture, list, 1);
	token = fixture_verify(&fixture, maker_token_07(&one, "{}"),
	    TOKEN_ROLE_SUBSCRIBER);
	id = token->key_id;
	token_unref(fixture.rules.grants, token);
	fixture_set_keys(&fixture, list, 1);
	assert_true(token_keys_has_id(fixture.keys, id));
	snprintf(spec, sizeof(spec),
	    "dialect=07,role=publisher,alg=HS256,file=%s", path);
	fixture_set_keys(&fixture, list, 1);
	assert_false(token_keys_has_id(fixture.keys, id));
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_specs),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_forms_of_pem),
		cmocka_unit_test(test_jwks),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_environment_keeps_blanks),
		cmocka_unit_test(test_weak_keys_where_allowed),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_key_ids),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
