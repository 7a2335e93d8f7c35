#include "presence/subscriber.h"

#include <stdlib.h>
#include <string.h>

#include "auth/access.h"
#include "auth/token.h"
#include "base/buf.h"
#include "base/mem.h"
#include "hub/turns.h"
#include "hub/update.h"
#include "presence/announcement.h"
#include "presence/presence_client.h"
#include "presence/roster.h"
#include "presence/will.h"

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
	return subscriber->shapes & subscriber->selectors[i].shapes;
}

/* Those that can announce it, less those that the same text has already. */
static unsigned
find_shapes(const struct subscriber *subscriber, size_t number)
{
	const struct presence_selector *own = &subscriber->selectors[number];
	const struct presence_selector *other;
	unsigned shapes = announcement_shapes(own->kind, own->text);

	for (size_t i = 0; i < number; i++) {
		other = &subscriber->selectors[i];
		if ((other->kind == SELECTOR_URL_PATTERN) ==
			(own->kind == SELECTOR_URL_PATTERN) &&
		    strcmp(other->text, own->text) == 0)
			shapes &= ~other->shapes;
	}
	return shapes;
}

static void
set_id(struct subscriber *subscriber)
{
	subscriber->number = subscriber_id_make(subscriber->presence->process);
	subscriber_id_print(&subscriber->number, subscriber->id);
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
	subscriber->entry.number = &subscriber->number;
	subscriber->entry.selectors = subscriber->selectors;
	subscriber->entry.selector_count = count;
	subscriber->byte_count = byte_count;
	list_init(&subscriber->node);
	list_init(&subscriber->told_node);
	set_id(subscriber);
	for (size_t i = 0; i < count; i++) {
		subscriber->selectors[i].kind = selectors[i].kind;
		subscriber->selectors[i].text = text;
		memcpy(text, selectors[i].text, strlen(selectors[i].text) + 1);
		text += strlen(text) + 1;
		subscriber->selectors[i].shapes = find_shapes(subscriber, i);
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
	list_remove(&subscriber->told_node);
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

unsigned
subscriber_announcement(const struct subscriber *subscriber, size_t number,
    struct announcement *announcement)
{
	unsigned shapes;
	size_t   at = 0;

	while (number >= bit_count(shapes = shapes_of(subscriber, at))) {
		number -= bit_count(shapes);
		at++;
	}
	*announcement = (struct announcement){
		.hub_path = subscriber->presence->hub_path,
		.kind = subscriber->selectors[at].kind,
		.selector = subscriber->selectors[at].text,
		.subscriber = subscriber->id,
		.is_active = subscriber->state == SUBSCRIBER_JOINING,
	};
	return number > 0 || (shapes & ANNOUNCEMENT_07) == 0 ? ANNOUNCEMENT_08 :
							       ANNOUNCEMENT_07;
}

const char *
subscriber_payload(const struct subscriber *subscriber, const char *selector,
    uint64_t *cost)
{
	return subscriber->token == NULL ?
	    NULL :
	    access_payload(subscriber->presence->access, subscriber->token,
		selector, cost);
}

static bool
is_told(const struct subscriber *subscriber)
{
	return subscriber->state == SUBSCRIBER_JOINING ?
	    subscriber->told_count == subscriber->announcement_count :
	    subscriber->told_count == 0;
}

/*
 * The store gets the announcement, or has not taken it. What is published later
 * comes later in the log, so from now on it counts.
 */
static void
set_sent(struct subscriber *subscriber, size_t number, bool is_out)
{
	struct presence    *presence = subscriber->presence;
	struct announcement announcement;
	unsigned            shape = subscriber_announcement(subscriber, number,
		       &announcement);
	uint64_t            digest = roster_digest(&(struct roster_fact){
		       .id = subscriber->number,
		       .shape = shape,
		       .is_pattern = announcement.kind == SELECTOR_URL_PATTERN,
		       .selector = announcement.selector,
        });

	if ((number < subscriber->sent_count) == is_out)
		return;
	subscriber->sent_count = number + is_out;
	presence->told_digest += is_out ? digest : -digest;
	presence->told_count = is_out ? presence->told_count + 1 :
					presence->told_count - 1;
	if (subscriber->sent_count == 0) {
		list_remove(&subscriber->told_node);
	} else if (list_is_empty(&subscriber->told_node)) {
		subscriber->told_number = ++presence->told_number;
		list_append(&presence->told, &subscriber->told_node);
	}
}

/* The number of the announcement that is, or is to be, under way. */
static size_t
number_of_next(const struct subscriber *subscriber)
{
	return subscriber->told_count -
	    (subscriber->state == SUBSCRIBER_LEAVING);
}

/*
 * Begins to take back what others take back. To them none of it is out any
 * more, so from now on no record is to list it.
 */
static void
take_back(struct subscriber *subscriber)
{
	while (subscriber->sent_count > 0)
		set_sent(subscriber, subscriber->sent_count - 1, false);
	if (subscriber->state == SUBSCRIBER_LEAVING)
		return;
	subscriber->state = SUBSCRIBER_LEAVING;
	subscriber_queue(subscriber);
}

void
subscriber_doubt(struct subscriber *subscriber, uint64_t position)
{
	if (subscriber->state == SUBSCRIBER_JOINING) {
		/* Of the first that is under way the position will tell. */
		subscriber->doubted_at = position;
	} else if (subscriber->joined_at < position) {
		subscriber->doubted_at = position;
		take_back(subscriber);
	}
}

/* All of it is announced. */
static void
subscriber_arrive(struct subscriber *subscriber)
{
	subscriber->state = SUBSCRIBER_THERE;
	if (subscriber->joined_at < subscriber->doubted_at) {
		take_back(subscriber);
		return;
	}
	subscriber->doubted_at = 0;
	subscriber->is_sending = false;
	subscriber->presence->sending_count--;
}

/* All of it was taken back, but its stream is there. */
static void
subscriber_return(struct subscriber *subscriber)
{
	set_id(subscriber);
	subscriber->doubted_at = 0;
	subscriber->state = SUBSCRIBER_JOINING;
	subscriber_queue(subscriber);
}

/* What is next after the store has taken an announcement. */
static void
subscriber_go_on(struct subscriber *subscriber)
{
	struct presence *presence = subscriber->presence;

	if (subscriber->is_gone &&
	    (presence->is_over || subscriber->state == SUBSCRIBER_JOINING))
		subscriber_part(subscriber);
	else if (!is_told(subscriber))
		list_append(&presence->ready, &subscriber->node);
	else if (subscriber->is_gone)
		subscriber_free(subscriber);
	else if (subscriber->state == SUBSCRIBER_LEAVING)
		subscriber_return(subscriber);
	else
		subscriber_arrive(subscriber);
}

/* Notes in the process's will whether one of its announcements is out. */
static void
note(const struct subscriber *subscriber, size_t number, bool is_out)
{
	struct announcement announcement;
	unsigned            shape = subscriber_announcement(subscriber, number,
		       &announcement);
	uint64_t            cost = 0;

	if (is_out)
		announcement.payload = subscriber_payload(subscriber,
		    announcement.selector, &cost);
	will_note(subscriber->presence, &announcement, shape, is_out);
}

/* What the store has taken counts. */
static void
count_told(struct subscriber *subscriber, uint64_t position)
{
	if (subscriber->state == SUBSCRIBER_LEAVING)
		subscriber->told_count--;
	else if (subscriber->told_count++ == 0)
		subscriber->joined_at = position;
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
		/* What was not kept is left to others. */
		if (subscriber->state == SUBSCRIBER_LEAVING &&
		    receipt->result != STORE_NOT_KEPT)
			note(subscriber, number_of_next(subscriber), false);
		count_told(subscriber, receipt->position);
		subscriber_go_on(subscriber);
		return;
	}
	if (subscriber->state == SUBSCRIBER_JOINING)
		note(subscriber, number_of_next(subscriber), false);
	if (subscriber->state == SUBSCRIBER_JOINING ||
	    subscriber->doubted_at == 0)
		set_sent(subscriber, number_of_next(subscriber),
		    subscriber->state == SUBSCRIBER_LEAVING);
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
	size_t   i = number_of_next(subscriber);
	unsigned shape = subscriber_announcement(subscriber, i, &announcement);
	uint64_t cost = 0;
	char     key[ANNOUNCEMENT_KEY_BYTES];

	announcement.payload = subscriber_payload(subscriber,
	    announcement.selector, &cost);
	announcement_append(&announcement, shape, &topic, &event);
	announcement_print_end_key(&announcement, topic.data, key);
	topics[0] = topic.data;
	update.bytes = event.data;
	update.len_bytes = event.len_bytes;
	subscriber->client->sent_bytes += topic.len_bytes + event.len_bytes;
	set_sent(subscriber, i, announcement.is_active);
	if (announcement.is_active)
		note(subscriber, i, true);
	subscriber->is_flying = true;
	subscriber->publish.done = on_published;
	list_remove(&subscriber->node);
	store_publish(subscriber->presence->store, &subscriber->publish,
	    &update,
	    announcement.is_active || subscriber->doubted_at == 0 ? NULL : key);
	buf_deinit(&topic);
	buf_deinit(&event);
}
