#include "config.h"

#include "stream/clients.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* An address is no longer than this; what is behind it does not count. */
#define ADDRESS_BYTES_MAX 63

/* The tree holds addresses; a client is found from where its own is. */
static struct client *
client_of(const char *address)
{
	return (struct client *)(void *)((char *)(void *)address -
	    offsetof(struct client, address));
}

static int
compare(const void *a, const void *b)
{
	return strncmp(a, b, ADDRESS_BYTES_MAX);
}

size_t
clients_count(const struct clients *clients, const char *address)
{
	char *const *found = tfind(address, &clients->tree, compare);

	return found == NULL ? 0 : client_of(*found)->stream_count;
}

struct client *
clients_enter(struct clients *clients, const char *address)
{
	char *const   *found = tfind(address, &clients->tree, compare);
	size_t         len_bytes = strnlen(address, ADDRESS_BYTES_MAX);
	struct client *client;

	if (found != NULL) {
		client = client_of(*found);
	} else {
		client = mem_zalloc(sizeof(*client) + len_bytes + 1);
		memcpy(client->address, address, len_bytes);
		if (tsearch(client->address, &clients->tree, compare) == NULL)
			mem_fail();
	}
	client->stream_count++;
	return client;
}

void
clients_leave(struct clients *clients, struct client *client)
{
	if (--client->stream_count > 0)
		return;
	tdelete(client->address, &clients->tree, compare);
	free(client);
}
