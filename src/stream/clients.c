#include "config.h"

#include "stream/clients.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tree.h"
#include "pure/address.h"
#include "pure/hash.h"

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct client *)a)->key,
	    ((const struct client *)b)->key);
}

/* A client of that address, which has no stream yet. */
static struct client *
client_new(const char *address)
{
	char           key[ADDRESS_KEY_BYTES];
	struct client *client;

	address_key(key, address);
	client = mem_zalloc(sizeof(*client) + strlen(key) + 1);
	memcpy(client->key, key, strlen(key));
	return client;
}

uint64_t
client_key(const char *address)
{
	char key[ADDRESS_KEY_BYTES];

	address_key(key, address);
	return hash_bytes(HASH_START, key, strlen(key));
}

size_t
clients_count(const struct clients *clients, const char *address)
{
	struct client       *key = client_new(address);
	const struct client *found = tree_find(&clients->tree, key, compare);

	free(key);
	return found == NULL ? 0 : found->stream_count;
}

struct client *
clients_enter(struct clients *clients, const char *address)
{
	struct client *fresh = client_new(address);
	struct client *client = tree_add(&clients->tree, fresh, compare);

	if (client != fresh)
		free(fresh);
	client->stream_count++;
	return client;
}

void
clients_leave(struct clients *clients, struct client *client)
{
	if (--client->stream_count > 0)
		return;
	tree_remove(&clients->tree, client, compare);
	free(client);
}
