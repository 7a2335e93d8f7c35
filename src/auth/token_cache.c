#include "config.h"

#include "auth/token_cache.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "auth/token_budget.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/tree.h"

/* Of a SHA-256: nobody finds another token with the same 128 bits. */
#define DIGEST_BYTES 16

/* A token that was judged. */
struct entry {
	struct list       node; /* of the good or of the failed */
	uint8_t           digest[DIGEST_BYTES];
	enum token_role   role;
	enum token_result result;
	struct token     *token; /* NULL in a failed one */
};

struct token_cache {
	struct token_cache_limits limits;
	struct grants            *grants;
	struct token_budget      *budget;
	void                     *tree;   /* of entries, by digest and role */
	struct list               good;   /* the longest unused first */
	struct list               failed; /* the same */
	size_t                    failed_count;
	struct token_cache_totals totals;
};

struct token_cache *
token_cache_new(const struct token_cache_limits *limits, struct grants *grants)
{
	struct token_cache *cache = mem_zalloc(sizeof(*cache));

	cache->limits = *limits;
	cache->grants = grants;
	cache->budget = token_budget_new();
	list_init(&cache->good);
	list_init(&cache->failed);
	return cache;
}

static int
compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->role != y->role)
		return x->role < y->role ? -1 : 1;
	return memcmp(x->digest, y->digest, sizeof(x->digest));
}

/* What an entry takes. */
static size_t
bytes_of(const struct entry *entry)
{
	return sizeof(*entry) + entry->token->size_bytes;
}

static void
entry_free(struct token_cache *cache, struct entry *entry)
{
	list_remove(&entry->node);
	tree_remove(&cache->tree, entry, compare);
	if (entry->token == NULL)
		cache->failed_count--;
	else {
		cache->totals.token_count--;
		cache->totals.bytes -= bytes_of(entry);
		token_unref(cache->grants, entry->token);
	}
	free(entry);
}

static struct entry *
first_of(struct list *list)
{
	return list_entry(list->next, struct entry, node);
}

void
token_cache_clear(struct token_cache *cache)
{
	while (!list_is_empty(&cache->good))
		entry_free(cache, first_of(&cache->good));
	while (!list_is_empty(&cache->failed))
		entry_free(cache, first_of(&cache->failed));
}

void
token_cache_free(struct token_cache *cache)
{
	if (cache == NULL)
		return;
	token_cache_clear(cache);
	token_budget_free(cache->budget);
	free(cache);
}

/* Frees the longest unused until the limits hold. */
static void
shrink(struct token_cache *cache)
{
	while (cache->totals.token_count > cache->limits.token_count_max ||
	    cache->totals.bytes > cache->limits.bytes_max)
		entry_free(cache, first_of(&cache->good));
	while (cache->failed_count > cache->limits.failed_count_max)
		entry_free(cache, first_of(&cache->failed));
}

/* Keeps a result that does not change; the token is held once more. */
static void
remember(struct token_cache *cache, const struct entry *key,
    enum token_result result, struct token *token)
{
	struct entry *entry = mem_zalloc(sizeof(*entry));

	memcpy(entry->digest, key->digest, sizeof(entry->digest));
	entry->role = key->role;
	entry->result = result;
	list_init(&entry->node);
	tree_add(&cache->tree, entry, compare);
	if (result == TOKEN_OK) {
		entry->token = token_ref(token);
		list_append(&cache->good, &entry->node);
		cache->totals.token_count++;
		cache->totals.bytes += bytes_of(entry);
	} else {
		list_append(&cache->failed, &entry->node);
		cache->failed_count++;
	}
	shrink(cache);
}

/* One that is known; its time may be over all the same. */
static enum token_result
judge_known(struct token_cache *cache, struct entry *entry,
    const struct token_request *request, struct token **token)
{
	enum token_result result = entry->result;

	cache->totals.hit_count++;
	if (entry->token == NULL) {
		list_move(&cache->failed, &entry->node);
		return result;
	}
	result = token_times_check(&entry->token->times, request->wall_ms);
	if (result == TOKEN_OK) {
		list_move(&cache->good, &entry->node);
		*token = token_ref(entry->token);
	} else if (result == TOKEN_EXPIRED)
		entry_free(cache, entry);
	return result;
}

/* One that passed the cheap checks: is its signature worth checking now? */
static enum token_result
judge_attempt(struct token_cache *cache, struct token_attempt *attempt,
    const struct entry *key, const struct token_request *request,
    struct token **token, int64_t *wait_ms)
{
	enum token_result result;

	*wait_ms = token_budget_wait_ms(cache->budget, request->address,
	    attempt->cost_us, request->now_ms);
	if (*wait_ms > 0) {
		cache->totals.later_count++;
		return TOKEN_LATER;
	}
	cache->totals.verify_count++;
	result = token_attempt_finish(attempt, token);
	if (result == TOKEN_SIGNATURE)
		token_budget_spend(cache->budget, request->address,
		    attempt->cost_us, request->now_ms);
	remember(cache, key, result, *token);
	return result;
}

enum token_result
token_cache_judge(struct token_cache *cache, const struct token_rules *rules,
    const struct token_request *request, struct token **token, int64_t *wait_ms)
{
	struct entry         key = { .role = request->role };
	struct entry        *known;
	struct token_attempt attempt;
	enum token_result    result;
	uint8_t              digest[CRYPTO_SHA256_BYTES];

	assert(rules->grants == cache->grants);
	*token = NULL;
	*wait_ms = 0;
	if (request->text == NULL || request->len_bytes == 0)
		return TOKEN_NONE;
	/* Without keys there is no OpenSSL, and no token is good. */
	if (token_keys_count(rules->keys) == 0)
		return TOKEN_TYPE;
	if (request->len_bytes > JWS_BYTES_MAX)
		return TOKEN_MALFORMED;
	crypto_sha256((struct crypto_bytes){ (const uint8_t *)request->text,
			  request->len_bytes },
	    digest);
	memcpy(key.digest, digest, sizeof(key.digest));
	known = tree_find(&cache->tree, &key, compare);
	if (known != NULL)
		return judge_known(cache, known, request, token);
	result = token_attempt_init(&attempt, rules, request->text,
	    request->len_bytes, request->role, request->wall_ms);
	if (result != TOKEN_OK)
		return result;
	result = judge_attempt(cache, &attempt, &key, request, token, wait_ms);
	token_attempt_deinit(&attempt);
	return result;
}

const struct token_cache_totals *
token_cache_totals(const struct token_cache *cache)
{
	return &cache->totals;
}
