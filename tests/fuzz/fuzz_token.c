/*
 * Tokens and keys: whatever the bytes, nothing is believed that is not signed.
 * The first byte says what the rest is: a token as it comes; header and payload
 * on two lines, which are signed here, so that claims are reached; or a JWK.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "auth/jwk.h"
#include "auth/token.h"
#include "base/buf.h"
#include "base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define SECRET "a secret of more than 32 bytes for tests"
#define WALL_MS INT64_C(1700000000000)
#define MAC_BYTES 32

/* Base64 of a MAC, padding and NUL included. */
#define MAC_TEXT_BYTES 45
#define MAC_TEXT_LEN 43

static struct token_rules rules;

static void
require(bool condition)
{
	if (!condition)
		abort();
}

/* One secret for both dialects, which only its binding keeps apart. */
static void
rules_init(void)
{
	static char              old[64], fresh[128];
	static char *const       specs[] = { old, fresh };
	struct token_key_sources sources = { specs, 2, { 0 }, { 0 }, false };
	struct buf               problem = { 0 };
	int                      fd = memfd_create("key", 0);

	require(fd != -1 && fchmod(fd, 0600) == 0 &&
	    write(fd, SECRET, strlen(SECRET)) == (ssize_t)strlen(SECRET));
	snprintf(old, sizeof(old), "dialect=07,alg=HS256,file=/proc/self/fd/%d",
	    fd);
	snprintf(fresh, sizeof(fresh),
	    "dialect=08,issuer=i,alg=HS256,file=/proc/self/fd/%d", fd);
	rules = (struct token_rules){ token_keys_new(&sources, &problem), "a",
		NULL, grants_new() };
	require(rules.keys != NULL);
	close(fd);
	require(log_init("/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR) == 0);
}

/* The MAC of the text, in base64url. */
static void
print_mac(char mac_text[static MAC_TEXT_BYTES], const char *text, size_t len)
{
	uint8_t mac[MAC_BYTES];

	HMAC(EVP_sha256(), SECRET, (int)strlen(SECRET), (const uint8_t *)text,
	    len, mac, NULL);
	EVP_EncodeBlock((uint8_t *)mac_text, mac, MAC_BYTES);
	mac_text[MAC_TEXT_LEN] = '\0';
	for (char *c = mac_text; *c != '\0'; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
}

/* What holds of each token that is good. */
static void
check_good(const struct token *token, const char *text, size_t len)
{
	const struct grant *grant = token->grant;
	char                mac_text[MAC_TEXT_BYTES];

	require(len > MAC_TEXT_LEN + 1 && len <= JWS_BYTES_MAX);
	print_mac(mac_text, text, len - MAC_TEXT_LEN - 1);
	require(text[len - MAC_TEXT_LEN - 1] == '.');
	require(memcmp(text + len - MAC_TEXT_LEN, mac_text, MAC_TEXT_LEN) == 0);
	require(token->times.exp_ms > WALL_MS);
	require(token->times.nbf_ms <= WALL_MS);
	require(token_keys_has_id(rules.keys, token->key_id));
	require(grant->ref_count == 1);
	require(grant->selector_count <= TOKEN_SELECTORS_MAX);
	if (grant->dialect == TOKEN_DIALECT_08) {
		require(token->times.exp_ms < INT64_MAX);
		require(grant->selector_count <= TOKEN_TOPICS_MAX);
	}
	for (size_t i = 0; i < grant->selector_count; i++) {
		bool is_all = strcmp(grant->selectors[i].text, "*") == 0;
		bool is_topic = grant->selectors[i].match == GRANT_MATCH_TOPIC;

		require(is_all ==
		    (grant->selectors[i].match == GRANT_MATCH_ALL));
		require(!is_topic || grant->dialect == TOKEN_DIALECT_07);
	}
}

static enum token_result
judge(const char *text, size_t len, enum token_role role)
{
	struct token        *token = NULL;
	struct token_attempt attempt;
	enum token_result    result;

	result = token_attempt_init(&attempt, &rules, text, len, role, WALL_MS);
	if (result == TOKEN_OK) {
		result = token_attempt_finish(&attempt, &token);
		token_attempt_deinit(&attempt);
	}
	require((result == TOKEN_OK) == (token != NULL));
	if (token != NULL)
		check_good(token, text, len);
	token_unref(rules.grants, token);
	require(grants_count(rules.grants) == 0);
	return result;
}

static void
append_encoded(struct buf *text, const uint8_t *bytes, size_t len)
{
	size_t room = len / 3 * 4 + 5;
	char  *end;

	buf_reserve(text, room);
	EVP_EncodeBlock((uint8_t *)text->data + text->len_bytes, bytes,
	    (int)len);
	end = text->data + text->len_bytes;
	for (; *end != '\0' && *end != '='; end++)
		*end = *end == '+' ? '-' : *end == '/' ? '_' : *end;
	text->len_bytes = (size_t)(end - text->data);
}

/* Signs what stands on the two lines. No bit of a good token can be turned. */
static void
check_signed(const uint8_t *data, size_t size)
{
	const uint8_t *lf = memchr(data, '\n', size);
	size_t         head_bytes = lf == NULL ? size : (size_t)(lf - data);
	struct buf     text = { 0 };
	char           mac_text[MAC_TEXT_BYTES];
	bool           is_good;
	size_t         bit;

	append_encoded(&text, data, head_bytes);
	buf_append_str(&text, ".");
	if (lf != NULL)
		append_encoded(&text, lf + 1, size - head_bytes - 1);
	print_mac(mac_text, text.data, text.len_bytes);
	buf_append_str(&text, ".");
	buf_append_str(&text, mac_text);
	is_good = judge(text.data, text.len_bytes, TOKEN_ROLE_SUBSCRIBER) ==
	    TOKEN_OK;
	/* What one role makes of it, the other does too. */
	require(is_good ==
	    (judge(text.data, text.len_bytes, TOKEN_ROLE_PUBLISHER) ==
		TOKEN_OK));
	if (is_good) {
		bit = (size * 2654435761u + data[size - 1]) %
		    (text.len_bytes * 8);
		text.data[bit / 8] ^= (char)(1 << bit % 8);
		require(judge(text.data, text.len_bytes,
			    TOKEN_ROLE_SUBSCRIBER) != TOKEN_OK);
	}
	buf_deinit(&text);
}

/* A key is a secret if and only if it says so. */
static void
check_jwk(const uint8_t *data, size_t size)
{
	json_t         *jwk = json_loadb((const char *)data, size,
		    JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	const char     *type = json_string_value(json_object_get(jwk, "kty"));
	const char     *error = NULL;
	struct jws_key *key = jwk_read(jwk, 0, false, &error);

	require((key == NULL) == (error != NULL));
	if (key != NULL) {
		require(type != NULL);
		require(jws_key_is_secret(key) == (strcmp(type, "oct") == 0));
		require(jws_key_is_secret(key) ||
		    !jws_key_has_alg(key, JWS_ALG_HS256));
	}
	jws_key_free(key);
	json_decref(jwk);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (rules.keys == NULL)
		rules_init();
	if (size < 2)
		return 0;
	switch (data[0]) {
	case 's':
		check_signed(data + 1, size - 1);
		break;
	case 'k':
		check_jwk(data + 1, size - 1);
		break;
	default:
		judge((const char *)data + 1, size - 1, TOKEN_ROLE_PUBLISHER);
		break;
	}
	return 0;
}
