#include "tool/store_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"
#include "hub/update.h"
#include "pure/event_id.h"
#include "pure/position.h"
#include "pure/selector.h"
#include "pure/sse.h"
#include "pure/url.h"
#include "tool/publication.h"
#include "tool/report.h"
#include "tool/retry.h"
#include "tool/store_session.h"

/* What a store keeps of a publication. Its texts point into that. */
struct event {
	struct update update;
	struct buf    bytes;
	const char  **topics;
};

/* As the responder has them. */
#define TOPICS_MAX 256
#define DATA_BYTES_MAX (64 << 20)

/* Below its path topics are the hub's, wherever it is. */
static const char hub_url[] = "http://localhost/.well-known/mercure";

static bool
is_reserved(const char *topic)
{
	struct url hub = { 0 };
	bool       is_hubs = strcmp(topic, "*") == 0;

	if (url_parse(&hub, hub_url, strlen(hub_url), NULL, URL_ANY_HOST) == 0)
		is_hubs = is_hubs ||
		    selector_is_reserved(topic, strlen(topic), &hub);
	url_deinit(&hub);
	return is_hubs;
}

static const char *
add_topics(struct event *event, const struct publication *publication)
{
	struct update *update = &event->update;

	event->topics = mem_alloc((publication->topic_count + 1) *
	    sizeof(*event->topics));
	for (size_t i = 0; i < publication->topic_count; i++) {
		const char *topic = publication->topics[i];
		size_t      len_bytes = strlen(topic), k = 0;

		if (len_bytes == 0 || len_bytes > SELECTOR_BYTES_MAX ||
		    !sse_is_field_value(topic, len_bytes))
			return "a topic takes a name in UTF-8 without control "
			       "characters";
		if (is_reserved(topic))
			return "a topic is one that is reserved, as * and all "
			       "at the hub's path are";
		while (k < update->topic_count &&
		    strcmp(event->topics[k], topic) != 0)
			k++;
		if (k == update->topic_count)
			event->topics[update->topic_count++] = topic;
		if (update->topic_count > TOPICS_MAX)
			return "too many topics";
	}
	update->topics = event->topics;
	return update->topic_count == 0 ? "the topic is missing" : NULL;
}

static const char *
check_fields(const struct publication *publication)
{
	const char *type = publication->type, *id = publication->id;

	if (id != NULL && *id != '\0' &&
	    !event_id_is_publishers(id, strlen(id)))
		return "an id takes UTF-8 without control characters, with no "
		       "# before it, and not \"earliest\"";
	if (type != NULL && !sse_is_field_value(type, strlen(type)))
		return "a type takes UTF-8 without control characters";
	if (type != NULL && strcmp(type, "mercure") == 0)
		return "the type \"mercure\" is the hub's";
	if (publication->retry_ms > SSE_RETRY_MS_MAX)
		return "retry takes milliseconds, at most a day";
	if (publication->data_bytes > DATA_BYTES_MAX)
		return "the data is longer than 64 MiB";
	if (!sse_is_utf8(publication->data, publication->data_bytes))
		return "the data is not UTF-8";
	return NULL;
}

/*
 * Makes the update, by the rules that fcgi-sse has for publishers with a key.
 * NULL, or a constant line that says what is wrong. event_deinit is due in both
 * cases.
 */
static const char *
event_init(struct event *event, const struct publication *publication)
{
	bool has_type = publication->type != NULL && *publication->type != '\0';
	bool has_id = publication->id != NULL && *publication->id != '\0';
	const struct sse_event fields = {
		.type = has_type ? publication->type : NULL,
		.data = publication->data,
		.data_bytes = publication->data_bytes,
		.retry_ms = publication->retry_ms,
	};
	const char *error;

	*event = (struct event){ .update.is_private = publication->is_private };
	error = add_topics(event, publication);
	if (error == NULL)
		error = check_fields(publication);
	if (error != NULL)
		return error;
	sse_append_event(&event->bytes, &fields);
	event->update.id = has_id ? publication->id : NULL;
	event->update.bytes = event->bytes.data;
	event->update.len_bytes = event->bytes.len_bytes;
	return NULL;
}

static void
event_deinit(struct event *event)
{
	buf_deinit(&event->bytes);
	free(event->topics);
	*event = (struct event){ 0 };
}

