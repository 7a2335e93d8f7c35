#include "config.h"

#include "auth/access.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "auth/rights.h"
#include "base/mem.h"
#include "pure/selector.h"
#include "pure/url.h"

/* Tokens that are kept so that they are not verified again. */
static const struct token_cache_limits cache_limits = {
	.token_count_max = 50000,
	.bytes_max = (size_t)32 * 1024 * 1024,
	.failed_count_max = 10000,
};

/* To find the payload for a subscription costs no more: some 0.3 ms. */
#define PAYLOAD_COST_MAX 100000

struct access {
	char                       *public_url;
	struct url                  base;
	struct token_keys          *keys; /* NULL: none yet */
	char                       *audience;
	struct token_rules          rules;
	struct token_selector_check check;
	struct token_cache         *cache;
};

static bool
is_valid(const void *data, enum grant_match match, const char *text)
{
	return rights_is_valid(match, text, data);
}

struct access *
access_new(const char *public_url)
{
	struct access *access = mem_zalloc(sizeof(*access));
	int            error;

	error = selector_base_parse(&access->base, public_url,
	    strlen(public_url));
	assert(error == 0);
	access->public_url = mem_strdup(public_url);
	access->check = (struct token_selector_check){ is_valid,
		&access->base };
	access->rules.check = &access->check;
	access->rules.grants = grants_new();
	access->cache = token_cache_new(&cache_limits, access->rules.grants);
	return access;
}

void
access_free(struct access *access)
{
	if (access == NULL)
		return;
	token_cache_free(access->cache);
	grants_free(access->rules.grants);
	token_keys_free(access->keys);
	free(access->audience);
	url_deinit(&access->base);
	free(access->public_url);
	free(access);
}

void
access_set_keys(struct access *access, struct token_keys *keys,
    const char *audience)
{
	token_cache_clear(access->cache);
	token_keys_free(access->keys);
	free(access->audience);
	access->keys = keys;
	access->audience = audience == NULL ? NULL : mem_strdup(audience);
	access->rules.keys = keys;
	access->rules.audience = access->audience;
}

bool
access_has_keys(const struct access *access)
{
	return access->keys != NULL && token_keys_count(access->keys) > 0;
}

bool
access_has_dialect(const struct access *access, enum token_dialect dialect)
{
	return access->keys != NULL &&
	    token_keys_has_dialect(access->keys, dialect);
}

bool
access_has_role(const struct access *access, enum token_role role)
{
	return access->keys != NULL && token_keys_has_role(access->keys, role);
}

enum token_result
access_judge(struct access *access, const struct token_request *request,
    struct token **token, int64_t *wait_ms)
{
	return token_cache_judge(access->cache, &access->rules, request, token,
	    wait_ms);
}

void
access_unref(struct access *access, struct token *token)
{
	token_unref(access->rules.grants, token);
}

bool
access_knows_key(const struct access *access, const struct token *token)
{
	return token_keys_has_id(access->keys, token->key_id);
}

bool
access_may_publish(const struct access *access, const struct token *token,
    const char *topic)
{
	return token->grant->role == TOKEN_ROLE_PUBLISHER &&
	    rights_allow(token->grant, &access->base, topic);
}

bool
access_may_read(const struct access *access, const struct token *token,
    const struct update *update)
{
	if (!update->is_private)
		return true;
	return token != NULL && token->grant->role == TOKEN_ROLE_SUBSCRIBER &&
	    rights_allow_update(token->grant, &access->base, update);
}

enum update_reach
access_reach(const struct token *token)
{
	if (token == NULL || token->grant->role != TOKEN_ROLE_SUBSCRIBER ||
	    token->grant->selector_count == 0)
		return UPDATE_REACH_PUBLIC;
	return token->grant->selectors[0].match == GRANT_MATCH_ALL ?
	    UPDATE_REACH_ALL :
	    UPDATE_REACH_SOME;
}

bool
access_may_ask(const struct access *access, const struct token *token,
    const char *path)
{
	return token != NULL && token->grant->role == TOKEN_ROLE_SUBSCRIBER &&
	    rights_allow(token->grant, &access->base, path);
}

const char *
access_payload(const struct access *access, const struct token *token,
    const char *topic, uint64_t *cost)
{
	struct token_payload *payload;
	uint64_t              left = PAYLOAD_COST_MAX;

	for (size_t i = 0; i < token->payload_count; i++) {
		payload = &token->payloads[i];
		if (payload->selector_count == 0 ||
		    rights_match(&payload->rights, payload->selectors,
			payload->selector_count, &access->base, topic, &left,
			cost))
			return payload->json;
	}
	return NULL;
}

/* Whether it is relative, and at the hub's path rather than below it. */
static bool
is_relative(const struct access *access, const char *topic)
{
	const struct buf *path = &access->base.parts[URL_PATHNAME];
	struct url        url = { 0 };
	size_t            len_bytes = strlen(topic);
	bool              is_found;

	is_found = topic[0] != '/' && topic[0] != '\\' &&
	    url_parse(&url, topic, len_bytes, NULL, URL_ANY_HOST) == -1 &&
	    url_parse(&url, topic, len_bytes, &access->base, URL_ANY_HOST) ==
		0 &&
	    url.parts[URL_PATHNAME].len_bytes == path->len_bytes &&
	    memcmp(url.parts[URL_PATHNAME].data, path->data, path->len_bytes) ==
		0;
	url_deinit(&url);
	return is_found;
}

bool
access_is_reserved(const struct access *access, const char *topic,
    bool is_strict)
{
	return selector_is_reserved(topic, strlen(topic), &access->base) &&
	    (is_strict || !is_relative(access, topic));
}

const char *
access_public_url(const struct access *access)
{
	return access->public_url;
}

const struct url *
access_base(const struct access *access)
{
	return &access->base;
}

const struct token_cache_totals *
access_totals(const struct access *access)
{
	return token_cache_totals(access->cache);
}
