#include "edge/pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tree.h"
#include "pure/address.h"

/* A client, and what all its requests hold. */
struct pool_client {
	size_t share_count;
	size_t bytes;
	char   key[ADDRESS_KEY_BYTES];
};

static void
half_init(struct pool_half *half)
{
	list_init(&half->shares);
	half->bytes = 0;
	half->bytes_max = 0;
}

void
pool_init(struct pool *pool)
{
	half_init(&pool->small);
	half_init(&pool->large);
	pool->bytes = 0;
	pool->clients = NULL;
}

void
pool_set_limits(struct pool *pool, size_t small_bytes_max,
    size_t large_bytes_max)
{
	pool->small.bytes_max = small_bytes_max;
	pool->large.bytes_max = large_bytes_max;
}

static struct pool_half *
half_of(struct pool *pool, size_t bytes)
{
	return bytes > POOL_SMALL_BYTES ? &pool->large : &pool->small;
}

void
pool_share_init(struct pool_share *share)
{
	list_init(&share->node);
	share->half = NULL;
	share->bytes = 0;
	share->client = NULL;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct pool_client *)a)->key,
	    ((const struct pool_client *)b)->key);
}

/* Its client is not known. */
static void
disown(struct pool *pool, struct pool_share *share)
{
	struct pool_client *client = share->client;

	share->client = NULL;
	if (client == NULL)
		return;
	client->bytes -= share->bytes;
	if (--client->share_count > 0)
		return;
	tree_remove(&pool->clients, client, compare);
	free(client);
}

void
pool_own(struct pool *pool, struct pool_share *share, const char *address)
{
	struct pool_client *fresh = mem_zalloc(sizeof(*fresh)), *client;

	disown(pool, share);
	address_key(fresh->key, address);
	client = tree_add(&pool->clients, fresh, compare);
	if (client != fresh)
		free(fresh);
	client->share_count++;
	client->bytes += share->bytes;
	share->client = client;
}

void
pool_hold(struct pool *pool, struct pool_share *share, size_t bytes)
{
	struct pool_half *half = bytes == 0 ? NULL : half_of(pool, bytes);

	pool->bytes += bytes - share->bytes;
	if (share->half != NULL)
		share->half->bytes -= share->bytes;
	if (half != NULL)
		half->bytes += bytes;
	if (half == NULL)
		list_remove(&share->node);
	else if (half != share->half)
		list_move(&half->shares, &share->node);
	share->half = half;
	if (share->client != NULL)
		share->client->bytes += bytes - share->bytes;
	share->bytes = bytes;
	if (bytes == 0)
		disown(pool, share);
}

bool
pool_has(struct pool *pool, const struct pool_share *share, size_t bytes)
{
	const struct pool_half *half = half_of(pool, bytes);
	size_t own_bytes = share->half == half ? share->bytes : 0;

	return half->bytes - own_bytes + bytes <= half->bytes_max;
}

/* What all hold that are the same client's. */
static size_t
client_bytes(const struct pool_share *share)
{
	return share->client == NULL ? share->bytes : share->client->bytes;
}

struct pool_share *
pool_victim(struct pool *pool, const struct pool_share *share, size_t bytes)
{
	struct pool_share *victim = NULL, *other;
	size_t             all_bytes, most_bytes = 0;
	size_t own_bytes = client_bytes(share) - share->bytes + bytes;
	bool   is_own;

	list_for_each (node, &half_of(pool, bytes)->shares) {
		other = list_entry(node, struct pool_share, node);
		is_own = share->client != NULL &&
		    other->client == share->client;
		all_bytes = is_own ? own_bytes : client_bytes(other);
		if (other == share || all_bytes < own_bytes ||
		    (is_own && other->bytes < bytes) || all_bytes < most_bytes)
			continue;
		if (victim != NULL && all_bytes == most_bytes &&
		    other->bytes <= victim->bytes)
			continue;
		victim = other;
		most_bytes = all_bytes;
	}
	return victim;
}
