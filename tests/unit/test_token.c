/* What a token says, in both dialects, and every way to be wrong. */

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

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define HEAD_08 "{\"iss\":\"" ISSUER "\",\"aud\":\"" AUDIENCE "\","
#define TIME_08 "\"exp\":1700000001"
#define DETAIL "{\"type\":\"https://mercure.rocks/authorization-detail\","
#define DETAILS "\"authorization_details\":["

static struct token_fixture fixture;
static struct signer        old, fresh;

static int
setup(void **state)
{
	static const char *const specs[] = { "dialect=07,alg=HS256,file=@0",
		"dialect=08,issuer=" ISSUER ",file=@1" };
	char                    *pem;

	(void)state;
	fixture_init(&fixture);
	signer_init(&old, "HS256");
	signer_init(&fresh, "ES256");
	free(fixture_write(&fixture, old.secret, 0600));
	pem = signer_pem(&fresh);
	free(fixture_write(&fixture, pem, 0644));
	free(pem);
	fixture_set_keys(&fixture, specs, COUNT(specs));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	assert_int_equal(grants_count(fixture.rules.grants), 0);
	signer_deinit(&fresh);
	fixture_deinit(&fixture);
	return 0;
}

static void
assert_07(const char *payload, enum token_result expected)
{
	enum token_result found;

	found = fixture_judge(&fixture, maker_token_07(&old, payload),
	    TOKEN_ROLE_SUBSCRIBER);
	if (found != expected)
		print_error("%s\n", payload);
	assert_string_equal(token_result_word(found),
	    token_result_word(expected));
}

static void
assert_08(const char *payload, enum token_result expected)
{
	enum token_result found;

	found = fixture_judge(&fixture, maker_token_08(&fresh, payload),
	    TOKEN_ROLE_SUBSCRIBER);
	if (found != expected)
		print_error("%s\n", payload);
	assert_string_equal(token_result_word(found),
	    token_result_word(expected));
}

static void
test_times(void **state)
{
	(void)state;
	assert_07("{}", TOKEN_OK);
	assert_07("{\"exp\":1700000001}", TOKEN_OK);
	assert_07("{\"exp\":1700000000}", TOKEN_EXPIRED);
	assert_07("{\"exp\":1700000000.001}", TOKEN_OK);
	assert_07("{\"exp\":1700000000.123456}", TOKEN_OK);
	assert_07("{\"exp\":1699999999.999999}", TOKEN_EXPIRED);
	assert_07("{\"exp\":17e8}", TOKEN_EXPIRED);
	assert_07("{\"exp\":1e300}", TOKEN_OK);
	assert_07("{\"exp\":-1e300}", TOKEN_EXPIRED);
	assert_07("{\"exp\":0}", TOKEN_EXPIRED);
	assert_07("{\"exp\":\"1700000001\"}", TOKEN_OK);
	assert_07("{\"exp\":\"1699999999\"}", TOKEN_EXPIRED);
	assert_07("{\"exp\":\"1700000000.5\"}", TOKEN_OK);
	assert_07("{\"exp\":\"1699999999.999999\"}", TOKEN_EXPIRED);
	assert_07("{\"nbf\":1700000000}", TOKEN_OK);
	assert_07("{\"nbf\":1700000000.5}", TOKEN_NOT_YET);
	assert_07("{\"nbf\":\"1700000001\"}", TOKEN_NOT_YET);
	assert_07("{\"iat\":\"whenever\"}", TOKEN_OK);
}

/* What is no time is never taken for "no end". */
static void
test_what_is_no_time(void **state)
{
	static const char *const values[] = { "null", "true", "false", "[]",
		"{}", "[1700000001]", "\"\"", "\" 1700000001\"",
		"\"1700000001 \"", "\"+1700000001\"", "\"-1\"", "\"1e20\"",
		"\"0x7fffffff\"", "\"inf\"", "\"nan\"", "\"1700000001.\"",
		"\".5\"", "\"1.7.1\"", "\"2100-01-01\"" };
	char                     payload[128];

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		snprintf(payload, sizeof(payload), "{\"exp\":%s}", values[i]);
		assert_07(payload, TOKEN_MALFORMED);
		snprintf(payload, sizeof(payload), "{\"nbf\":%s}", values[i]);
		assert_07(payload, TOKEN_MALFORMED);
		snprintf(payload, sizeof(payload), HEAD_08 "\"exp\":%s}",
		    values[i]);
		assert_08(payload, TOKEN_MALFORMED);
	}
}

