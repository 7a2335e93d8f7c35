#include "routes/subscriber.h"

#include <stdlib.h>
#include <string.h>

#include "auth/access.h"
#include "auth/token.h"
#include "base/buf.h"
#include "base/mem.h"
#include "hub/turns.h"
#include "hub/update.h"
#include "routes/announcement.h"
#include "routes/presence_client.h"

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

struct subscriber *
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
	subscriber->number = subscriber_id_make(presence->process);
	subscriber_id_print(&subscriber->number, subscriber->id);
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

void
subscriber_free(struct subscriber *subscriber)
{
	struct presence *presence = subscriber->presence;

	presence->sending_count -= subscriber->is_sending;
	list_remove(&subscriber->node);
	count_in(subscriber, false);
	presence_client_arm(presence, subscriber->client);
	if (subscriber->token != NULL)
		token_release(subscriber->token);
	free(subscriber);
}

void
subscriber_queue(struct subscriber *subscriber)
{
	struct presence *presence = subscriber->presence;

	presence->sending_count -= subscriber->is_sending;
	subscriber->is_sending = false;
	list_move(&subscriber->client->waiting, &subscriber->node);
	presence_client_arm(presence, subscriber->client);
}

void
subscriber_part(struct subscriber *subscriber)
{
	subscriber->state = SUBSCRIBER_LEAVING;
	if (subscriber->told_count == 0 || subscriber->presence->is_over)
		subscriber_free(subscriber);
	else
		subscriber_queue(subscriber);
}

/* The announcement whose number among all of its subscriber is i. */
static unsigned
find(const struct subscriber *subscriber, size_t i,
    struct announcement *announcement)
{
	unsigned shapes;
	size_t   at = 0;
	uint64_t cost = 0;

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
			subscriber->token, announcement->selector, &cost);
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
	    PRESENCE_LOOK_MS * (1 + receipt->retry_after_s);
	if (subscriber->is_gone && subscriber->state == SUBSCRIBER_JOINING)
		subscriber_part(subscriber);
	else
		subscriber_queue(subscriber);
}

void
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
