#include "routes/subscribe.h"

#include <stdlib.h>
#include <string.h>

#include "auth/access.h"
#include "base/mem.h"
#include "http/bearer.h"
#include "http/call.h"
#include "http/param.h"
#include "http/refusal.h"
#include "http/store_gate.h"
#include "hub/hub.h"
#include "hub/turns.h"
#include "hub/update.h"
#include "pure/event_id.h"
#include "routes/opening.h"
#include "store/store.h"
#include "stream/lean.h"
#include "stream/streams.h"

/* An update that is kept is in the hub long before, if its store answers. */
#define EXPECT_MS 2000

/* A call that waits, and the token that it has. */
struct waiter {
	struct list             node; /* in a list of the route, or alone */
	struct subscribe_route *route;
	struct call            *call;
	struct token           *token;
	uint64_t                position; /* that the hub is to have */
	int64_t                 due_ms;

	/* Of one whose id the hub does not know. */
	struct store_find find;
	bool              is_asking;  /* the store, just now */
	bool              was_asked;  /* and has told of the id */
	bool              is_by_name; /* no pattern is followed, and not "*" */
};

static struct waiter *
waiter_new(struct subscribe_route *route, struct call *call,
    struct token *token)
{
	struct waiter *waiter = mem_zalloc(sizeof(*waiter));

	waiter->route = route;
	waiter->call = call;
	waiter->token = token == NULL ? NULL : token_ref(token);
	list_init(&waiter->node);
	return waiter;
}

static void
waiter_free(struct waiter *waiter)
{
	list_remove(&waiter->node);
	if (waiter->is_asking)
		store_find_cancel(waiter->route->store, &waiter->find);
	if (waiter->token != NULL)
		token_release(waiter->token);
	free(waiter);
}

static void
on_cancel(void *holder)
{
	waiter_free(holder);
}

/* Whether calls wait for the log to be read to its end for the first time. */
static bool
is_reading(const struct subscribe_route *route)
{
	return !route->hub->is_level && !route->waits_no_more;
}

/*
 * Whether the hub does not have yet what decides where the stream begins. While
 * the log is read: a publisher's id, which may be in it, or without an id what
 * is new. Later: what was published here before the call.
 */
static bool
has_to_wait(const struct opening *opening)
{
	const struct hub *hub = opening->route->hub;
	const char       *id = opening->id;
	uint64_t          position;

	if (!is_reading(opening->route))
		return !hub_has_come(hub, hub->expected_position);
	if (id == NULL)
		return true;
	return strcmp(id, EVENT_ID_EARLIEST) != 0 &&
	    !position_from_id(id, strlen(id), hub->tag, &position);
}

/* Puts the waiter, whose call is held, behind those who wait already. */
static void
wait_for_hub(struct waiter *waiter)
{
	struct subscribe_route *route = waiter->route;

	waiter->position = route->hub->expected_position;
	waiter->due_ms = turns_now_ms(route->hub->turns) + EXPECT_MS;
	list_move(&route->waiting, &waiter->node);
}

static void
on_lean_cancel(void *holder)
{
	struct waiter *waiter = holder;

	lean_end(waiter->route->lean);
	waiter_free(waiter);
}

/* The hub has what the one call asks for, or the store does not answer. */
static void
on_lean_ready(void *arg, bool is_there)
{
	struct waiter          *waiter = arg;
	struct subscribe_route *route = waiter->route;
	struct call            *call = waiter->call;
	struct opening          opening;

	call_resume(call);
	if (!is_there) {
		refusal_come_back(call, streams_return_ms(route->streams),
		    "the store does not answer");
	} else if (opening_init(&opening, route, call, waiter->token) &&
	    opening_admits(&opening) && !opening_answer(&opening, NULL)) {
		call_hold(call, on_lean_cancel, waiter);
		return;
	}
	waiter_free(waiter);
}

/* Has what the call asks for read from the store. */
static void
answer_from_store(struct subscribe_route *route, struct opening *opening)
{
	const char      *names[CURSOR_TOPICS_MAX];
	struct call     *call = opening->call;
	struct lean_wish wish = { .id = opening->id, .topics = names };
	struct waiter   *waiter;

	if (lean_is_busy(route->lean)) {
		refusal_come_back(call, streams_return_ms(route->streams),
		    "too many streams");
		return;
	}
	if (!opening_follow(opening))
		return;
	wish.is_last = opening->last_count > 0;
	wish.topic_count = selection_names(route->hub, opening->topics,
	    opening->topic_count, names);
	waiter = waiter_new(route, call, opening->token);
	call_hold(call, on_lean_cancel, waiter);
	lean_begin(route->lean, &wish, on_lean_ready, waiter);
}

/*
 * Whether a call that has waited may still be answered, since options may have
 * changed. If not, it was answered.
 */
static bool
is_still_allowed(const struct subscribe_route *route, struct call *call,
    const struct token *token)
{
	const struct bearer_verdict none = { .result = TOKEN_NONE };

	if (token == NULL ? route->is_anonymous_allowed :
			    access_knows_key(route->bearer->access, token))
		return true;
	bearer_refuse(route->bearer, call, &none);
	return false;
}

static void answer_waited(struct subscribe_route *, struct opening *,
    const struct finding *);

/* Ends the wait; the finding is as for opening_answer. */
static void
resume(struct waiter *waiter, const struct finding *finding)
{
	struct subscribe_route *route = waiter->route;
	struct opening          opening;

	call_resume(waiter->call);
	if (is_still_allowed(route, waiter->call, waiter->token) &&
	    opening_init(&opening, route, waiter->call, waiter->token))
		answer_waited(route, &opening, finding);
	waiter_free(waiter);
}