static void
test_demands_of_08(void **state)
{
	(void)state;
	assert_08(HEAD_08 TIME_08 "}", TOKEN_OK);
	assert_08(HEAD_08 "\"sub\":\"x\"}", TOKEN_CLAIM);
	assert_08(HEAD_08 "\"exp\":1700000000}", TOKEN_EXPIRED);
	assert_08(HEAD_08 TIME_08 ",\"nbf\":1700000001}", TOKEN_NOT_YET);
	assert_08("{\"aud\":\"" AUDIENCE "\"," TIME_08 "}", TOKEN_ISSUER);
	assert_08("{\"iss\":1,\"aud\":\"" AUDIENCE "\"," TIME_08 "}",
	    TOKEN_ISSUER);
	assert_08("{\"iss\":\"" ISSUER "/\",\"aud\":\"" AUDIENCE "\"," TIME_08
		  "}",
	    TOKEN_ISSUER);
#define ISS "{\"iss\":\"" ISSUER "\"," TIME_08
	assert_08(ISS "}", TOKEN_AUDIENCE);
	assert_08(ISS ",\"aud\":\"https://other\"}", TOKEN_AUDIENCE);
	assert_08(ISS ",\"aud\":[]}", TOKEN_AUDIENCE);
	assert_08(ISS ",\"aud\":[\"https://other\"]}", TOKEN_AUDIENCE);
	assert_08(ISS ",\"aud\":[\"https://other\",\"" AUDIENCE "\"]}",
	    TOKEN_OK);
	assert_08(ISS ",\"aud\":[1,\"" AUDIENCE "\"]}", TOKEN_AUDIENCE);
	assert_08(ISS ",\"aud\":{\"" AUDIENCE "\":1}}", TOKEN_AUDIENCE);
	fixture.rules.audience = NULL;
	assert_08(HEAD_08 TIME_08 "}", TOKEN_AUDIENCE);
	fixture.rules.audience = AUDIENCE;
}

static enum token_result
judge_typ(const struct signer *signer, const char *typ)
{
	char header[128];

	snprintf(header, sizeof(header), "{\"alg\":\"%s\"%s%s}", signer->alg,
	    typ[0] == '\0' ? "" : ",\"typ\":", typ);
	return fixture_judge(&fixture,
	    maker_sign(signer, header, HEAD_08 TIME_08 "}"),
	    TOKEN_ROLE_SUBSCRIBER);
}

/* The type decides, and no key is good for both dialects. */
static void
test_dialects_are_apart(void **state)
{
	static const char *const new_types[] = { "\"at+jwt\"", "\"AT+JWT\"",
		"\"application/at+jwt\"", "\"Application/At+Jwt\"" };
	static const char *const old_types[] = { "", "\"JWT\"", "\"\"",
		"\"jwt\"", "\"at+jwt \"", "\"x/at+jwt\"" };
	static const char *const only_old[] = {
		"dialect=07,alg=HS256,file=@0"
	};
	static const char *const only_new[] = { "dialect=08,issuer=" ISSUER
						",file=@1" };
	static const char *const both[] = { "dialect=07,alg=HS256,file=@0",
		"dialect=08,issuer=" ISSUER ",file=@1" };

	(void)state;
	for (size_t i = 0; i < COUNT(new_types); i++) {
		assert_int_equal(judge_typ(&fresh, new_types[i]), TOKEN_OK);
		assert_int_equal(judge_typ(&old, new_types[i]),
		    TOKEN_ALGORITHM);
	}
	for (size_t i = 0; i < COUNT(old_types); i++) {
		assert_int_equal(judge_typ(&old, old_types[i]), TOKEN_OK);
		assert_int_equal(judge_typ(&fresh, old_types[i]),
		    TOKEN_ALGORITHM);
	}
	assert_int_equal(judge_typ(&old, "1"), TOKEN_MALFORMED);
	fixture_set_keys(&fixture, only_old, 1);
	assert_int_equal(judge_typ(&old, "\"at+jwt\""), TOKEN_TYPE);
	assert_int_equal(judge_typ(&old, "\"JWT\""), TOKEN_OK);
	fixture_set_keys(&fixture, only_new, 1);
	assert_int_equal(judge_typ(&fresh, "\"JWT\""), TOKEN_TYPE);
	assert_int_equal(judge_typ(&fresh, "\"at+jwt\""), TOKEN_OK);
	fixture_set_keys(&fixture, both, 2);
}

