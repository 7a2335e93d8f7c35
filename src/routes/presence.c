#include "routes/presence.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "auth/access.h"
#include "auth/token.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/tree.h"
#include "hub/turns.h"
#include "hub/update.h"
#include "pure/address.h"
#include "routes/announcement.h"
#include "store/store.h"

/* So often a client's queue is looked at. */
#define LOOK_MS 1000

/* What one look at a client's queue sends, about; for more it waits longer. */
#define LOOK_COUNT_MAX 256
#define LOOK_BYTES_MAX ((size_t)64 * 1024)

/* Subscribers whose announcements are under way at a time. */
#define SENDING_MAX 64

const struct presence_limits presence_limits = {
	.selector_count_max = 100000,
	.byte_count_max = (size_t)16 * 1024 * 1024,
};

/* Whose subscribers have a queue. */
struct presence_client {
	struct heap_node due; /* in presence->due if there is something to do */
	struct list      waiting; /* subscribers, the oldest first */
	size_t           subscriber_count;
	size_t           selector_count;
	size_t           byte_count;
	size_t           sent_bytes; /* since the last look */
	int64_t          next_ms;    /* not before is it looked at */
	char             key[ADDRESS_KEY_BYTES];
};

enum subscriber_state {
	SUBSCRIBER_JOINING, /* told_count announcements are out */
	SUBSCRIBER_THERE,
	SUBSCRIBER_LEAVING /* told_count are to be taken back */
};

struct subscriber {
	struct store_publish     publish;
	struct list              node; /* waiting, ready, or alone */
	struct presence_entry    entry;
	struct presence         *presence;
	struct presence_client  *client;
	struct token            *token; /* held, or NULL */
	enum subscriber_state    state;
	unsigned                 shapes; /* those of when it came */
	bool                     is_gone;
	bool                     is_sending; /* is in sending_count */
	bool                     is_flying;  /* the store has an announcement */
	size_t                   told_count;
	size_t                   announcement_count;
	size_t                   byte_count;
	char                     id[ANNOUNCEMENT_ID_BYTES];
	struct presence_selector selectors[]; /* the texts stand behind them */
};

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct presence_client *)a)->key,
	    ((const struct presence_client *)b)->key);
}

static struct presence_client *
client_get(struct presence *presence, const char *address)
{
	struct presence_client *fresh = mem_zalloc(sizeof(*fresh)), *client;

	address_key(fresh->key, address);
	list_init(&fresh->waiting);
	client = tree_add(&presence->clients, fresh, compare);
	if (client != fresh)
		free(fresh);
	return client;
}

static void
client_free(struct presence *presence, struct presence_client *client)
{
	heap_remove(&presence->due, &client->due);
	tree_remove(&presence->clients, client, compare);
	free(client);
}

/*
 * Sees to it that the client is looked at, if there is a reason to. When all is
 * over it may be freed.
 */
static void
client_arm(struct presence *presence, struct presence_client *client)
{
	if (presence->is_over && client->subscriber_count == 0)
		client_free(presence, client);
	else if (!list_is_empty(&client->waiting) ||
	    client->subscriber_count == 0)
		heap_set(&presence->due, &client->due,
		    presence->is_closing ? INT64_MIN : client->next_ms);
	else
		heap_remove(&presence->due, &client->due);
}

static bool
has_room(const struct presence *presence, const struct presence_client *client,
    size_t selector_count, size_t byte_count)
{
	const struct presence_limits *max = &presence_limits;

	return presence->selector_count + selector_count <=
	    max->selector_count_max &&
	    presence->byte_count + byte_count <= max->byte_count_max &&
	    client->selector_count + selector_count <=
	    max->selector_count_max / 2 &&
	    client->byte_count + byte_count <= max->byte_count_max / 2;
}

