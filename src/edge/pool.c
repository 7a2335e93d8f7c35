#include "edge/pool.h"

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
	share->bytes = bytes;
}

bool
pool_has(struct pool *pool, const struct pool_share *share, size_t bytes)
{
	const struct pool_half *half = half_of(pool, bytes);
	size_t own_bytes = share->half == half ? share->bytes : 0;

	return half->bytes - own_bytes + bytes <= half->bytes_max;
}

struct pool_share *
pool_victim(struct pool *pool, const struct pool_share *share, size_t bytes)
{
	struct pool_share *largest = NULL, *other;

	list_for_each (node, &half_of(pool, bytes)->shares) {
		other = list_entry(node, struct pool_share, node);
		if (other != share && other->bytes >= bytes &&
		    (largest == NULL || other->bytes > largest->bytes))
			largest = other;
	}
	return largest;
}