static void
test_claims_of_07(void **state)
{
	(void)state;
	assert_07("{\"mercure\":null}", TOKEN_OK);
	assert_07("{\"mercure\":{}}", TOKEN_OK);
	assert_07("{\"mercure\":[]}", TOKEN_CLAIM);
	assert_07("{\"mercure\":\"*\"}", TOKEN_CLAIM);
	assert_07("{\"mercure\":{\"subscribe\":null}}", TOKEN_OK);
	assert_07("{\"mercure\":{\"subscribe\":\"*\"}}", TOKEN_CLAIM);
	assert_07("{\"mercure\":{\"subscribe\":{}}}", TOKEN_CLAIM);
	assert_07("{\"mercure\":{\"subscribe\":[\"a\",1]}}", TOKEN_CLAIM);
	assert_07("{\"mercure\":{\"subscribe\":[\"a\",null]}}", TOKEN_CLAIM);
	/* Also where the other role's list is wrong. */
	assert_07("{\"mercure\":{\"subscribe\":[\"a\"],\"publish\":[[]]}}",
	    TOKEN_CLAIM);
	assert_07("{\"mercure\":{\"payload\":[1]}}", TOKEN_OK);
	/* The alias replaces the short name, whatever that holds. */
	assert_07("{\"mercure\":1,\"https://mercure.rocks/\":{}}", TOKEN_OK);
	assert_07("{\"mercure\":{},\"https://mercure.rocks/\":1}", TOKEN_CLAIM);
	assert_07("{\"mercure\":{},\"https://mercure.rocks/\":null}", TOKEN_OK);
	assert_07("{\"mercure\":{},\"mercure\":{}}", TOKEN_MALFORMED);
}

static void
assert_detail(const char *members, enum token_result expected)
{
	char payload[1024];

	snprintf(payload, sizeof(payload),
	    HEAD_08 TIME_08 "," DETAILS "{\"type\":\"other\",\"actions\":1},"
			    "%s%s}]}",
	    DETAIL, members);
	assert_08(payload, expected);
}

#define READ "\"actions\":[\"subscribe\"],"

static void
test_claims_of_08(void **state)
{
	(void)state;
	assert_08(HEAD_08 TIME_08 ",\"authorization_details\":null}",
	    TOKEN_CLAIM);
	assert_08(HEAD_08 TIME_08 ",\"authorization_details\":{}}",
	    TOKEN_CLAIM);
	assert_08(HEAD_08 TIME_08 "," DETAILS "]}", TOKEN_OK);
	assert_08(HEAD_08 TIME_08 "," DETAILS "1]}", TOKEN_CLAIM);
	assert_08(HEAD_08 TIME_08 "," DETAILS "{}]}", TOKEN_CLAIM);
	assert_detail(READ "\"topics\":[{\"match\":\"a\"}]", TOKEN_OK);
	assert_detail("\"actions\":[\"other\"],\"topics\":[{\"match\":\"a\"}]",
	    TOKEN_OK);
	assert_detail("\"topics\":[{\"match\":\"a\"}]", TOKEN_CLAIM);
	assert_detail("\"actions\":[],\"topics\":[{\"match\":\"a\"}]",
	    TOKEN_CLAIM);
	assert_detail(
	    "\"actions\":\"subscribe\",\"topics\":[{\"match\":\"a\"}]",
	    TOKEN_CLAIM);
	assert_detail("\"actions\":[1],\"topics\":[{\"match\":\"a\"}]",
	    TOKEN_CLAIM);
	assert_detail(READ "\"topics\":[]", TOKEN_CLAIM);
	assert_detail(READ "\"topic\":[{\"match\":\"a\"}]", TOKEN_CLAIM);
	assert_detail(READ "\"topics\":{\"match\":\"a\"}", TOKEN_CLAIM);
	assert_detail(READ "\"topics\":[\"a\"]", TOKEN_CLAIM);
	assert_detail(READ "\"topics\":[null]", TOKEN_CLAIM);
	assert_detail(READ "\"topics\":[{\"match\":\"a\"},{}]", TOKEN_CLAIM);
	assert_detail(READ "\"topics\":[{\"match\":1}]", TOKEN_CLAIM);
#define TYPED(type) \
	READ "\"topics\":[{\"match\":\"a\",\"match_type\":" type "}]"
	assert_detail(TYPED("\"exact\""), TOKEN_OK);
	assert_detail(TYPED("\"urlpattern\""), TOKEN_OK);
	assert_detail(TYPED("\"URLPattern\""), TOKEN_CLAIM);
	assert_detail(TYPED("\"uritemplate\""), TOKEN_CLAIM);
	assert_detail(TYPED("null"), TOKEN_CLAIM);
	assert_detail(READ
	    "\"topics\":[{\"match\":\"(\",\"match_type\":\"urlpattern\"}]",
	    TOKEN_CLAIM);
	assert_detail(READ "\"topics\":[{\"match\":\"(\"}]", TOKEN_OK);
#define PAID(value) READ "\"topics\":[{\"match\":\"a\"}],\"payload\":" value
	assert_detail(PAID("{\"a\":1}"), TOKEN_OK);
	assert_detail(PAID("[]"), TOKEN_CLAIM);
	assert_detail(PAID("null"), TOKEN_CLAIM);
	assert_detail(PAID("\"x\""), TOKEN_CLAIM);
}

