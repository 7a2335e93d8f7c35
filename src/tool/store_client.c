#include "tool/store_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"
#include "pure/position.h"
#include "tool/event.h"
#include "tool/report.h"
#include "tool/retry.h"
#include "tool/store_session.h"

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