static void
count_in(struct subscriber *subscriber, bool is_in)
{
	struct presence        *presence = subscriber->presence;
	struct presence_client *client = subscriber->client;
	size_t selector_count = subscriber->entry.selector_count;
	size_t byte_count = subscriber->byte_count;

	if (is_in) {
		client->subscriber_count++;
		client->selector_count += selector_count;
		client->byte_count += byte_count;
		presence->selector_count += selector_count;
		presence->byte_count += byte_count;
		return;
	}
	client->subscriber_count--;
	client->selector_count -= selector_count;
	client->byte_count -= byte_count;
	presence->selector_count -= selector_count;
	presence->byte_count -= byte_count;
}

static size_t
bit_count(unsigned shapes)
{
	return (shapes & 1) + (shapes >> 1 & 1);
}

static unsigned
shapes_of(const struct subscriber *subscriber, size_t i)
{
	return subscriber->shapes &
	    announcement_shapes(subscriber->selectors[i].kind,
		subscriber->selectors[i].text);
}

static struct subscriber *
subscriber_new(struct presence *presence, struct presence_client *client,
    const struct presence_selector *selectors, size_t count, size_t byte_count)
{
	size_t             size = count * sizeof(selectors[0]);
	struct subscriber *subscriber = mem_zalloc(sizeof(*subscriber) + size +
	    byte_count);
	char              *text = (char *)subscriber->selectors + size;

	subscriber->presence = presence;
	subscriber->client = client;
	subscriber->shapes = presence->shapes;
	subscriber->entry.id = subscriber->id;
	subscriber->entry.selectors = subscriber->selectors;
	subscriber->entry.selector_count = count;
	subscriber->byte_count = byte_count;
	list_init(&subscriber->node);
	announcement_make_id(subscriber->id);
	for (size_t i = 0; i < count; i++) {
		subscriber->selectors[i].kind = selectors[i].kind;
		subscriber->selectors[i].text = text;
		memcpy(text, selectors[i].text, strlen(selectors[i].text) + 1);
		text += strlen(text) + 1;
		subscriber->announcement_count +=
		    bit_count(shapes_of(subscriber, i));
	}
	count_in(subscriber, true);
	return subscriber;
}

static void
subscriber_free(struct subscriber *subscriber)
{
	struct presence *presence = subscriber->presence;

	presence->sending_count -= subscriber->is_sending;
	list_remove(&subscriber->node);
	count_in(subscriber, false);
	client_arm(presence, subscriber->client);
	if (subscriber->token != NULL)
		token_release(subscriber->token);
	free(subscriber);
}

/* Has it wait for the next look at its client. */
static void
subscriber_queue(struct subscriber *subscriber)
{
	struct presence *presence = subscriber->presence;

	presence->sending_count -= subscriber->is_sending;
	subscriber->is_sending = false;
	list_move(&subscriber->client->waiting, &subscriber->node);
	client_arm(presence, subscriber->client);
}

/* It is gone, and nothing of it is under way. */
static void
subscriber_part(struct subscriber *subscriber)
{
	subscriber->state = SUBSCRIBER_LEAVING;
	if (subscriber->told_count == 0 || subscriber->presence->is_over)
		subscriber_free(subscriber);
	else
		subscriber_queue(subscriber);
}

struct subscriber *
presence_join(struct presence *presence, const char *address,
    const struct presence_selector *selectors, size_t selector_count,
    struct token *token)
{
	struct presence_client *client = client_get(presence, address);
	struct subscriber      *subscriber;
	size_t                  byte_count = 0;