/* A payload with the same part so many times. */
static char *
repeat(const char *before, const char *part, size_t count, const char *after)
{
	struct buf text = { 0 };

	buf_append_str(&text, before);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_append_str(&text, ",");
		buf_append_str(&text, part);
	}
	buf_append_str(&text, after);
	buf_append(&text, "", 1);
	return text.data;
}

static void
assert_repeated(const char *before, const char *part, size_t count,
    const char *after, enum token_result expected)
{
	char *payload = repeat(before, part, count, after);

	if (payload[2] == 'i')
		assert_08(payload, expected);
	else
		assert_07(payload, expected);
	free(payload);
}

static void
test_limits(void **state)
{
#define BEFORE_07 "{\"mercure\":{\"subscribe\":["
#define BEFORE_08 HEAD_08 TIME_08 "," DETAILS
#define TOPICS BEFORE_08 DETAIL READ "\"topics\":["
#define AFTER_08 "],\"x\":0}]}"
	(void)state;
	assert_repeated(BEFORE_07, "\"a\"", 1000, "]}}", TOKEN_OK);
	assert_repeated(BEFORE_07, "\"a\"", 1001, "]}}", TOKEN_CLAIM);
	assert_repeated("{\"mercure\":{\"publish\":[", "\"a\"", 1001, "]}}",
	    TOKEN_CLAIM);
	assert_repeated(TOPICS, "{\"match\":\"a\"}", 100, AFTER_08, TOKEN_OK);
	assert_repeated(TOPICS, "{\"match\":\"a\"}", 101, AFTER_08,
	    TOKEN_CLAIM);
	/* In all details together. */
	assert_repeated(BEFORE_08,
	    DETAIL READ "\"topics\":[{\"match\":\"a\"},{\"match\":\"b\"}]}", 40,
	    "]}", TOKEN_OK);
	assert_repeated(BEFORE_08,
	    DETAIL READ "\"topics\":[{\"match\":\"a\"},{\"match\":\"b\"},"
			"{\"match\":\"c\"}]}",
	    34, "]}", TOKEN_CLAIM);
	char *text = malloc(TOKEN_TOPIC_BYTES_MAX + 2);
	for (size_t len = TOKEN_TOPIC_BYTES_MAX; len < 4098; len++) {
		char *payload;

		memset(text, 'a', len);
		text[len] = '\0';
		assert_true(asprintf(&payload,
				TOPICS "{\"match\":\"%s\"}" AFTER_08,
				text) > 0);
		assert_08(payload,
		    len == TOKEN_TOPIC_BYTES_MAX ? TOKEN_OK : TOKEN_CLAIM);
		free(payload);
	}
	free(text);
}

static void
test_rights_of_07(void **state)
{
	static const char payload[] =
	    "{\"exp\":1700000001.5,\"mercure\":{\"publish\":[\"/p\"],"
	    "\"subscribe\":[\"/b/{id}\",\"/a\",\"/b/{id}\"],"
	    "\"payload\":{\"name\":\"Ada\",\"n\":[1,null]}}}";
	struct token *token = fixture_verify(&fixture,
	    maker_token_07(&old, payload), TOKEN_ROLE_SUBSCRIBER);

	(void)state;
	assert_int_equal(token->times.exp_ms, WALL_MS + 1500);
	assert_true(token_keys_has_id(fixture.keys, token->key_id));
	assert_false(token_keys_has_id(fixture.keys, token->key_id + 1));
	assert_int_equal(token->grant->dialect, TOKEN_DIALECT_07);
	assert_int_equal(token->grant->selector_count, 2);
	assert_string_equal(token->grant->selectors[0].text, "/a");
	assert_string_equal(token->grant->selectors[1].text, "/b/{id}");
	assert_int_equal(token->grant->selectors[0].match, GRANT_MATCH_TOPIC);
	assert_int_equal(token->payload_count, 1);
	assert_int_equal(token->payloads[0].selector_count, 0);
	assert_string_equal(token->payloads[0].json,
	    "{\"name\":\"Ada\",\"n\":[1,null]}");
	token_unref(fixture.rules.grants, token);
	token = fixture_verify(&fixture, maker_token_07(&old, payload),
	    TOKEN_ROLE_PUBLISHER);
	assert_int_equal(token->grant->selector_count, 1);
	assert_string_equal(token->grant->selectors[0].text, "/p");
	assert_int_equal(token->payload_count, 0);
	token_unref(fixture.rules.grants, token);
}

