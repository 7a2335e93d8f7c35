#include "hub/shares.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tree.h"
#include "pure/address.h"

struct share {
	size_t   bytes;
	uint64_t cost; /* that has not been worked off */
	int64_t  cost_ms;
	char     client[ADDRESS_KEY_BYTES];
};

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct share *)a)->client,
	    ((const struct share *)b)->client);
}

static void
share_init(struct share *share, const char *client)
{
	memset(share, 0, sizeof(*share));
	address_key(share->client, client == NULL ? "" : client);
}

static bool
may_take(const struct shares *shares, const struct share *share, size_t bytes)
{
	size_t left_bytes;

	if (shares->bytes + bytes > shares->bytes_max)
		return false;
	left_bytes = shares->bytes_max - shares->bytes;
	return share == NULL || share->bytes + bytes <= left_bytes / 2;
}

struct share *
shares_take(struct shares *shares, const char *client, size_t bytes)
{
	struct share key, *share;

	share_init(&key, client);
	share = tree_find(&shares->tree, &key, compare);
	if (!may_take(shares, share, bytes))
		return NULL;
	if (share == NULL) {
		share = mem_alloc(sizeof(*share));
		share_init(share, client);
		tree_add(&shares->tree, share, compare);
	}
	share->bytes += bytes;
	shares->bytes += bytes;
	return share;
}

const char *
shares_client(const struct share *share)
{
	return share->client;
}

bool
shares_take_more(struct shares *shares, struct share *share, size_t bytes)
{
	if (!may_take(shares, share, bytes))
		return false;
	share->bytes += bytes;
	shares->bytes += bytes;
	return true;
}

bool
shares_spend(struct share *share, uint64_t cost, int64_t now_ms)
{
	uint64_t rest = now_ms > share->cost_ms ?
	    (uint64_t)(now_ms - share->cost_ms) * SHARES_COST_PER_MS :
	    0;

	share->cost = share->cost > rest ? share->cost - rest : 0;
	share->cost_ms = now_ms;
	share->cost += cost;
	return share->cost <= SHARES_COST_MAX;
}

void
shares_give_back(struct shares *shares, struct share *share, size_t bytes)
{
	shares->bytes -= bytes;
	share->bytes -= bytes;
	if (share->bytes > 0)
		return;
	tree_remove(&shares->tree, share, compare);
	free(share);
}
