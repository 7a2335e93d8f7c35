#include "presence/presence_client.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tree.h"
#include "presence/presence.h"

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct presence_client *)a)->key,
	    ((const struct presence_client *)b)->key);
}

struct presence_client *
presence_client_get(struct presence *presence, const char *address)
{
	struct presence_client *fresh = mem_zalloc(sizeof(*fresh)), *client;

	address_key(fresh->key, address);
	list_init(&fresh->waiting);
	client = tree_add(&presence->clients, fresh, compare);
	if (client != fresh)
		free(fresh);
	return client;
}

void
presence_client_free(struct presence *presence, struct presence_client *client)
{
	heap_remove(&presence->due, &client->due);
	tree_remove(&presence->clients, client, compare);
	free(client);
}

void
presence_client_arm(struct presence *presence, struct presence_client *client)
{
	if (presence->is_over && client->subscriber_count == 0)
		presence_client_free(presence, client);
	else if (!list_is_empty(&client->waiting) ||
	    client->subscriber_count == 0)
		heap_set(&presence->due, &client->due,
		    presence->is_closing ? INT64_MIN : client->next_ms);
	else
		heap_remove(&presence->due, &client->due);
}

bool
presence_client_has_room(const struct presence *presence,
    const struct presence_client *client, size_t selector_count,
    size_t byte_count)
{
	const struct presence_limits *max = &presence_limits;

	return presence->selector_count + selector_count <=
	    max->selector_count_max &&
	    presence->byte_count + byte_count <= max->byte_count_max &&
	    client->selector_count + selector_count <=
	    max->selector_count_max / 2 &&
	    client->byte_count + byte_count <= max->byte_count_max / 2;
}
