#include "presence/presence.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "auth/access.h"
#include "auth/token.h"
#include "base/log.h"
#include "base/mem.h"
#include "hub/turns.h"
#include "presence/presence_client.h"
#include "presence/subscriber.h"
#include "store/store.h"

/* What one look at a client's queue sends, about; for more it waits longer. */
#define LOOK_COUNT_MAX 256
#define LOOK_BYTES_MAX ((size_t)64 * 1024)

/* Subscribers whose announcements are under way at a time. */
#define SENDING_MAX 64

const struct presence_limits presence_limits = {
	.selector_count_max = 100000,
	.byte_count_max = (size_t)16 * 1024 * 1024,
};

struct subscriber *
presence_join(struct presence *presence, const char *address,
    const struct presence_selector *selectors, size_t selector_count,
    struct token *token)
{
	struct presence_client *client = presence_client_get(presence, address);
	struct subscriber      *subscriber;
	size_t                  byte_count = 0;

	for (size_t i = 0; i < selector_count; i++)
		byte_count += strlen(selectors[i].text) + 1;
	if (!presence_client_has_room(presence, client, selector_count,
		byte_count)) {
		if (presence->unheard_count++ == 0)
			log_warn("presence",
			    LOG_STR("reason", "too many subscriptions"));
		selector_count = byte_count = 0;
	}
	subscriber = subscriber_new(presence, client, selectors, selector_count,
	    byte_count);
	subscriber->token = token == NULL ? NULL : token_ref(token);
	subscriber->entry.token = token;
	list_append(&presence->there, &subscriber->entry.node);
	if (subscriber->announcement_count > 0)
		subscriber_queue(subscriber);
	else
		presence_client_arm(presence, client);
	return subscriber;
}

void
presence_leave(void *holder)
{
	struct subscriber *subscriber = holder;

	subscriber->is_gone = true;
	list_remove(&subscriber->entry.node);
	if (!subscriber->is_flying)
		subscriber_part(subscriber);
}

/* Takes from the client's queue what may be told now. */
static void
look(struct presence *presence, struct presence_client *client, int64_t now_ms)
{
	size_t             count = 0, byte_count = 0;
	struct subscriber *subscriber;

	while (!list_is_empty(&client->waiting) && count < LOOK_COUNT_MAX &&
	    byte_count < LOOK_BYTES_MAX &&
	    presence->sending_count < SENDING_MAX) {
		subscriber = list_entry(client->waiting.next, struct subscriber,
		    node);
		count += subscriber->announcement_count;
		byte_count += subscriber->byte_count;
		subscriber->is_sending = true;
		presence->sending_count++;
		list_move(&presence->ready, &subscriber->node);
	}
	client->next_ms = now_ms + PRESENCE_LOOK_MS +
	    PRESENCE_LOOK_MS * (int64_t)(client->sent_bytes / LOOK_BYTES_MAX);
	client->sent_bytes = 0;
	presence_client_arm(presence, client);
}

void
presence_run(struct presence *presence)
{
	int64_t                 now_ms = turns_now_ms(presence->turns);
	struct heap_node       *node;
	struct presence_client *client;

	while ((node = heap_first(&presence->due)) != NULL &&
	    node->key <= now_ms && presence->sending_count < SENDING_MAX) {
		client = list_entry(node, struct presence_client, due);
		if (client->subscriber_count == 0)
			presence_client_free(presence, client);
		else
			look(presence, client, now_ms);
	}
	while (!list_is_empty(&presence->ready))
		subscriber_tell(list_entry(presence->ready.next,
		    struct subscriber, node));
}

int64_t
presence_next_ms(const struct presence *presence)
{
	const struct heap_node *first = heap_first(&presence->due);

	/* If too many are being sent, it goes on at the store's next answer. */
	return first == NULL || presence->sending_count >= SENDING_MAX ?
	    INT64_MAX :
	    first->key;
}

void
presence_init(struct presence *presence, struct store *store,
    struct turns *turns, const struct access *access)
{
	const struct buf *path = &access_base(access)->parts[URL_PATHNAME];

	memset(presence, 0, sizeof(*presence));
	presence->store = store;
	presence->turns = turns;
	presence->access = access;
	presence->hub_path = mem_strndup(path->data, path->len_bytes);
	presence->process = subscriber_id_make_process();
	list_init(&presence->ready);
	list_init(&presence->there);
	list_init(&presence->told);
}

void
presence_close(struct presence *presence)
{
	struct heap *due = &presence->due;

	presence->is_closing = true;
	for (size_t i = 0; i < due->count; i++)
		due->nodes[i]->key = INT64_MIN; /* all alike: in order */
}

bool
presence_is_busy(const struct presence *presence)
{
	return presence->clients != NULL;
}

void
presence_doubt(struct presence *presence, uint64_t position)
{
	list_for_each (node, &presence->told) {
		subscriber_doubt(list_entry(node, struct subscriber, told_node),
		    position);
	}
}

void
presence_give_up(struct presence *presence)
{
	struct heap_node       *node;
	struct presence_client *client;

	presence->is_over = true;
	while ((node = heap_first(&presence->due)) != NULL) {
		client = list_entry(node, struct presence_client, due);
		heap_remove(&presence->due, node);
		if (client->subscriber_count == 0)
			presence_client_free(presence, client);
		else
			list_join(&presence->ready, &client->waiting);
	}
	/* The last one of a client frees it. */
	while (!list_is_empty(&presence->ready))
		subscriber_free(list_entry(presence->ready.next,
		    struct subscriber, node));
}

void
presence_deinit(struct presence *presence)
{
	assert(presence->clients == NULL);
	heap_deinit(&presence->due);
	free(presence->hub_path);
}