static void
test_rights_of_08(void **state)
{
	static const char payload[] = HEAD_08 TIME_08
	    "," DETAILS                       DETAIL
	    "\"actions\":[\"publish\"],\"topics\":[{\"match\":\"p\"}],"
	    "\"payload\":{\"no\":0}}," DETAIL READ
	    "\"topics\":[{\"match\":\"none\"}]}," DETAIL
	    "\"actions\":[\"subscribe\",\"publish\",\"x\"],"
	    "\"topics\":[{\"match\":\"/:id\",\"match_type\":\"urlpattern\"}],"
	    "\"payload\":{\"a\":1}}]}";
	struct token *token = fixture_verify(&fixture,
	    maker_token_08(&fresh, payload), TOKEN_ROLE_SUBSCRIBER);

	(void)state;
	assert_int_equal(token->grant->dialect, TOKEN_DIALECT_08);
	assert_int_equal(token->grant->selector_count, 2);
	assert_int_equal(token->grant->selectors[0].match, GRANT_MATCH_EXACT);
	assert_string_equal(token->grant->selectors[0].text, "none");
	assert_int_equal(token->grant->selectors[1].match,
	    GRANT_MATCH_URLPATTERN);
	/* In the token's order, with the detail that has none. */
	assert_int_equal(token->payload_count, 2);
	assert_null(token->payloads[0].json);
	assert_string_equal(token->payloads[0].selectors[0].text, "none");
	assert_string_equal(token->payloads[1].json, "{\"a\":1}");
	assert_string_equal(token->payloads[1].selectors[0].text, "/:id");
	token_unref(fixture.rules.grants, token);
	token = fixture_verify(&fixture, maker_token_08(&fresh, payload),
	    TOKEN_ROLE_PUBLISHER);
	assert_int_equal(token->grant->selector_count, 2);
	assert_int_equal(token->payload_count, 0);
	token_unref(fixture.rules.grants, token);
}

static void
test_no_token(void **state)
{
	struct token *token;

	(void)state;
	assert_int_equal(fixture_try(&fixture, NULL, TOKEN_ROLE_SUBSCRIBER,
			     &token),
	    TOKEN_NONE);
	assert_int_equal(fixture_judge(&fixture, strdup(""),
			     TOKEN_ROLE_PUBLISHER),
	    TOKEN_NONE);
	assert_int_equal(fixture_judge(&fixture, strdup("k3y"),
			     TOKEN_ROLE_PUBLISHER),
	    TOKEN_MALFORMED);
}

/* Cheap checks come first: a wrong signature is not what is told. */
static void
test_order_of_checks(void **state)
{
	char *text = maker_token_07(&old, "{\"exp\":1}");

	(void)state;
	text[strlen(text) - 2] ^= 1;
	assert_int_equal(fixture_judge(&fixture, text, TOKEN_ROLE_PUBLISHER),
	    TOKEN_EXPIRED);
	text = maker_token_07(&old, "{\"mercure\":1}");
	text[strlen(text) - 2] ^= 1;
	assert_int_equal(fixture_judge(&fixture, text, TOKEN_ROLE_PUBLISHER),
	    TOKEN_SIGNATURE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_what_is_no_time),
		cmocka_unit_test(test_demands_of_08),
		cmocka_unit_test(test_dialects_are_apart),
		cmocka_unit_test(test_claims_of_07),
		cmocka_unit_test(test_claims_of_08),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_rights_of_07),
		cmocka_unit_test(test_rights_of_08),
		cmocka_unit_test(test_no_token),
		cmocka_unit_test(test_order_of_checks),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
