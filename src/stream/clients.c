#include "config.h"

#include "stream/clients.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tree.h"

/* An address is no longer than this; what is behind it does not count. */
#define ADDRESS_BYTES_MAX 63

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct client *)a)->address,
	    ((const struct client *)b)->address);
}

/* A client of that address, which has no stream yet. */
static struct client *
client_new(const char *address)
{
	size_t         len_bytes;
	struct client *client;

	if (address == NULL || *address == '\0')
		address = "-";
	len_bytes = strnlen(address, ADDRESS_BYTES_MAX);
	client = mem_zalloc(sizeof(*client) + len_bytes + 1);

	memcpy(client->address, address, len_bytes);
	return client;
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