	for (size_t i = 0; i < selector_count; i++)
		byte_count += strlen(selectors[i].text) + 1;
	if (!has_room(presence, client, selector_count, byte_count)) {
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
		client_arm(presence, client);
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

/* The announcement whose number among all of its subscriber is i. */
static unsigned
find(const struct subscriber *subscriber, size_t i,
    struct announcement *announcement)
{
	unsigned shapes;
	size_t   at = 0;

	while (i >= bit_count(shapes = shapes_of(subscriber, at))) {
		i -= bit_count(shapes);
		at++;
	}
	*announcement = (struct announcement){
		.hub_path = subscriber->presence->hub_path,
		.kind = subscriber->selectors[at].kind,
		.selector = subscriber->selectors[at].text,
		.subscriber = subscriber->id,
		.is_active = subscriber->state == SUBSCRIBER_JOINING,
	};
	if (subscriber->token != NULL)
		announcement->payload =
		    access_payload(subscriber->presence->access,
			subscriber->token, announcement->selector);
	return i > 0 || (shapes & ANNOUNCEMENT_07) == 0 ? ANNOUNCEMENT_08 :
							  ANNOUNCEMENT_07;
}

static bool
is_told(const struct subscriber *subscriber)
{
	return subscriber->state == SUBSCRIBER_JOINING ?
	    subscriber->told_count == subscriber->announcement_count :
	    subscriber->told_count == 0;
}

/* What is next after the store has taken an announcement. */
static void
subscriber_go_on(struct subscriber *subscriber)
{
	struct presence *presence = subscriber->presence;

	if (subscriber->is_gone &&
	    (presence->is_over || subscriber->state == SUBSCRIBER_JOINING)) {
		subscriber_part(subscriber);
	} else if (!is_told(subscriber)) {
		list_append(&presence->ready, &subscriber->node);
	} else if (subscriber->is_gone) {
		subscriber_free(subscriber);
	} else {
		subscriber->state = SUBSCRIBER_THERE;
		subscriber->is_sending = false;
		presence->sending_count--;
	}
}

static void
on_published(struct store_publish *publish, const struct store_receipt *receipt)
{
	struct subscriber      *subscriber;
	struct presence_client *client;

	subscriber = list_entry(publish, struct subscriber, publish);
	client = subscriber->client;
	subscriber->is_flying = false;
	if (receipt->result != STORE_NOT_KEPT ||
	    subscriber->presence->is_closing) {
		if (subscriber->state == SUBSCRIBER_JOINING)
			subscriber->told_count++;
		else
			subscriber->told_count--;
		subscriber_go_on(subscriber);
		return;
	}
	client->next_ms = turns_now_ms(subscriber->presence->turns) +
	    LOOK_MS * (1 + receipt->retry_after_s);
	if (subscriber->is_gone && subscriber->state == SUBSCRIBER_JOINING)
		subscriber_part(subscriber);
	else
		subscriber_queue(subscriber);
}

static void
subscriber_tell(struct subscriber *subscriber)
{
	struct announcement announcement;
	struct buf          topic = { 0 }, event = { 0 };
	const char         *topics[1];
	struct update       update = {
		      .topics = topics,
		      .topic_count = 1,
		      .is_private = true,
	};
	size_t i = subscriber->told_count -
	    (subscriber->state == SUBSCRIBER_LEAVING);
	unsigned shape = find(subscriber, i, &announcement);

	announcement_append(&announcement, shape, &topic, &event);
	topics[0] = topic.data;
	update.bytes = event.data;
	update.len_bytes = event.len_bytes;
	subscriber->client->sent_bytes += topic.len_bytes + event.len_bytes;
	subscriber->is_flying = true;
	subscriber->publish.done = on_published;
	list_remove(&subscriber->node);
	store_publish(subscriber->presence->store, &subscriber->publish,
	    &update, NULL);
	buf_deinit(&topic);
	buf_deinit(&event);
}

/* Takes from the client's queue what may be told now. */
static void
client_look(struct presence *presence, struct presence_client *client,
    int64_t now_ms)
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
	client->next_ms = now_ms + LOOK_MS +
	    LOOK_MS * (int64_t)(client->sent_bytes / LOOK_BYTES_MAX);
	client->sent_bytes = 0;
	client_arm(presence, client);
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
			client_free(presence, client);
		else
			client_look(presence, client, now_ms);
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
	list_init(&presence->ready);
	list_init(&presence->there);
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
presence_give_up(struct presence *presence)
{
	struct heap_node       *node;
	struct presence_client *client;

	presence->is_over = true;
	while ((node = heap_first(&presence->due)) != NULL) {
		client = list_entry(node, struct presence_client, due);
		heap_remove(&presence->due, node);
		if (client->subscriber_count == 0)
			client_free(presence, client);
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
