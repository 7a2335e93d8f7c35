#include "routes/list_pace.h"

#include <stdlib.h>
#include <string.h>

#include "auth/token.h"
#include "base/mem.h"
#include "http/call.h"
#include "http/refusal.h"
#include "hub/turns.h"
#include "pure/address.h"

/* When a client that was refused may ask again. */
#define RETURN_MS 1000

/* A call that waits for its turn. */
struct wait {
	struct list           node;
	struct call          *call;
	struct bearer_verdict verdict; /* whose token is held */
	bearer_fn            *answer;
	void                 *context;
	char                  client[ADDRESS_KEY_BYTES];
};

void
list_pace_init(struct list_pace *pace, struct turns *turns)
{
	pace->turns = turns;
	list_init(&pace->waiting);
	pace->due_us = 0;
}

static void
answer_now(struct list_pace *pace, struct call *call,
    const struct bearer_verdict *verdict, bearer_fn *answer, void *context)
{
	const int64_t begin_us = pace->turns->now_us();
	int64_t       end_us;

	answer(call, verdict, context);
	end_us = pace->turns->now_us();
	pace->due_us = end_us + (end_us - begin_us) + 1;
}

static bool
is_due(const struct list_pace *pace)
{
	return pace->turns->now_us() >= pace->due_us;
}

static size_t
count_held(const struct list_pace *pace, const char *client)
{
	const struct wait *wait;
	size_t             count = 0;

	for (const struct list *node = pace->waiting.next;
	     node != &pace->waiting; node = node->next) {
		wait = list_entry(node, const struct wait, node);
		count += strcmp(wait->client, client) == 0;
	}
	return count;
}

static void
wait_free(struct wait *wait)
{
	list_remove(&wait->node);
	token_release(wait->verdict.token);
	free(wait);
}

static void
on_cancel(void *holder)
{
	wait_free(holder);
}

void
list_pace_answer(struct list_pace *pace, struct call *call,
    const struct bearer_verdict *verdict, bearer_fn *answer, void *context)
{
	struct wait *wait;
	char         client[ADDRESS_KEY_BYTES];

	if (list_is_empty(&pace->waiting) && is_due(pace)) {
		answer_now(pace, call, verdict, answer, context);
		return;
	}
	address_key(client, call->client);
	if (count_held(pace, client) >= LIST_PACE_HELD_MAX) {
		refusal_come_back(call, RETURN_MS,
		    "this client asks for too many lists at a time");
		return;
	}
	wait = mem_zalloc(sizeof(*wait));
	wait->call = call;
	wait->verdict = *verdict;
	token_ref(verdict->token);
	wait->answer = answer;
	wait->context = context;
	memcpy(wait->client, client, sizeof(client));
	list_init(&wait->node);
	list_append(&pace->waiting, &wait->node);
	call_hold(call, on_cancel, wait);
}

void
list_pace_run(struct list_pace *pace)
{
	struct wait *first;

	while (!list_is_empty(&pace->waiting) && is_due(pace)) {
		first = list_entry(pace->waiting.next, struct wait, node);
		call_resume(first->call);
		answer_now(pace, first->call, &first->verdict, first->answer,
		    first->context);
		wait_free(first);
	}
}

int64_t
list_pace_next_ms(const struct list_pace *pace)
{
	return list_is_empty(&pace->waiting) ? INT64_MAX :
					       pace->due_us / 1000 + 1;
}
