#include "config.h"

#include "auth/token.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/rights.h"
#include "base/mem.h"

static enum token_dialect
dialect_of(const struct jws *jws)
{
	const char *typ = jws->typ;

	return typ != NULL &&
		(strcasecmp(typ, "at+jwt") == 0 ||
		    strcasecmp(typ, "application/at+jwt") == 0) ?
	    TOKEN_DIALECT_08 :
	    TOKEN_DIALECT_07;
}

/* What only the new dialect demands. */
static enum token_result
check_08(const struct token_attempt *attempt)
{
	const char *audience = attempt->rules->audience;

	if (attempt->times.exp_ms == INT64_MAX)
		return TOKEN_CLAIM;
	if (audience == NULL ||
	    !token_claims_has_audience(attempt->jws.payload, audience))
		return TOKEN_AUDIENCE;
	return TOKEN_OK;
}

static enum token_result
check_before_signature(struct token_attempt *attempt, int64_t wall_ms)
{
	const struct jws   *jws = &attempt->jws;
	struct token_wanted wanted = { attempt->dialect, attempt->role, NULL,
		jws->alg, jws->kid };
	enum token_result   result;

	result = token_claims_times(jws->payload, &attempt->times);
	if (result != TOKEN_OK)
		return result;
	wanted.issuer = json_string_value(json_object_get(jws->payload, "iss"));
	result = token_keys_select(attempt->rules->keys, &wanted,
	    &attempt->candidates);
	if (result == TOKEN_OK)
		result = token_times_check(&attempt->times, wall_ms);
	if (result == TOKEN_OK && attempt->dialect == TOKEN_DIALECT_08)
		result = check_08(attempt);
	return result;
}

enum token_result
token_times_check(const struct token_times *times, int64_t wall_ms)
{
	if (wall_ms >= times->exp_ms)
		return TOKEN_EXPIRED;
	return wall_ms < times->nbf_ms ? TOKEN_NOT_YET : TOKEN_OK;
}

enum token_result
token_attempt_init(struct token_attempt *attempt,
    const struct token_rules *rules, const char *text, size_t len_bytes,
    enum token_role role, int64_t wall_ms)
{
	enum token_result result;

	*attempt = (struct token_attempt){ .rules = rules, .role = role };
	if (text == NULL || len_bytes == 0)
		return TOKEN_NONE;
	result = jws_init(&attempt->jws, text, len_bytes);
	if (result != TOKEN_OK)
		return result;
	attempt->dialect = dialect_of(&attempt->jws);
	result = check_before_signature(attempt, wall_ms);
	if (result != TOKEN_OK) {
		token_attempt_deinit(attempt);
		return result;
	}
	attempt->cost_us = token_keys_cost_us(rules->keys, attempt->candidates,
	    attempt->jws.alg);
	return TOKEN_OK;
}

void
token_attempt_deinit(struct token_attempt *attempt)
{
	jws_deinit(&attempt->jws);
}

/* Copies of the selectors, in one piece with their texts. */
static struct grant_selector *
copy_selectors(const struct grant_selector *selectors, size_t count,
    size_t *size_bytes)
{
	struct grant_selector *copy;
	size_t                 bytes = count * sizeof(*selectors), len;
	char                  *text;

	for (size_t i = 0; i < count; i++)
		bytes += strlen(selectors[i].text) + 1;
	copy = mem_alloc(bytes);
	text = (char *)(copy + count);
	for (size_t i = 0; i < count; i++) {
		len = strlen(selectors[i].text) + 1;
		copy[i].match = selectors[i].match;
		copy[i].text = memcpy(text, selectors[i].text, len);
		text += len;
	}
	*size_bytes += bytes;
	return copy;
}

static void
take_payloads(struct token *token, const struct token_rights *rights)
{
	const struct token_payload *from;
	struct token_payload       *to;

	if (rights->payload_count == 0)
		return;
	token->payload_count = (uint32_t)rights->payload_count;
	token->payloads = mem_zalloc(rights->payload_count *
	    sizeof(*token->payloads));
	token->size_bytes += rights->payload_count * sizeof(*token->payloads);
	for (size_t i = 0; i < rights->payload_count; i++) {
		from = &rights->payloads[i];
		to = &token->payloads[i];
		to->selector_count = from->selector_count;
		to->selectors = copy_selectors(from->selectors,
		    from->selector_count, &token->size_bytes);
		if (from->json == NULL)
			continue;
		to->json = mem_strdup(from->json);
		token->size_bytes += strlen(from->json) + 1;
	}
}

static struct token *
token_new(const struct token_attempt *attempt,
    const struct token_rights *rights, uint64_t key_id)
{
	struct token *token = mem_zalloc(sizeof(*token));

	token->ref_count = 1;
	token->times = attempt->times;
	token->key_id = key_id;
	token->size_bytes = sizeof(*token);
	token->grant = grants_get(attempt->rules->grants, attempt->dialect,
	    attempt->role, rights->selectors, rights->selector_count);
	take_payloads(token, rights);
	return token;
}

enum token_result
token_attempt_finish(struct token_attempt *attempt, struct token **token)
{
	struct token_rights rights = { 0 };
	enum token_result   result;
	uint64_t            key_id;

	*token = NULL;
	if (!token_keys_verify(attempt->rules->keys, attempt->candidates,
		&attempt->jws, &key_id))
		return TOKEN_SIGNATURE;
	result = token_claims_rights(attempt->jws.payload, attempt->dialect,
	    attempt->role, attempt->rules->check, &rights);
	if (result == TOKEN_OK)
		*token = token_new(attempt, &rights, key_id);
	token_rights_deinit(&rights);
	return result;
}

struct token *
token_ref(struct token *token)
{
	token->ref_count++;
	return token;
}

void
token_release(void *token)
{
	struct token *held = token;

	token_unref(held->grant->grants, held);
}

void
token_unref(struct grants *grants, struct token *token)
{
	if (token == NULL || --token->ref_count > 0)
		return;
	for (size_t i = 0; i < token->payload_count; i++) {
		free(token->payloads[i].json);
		free(token->payloads[i].selectors);
		rights_free(token->payloads[i].rights);
	}
	free(token->payloads);
	grant_unref(grants, token->grant);
	free(token);
}

const char *
token_result_word(enum token_result result)
{
	static const char *const words[] = {
#define TOKEN_RESULT(name, word, meaning) word,
#include "auth/token_result.def"
#undef TOKEN_RESULT
	};

	return words[result];
}