/* Keys of commands are apart from those of requests, which name a sender. */
#define ONCE_START "command "

struct store_client {
	struct store_session session;
	int64_t              timeout_ms;
	int64_t              retry_ms;
	struct retry         retry;
};

/* A publish under way; it outlives its wait where the store is too slow. */
struct order {
	struct store_publish publish;
	struct store_receipt receipt;
	struct store        *store;
	struct buf           text; /* the id, or why there is none */
	bool                 is_done;
	bool                 is_given_up;
};

static void
on_done(struct store_publish *publish, const struct store_receipt *receipt)
{
	struct order       *order = list_entry(publish, struct order, publish);
	struct store_health health;
	char                made[POSITION_ID_BYTES];

	if (order->is_given_up) {
		free(order);
		return;
	}
	order->is_done = true;
	order->receipt = *receipt;
	if (receipt->result != STORE_KEPT) {
		store_get_health(order->store, &health);
		buf_printf(&order->text, "store %s: %s", health.name,
		    receipt->why == NULL ? "it failed" : receipt->why);
	} else if (receipt->is_repeat && receipt->id != NULL) {
		buf_append_str(&order->text, receipt->id);
	} else {
		position_to_id(receipt->position, store_tag(order->store),
		    made);
		buf_append_str(&order->text, made);
	}
}

struct store_client *
store_client_new(const char *url, int64_t timeout_ms, int64_t retry_ms)
{
	struct store_client *client = mem_zalloc(sizeof(*client));
	char                 error[STORE_ERROR_BYTES];

	client->timeout_ms = timeout_ms;
	client->retry_ms = retry_ms;
	if (store_session_open(&client->session, url, false, 0, NULL,
		timeout_ms, error, sizeof(error)) == 0)
		return client;
	report(0, "%s", error);
	free(client);
	return NULL;
}

void
store_client_free(struct store_client *client)
{
	store_session_close(&client->session);
	free(client);
}

/* One try. The text becomes the id or the cause. */
static enum store_result
send_event(struct store_client *client, const struct event *event,
    const char *once, struct buf *text, int64_t *least_ms)
{
	struct order     *order = mem_zalloc(sizeof(*order));
	enum store_result result;

	order->publish.done = on_done;
	order->store = client->session.store;
	text->len_bytes = 0;
	*least_ms = 0;
	store_publish(order->store, &order->publish, &event->update, once);
	if (!store_session_wait(&client->session, &order->is_done,
		client->timeout_ms)) {
		order->is_given_up = true;
		buf_append_str(text, "the store did not answer in time");
		return STORE_MAYBE_KEPT;
	}
	result = order->receipt.result;
	*least_ms = (int64_t)order->receipt.retry_after_s * 1000;
	if (result == STORE_KEPT && event->update.id != NULL &&
	    !order->receipt.is_repeat)
		buf_append_str(text, event->update.id);
	else
		buf_append(text, order->text.data, order->text.len_bytes);
	buf_deinit(&order->text);
	free(order);
	return result;
}

enum client_result
store_client_publish(struct store_client *client,
    const struct publication *publication, struct buf *text)
{
	struct retry *retry = &client->retry;
	char          once[sizeof(ONCE_START) + RETRY_KEY_BYTES] = ONCE_START;
	struct event  event;
	const char   *error = event_init(&event, publication);
	enum store_result result = STORE_NOT_KEPT;
	int64_t           least_ms;
	bool              is_over = false;

	text->len_bytes = 0;
	retry_begin(retry, client->retry_ms);
	retry_make_key(once + sizeof(ONCE_START) - 1);
	while (error == NULL && !is_over) {
		result = send_event(client, &event, once, text, &least_ms);
		retry->is_doubtful |= result == STORE_MAYBE_KEPT;
		is_over = result == STORE_KEPT ||
		    retry_is_over(retry, least_ms);
		if (!is_over)
			store_session_wait(&client->session, &is_over,
			    retry_next_ms(retry, least_ms));
	}
	if (error != NULL)
		buf_append_str(text, error);
	else if (result != STORE_KEPT)
		retry_append(retry, text);
	buf_append(text, "", 1);
	event_deinit(&event);
	return result == STORE_KEPT ? CLIENT_ACCEPTED : CLIENT_REFUSED;
}