/*
 * The store has looked for the id. What went to a pattern is known when it has
 * come.
 */
static void
on_found(struct store_find *find, const struct update *found)
{
	struct waiter       *waiter = list_entry(find, struct waiter, find);
	struct hub          *hub = waiter->route->hub;
	const struct finding finding = { found };

	waiter->is_asking = false;
	if (found == NULL || waiter->is_by_name ||
	    hub_has_come(hub, found->position)) {
		resume(waiter, &finding);
		return;
	}
	hub_expect(hub, found->position);
	waiter->was_asked = true;
	wait_for_hub(waiter);
}

/* Has the store look for the id of the call; the topics are followed. */
static void
ask_store(struct subscribe_route *route, const struct opening *opening)
{
	const char    *names[CURSOR_TOPICS_MAX];
	size_t         topic_count;
	struct waiter *waiter;

	topic_count = selection_names(route->hub, opening->topics,
	    opening->topic_count, names);
	waiter = waiter_new(route, opening->call, opening->token);
	waiter->is_by_name = topic_count > 0;
	waiter->is_asking = true;
	waiter->find.done = on_found;
	waiter->due_ms = turns_now_ms(route->hub->turns) + EXPECT_MS;
	list_append(&route->asking, &waiter->node);
	call_hold(opening->call, on_cancel, waiter);
	store_find(route->store, &waiter->find, opening->id, names,
	    topic_count);
}

/* Answers a call that has nothing else to wait for than, maybe, the store. */
static void
answer_waited(struct subscribe_route *route, struct opening *opening,
    const struct finding *finding)
{
	if (opening_admits(opening) && !opening_answer(opening, finding))
		ask_store(route, opening);
}

static void
answer_allowed(struct subscribe_route *route, struct call *call,
    struct token *token)
{
	struct opening opening;
	struct waiter *waiter;

	if (!opening_init(&opening, route, call, token))
		return;
	if (route->lean != NULL) {
		answer_from_store(route, &opening);
		return;
	}
	if (!has_to_wait(&opening)) {
		answer_waited(route, &opening, NULL);
		return;
	}
	waiter = waiter_new(route, call, token);
	call_hold(call, on_cancel, waiter);
	wait_for_hub(waiter);
}

void
subscribe_route_init(struct subscribe_route *route)
{
	list_init(&route->waiting);
	list_init(&route->asking);
}

/* Calls for which the store has not answered in time get all that is kept. */
static void
end_asking(struct subscribe_route *route, int64_t now_ms)
{
	const struct finding none = { NULL };
	struct waiter       *waiter;

	while (!list_is_empty(&route->asking)) {
		waiter = list_entry(route->asking.next, struct waiter, node);
		if (now_ms < waiter->due_ms)
			return;
		resume(waiter, &none);
	}
}

void
subscribe_route_run(struct subscribe_route *route, int64_t now_ms)
{
	const struct finding none = { NULL };
	struct hub          *hub = route->hub;
	struct waiter       *waiter;

	end_asking(route, now_ms);
	while (!is_reading(route) && !list_is_empty(&route->waiting)) {
		waiter = list_entry(route->waiting.next, struct waiter, node);
		if (!hub_has_come(hub, waiter->position)) {
			if (now_ms < waiter->due_ms)
				return;
			/* It is late: no other call waits for it. */
			hub->expected_position = hub->position;
		}
		resume(waiter, waiter->was_asked ? &none : NULL);
	}
}

void
subscribe_route_resume(struct subscribe_route *route)
{
	route->waits_no_more = true;
	subscribe_route_run(route, turns_now_ms(route->hub->turns));
}

static int64_t
first_due_ms(const struct list *waiters)
{
	return list_is_empty(waiters) ?
	    INT64_MAX :
	    list_entry(waiters->next, struct waiter, node)->due_ms;
}

int64_t
subscribe_route_next_ms(const struct subscribe_route *route)
{
	int64_t next_ms = first_due_ms(&route->asking);

	if (!is_reading(route) && first_due_ms(&route->waiting) < next_ms)
		next_ms = first_due_ms(&route->waiting);
	return next_ms;
}

bool
subscribe_route_allows(const struct subscribe_route *route, struct call *call,
    const struct bearer_verdict *verdict)
{
	if (verdict->result == TOKEN_OK ||
	    (verdict->result == TOKEN_NONE && route->is_anonymous_allowed))
		return true;
	bearer_refuse(route->bearer, call, verdict);
	return false;
}

void
subscribe_route_judge(const struct subscribe_route *route, struct call *call,
    bearer_fn *answer, void *context)
{
	const struct bearer_verdict none = { .result = TOKEN_NONE };

	/* Without keys a token means nothing to us; it may be another's. */
	if (route->is_anonymous_allowed &&
	    !access_has_keys(route->bearer->access))
		answer(call, &none, context);
	else
		bearer_judge(route->bearer, call, TOKEN_ROLE_SUBSCRIBER, answer,
		    context);
}

static void
answer(struct call *call, const struct bearer_verdict *verdict, void *context)
{
	struct subscribe_route *route = context;

	if (subscribe_route_allows(route, call, verdict))
		answer_allowed(route, call, verdict->token);
}

void
subscribe_route_get(struct call *call, void *context)
{
	const struct subscribe_route *route = context;

	if (param_topics_are_open(call, route->topic_by) &&
	    store_gate_subscribes(route->gate, call, route->streams))
		subscribe_route_judge(route, call, answer, context);
}
