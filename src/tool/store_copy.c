#include "tool/store_copy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "hub/update.h"
#include "pure/position.h"
#include "tool/report.h"
#include "tool/store_session.h"

/* So many updates are on their way at once. */
#define FLIGHT_MAX 256

struct copy {
	struct store_session from, to;
	int64_t              wait_ms;
	uint64_t             count;        /* copied */
	size_t               flight_count; /* on their way */
	bool                 is_news;      /* the last turn read something */
	bool                 is_level;     /* all of the one is read */
	bool                 is_lost;      /* while it was read */
	bool                 is_to_level;  /* all of the other is read, */
	bool                 is_occupied;  /* and there was something */
	bool                 is_failed;
	char                 why[200]; /* it failed */
};

/* An update on its way. */
struct item {
	struct store_publish publish;
	struct copy         *copy;
};

static void
fail(struct copy *copy, const char *why)
{
	if (!copy->is_failed)
		snprintf(copy->why, sizeof(copy->why), "%s",
		    why == NULL ? "it failed" : why);
	copy->is_failed = true;
}

static void
on_done(struct store_publish *publish, const struct store_receipt *receipt)
{
	struct item *item = list_entry(publish, struct item, publish);
	struct copy *copy = item->copy;

	copy->flight_count--;
	if (receipt->result == STORE_KEPT)
		copy->count++;
	else
		fail(copy, receipt->why);
	free(item);
}

/*
 * An id that the one store has made from a position keeps its meaning in the
 * other only by its tag: with another tag it becomes an id like a publisher's.
 */
static void
add(struct copy *copy, const struct update *update)
{
	struct update copied = *update;
	struct item  *item = mem_zalloc(sizeof(*item));
	uint64_t      tag = store_tag(copy->from.store);
	char          made[POSITION_ID_BYTES];

	if (copied.id == NULL && tag != store_tag(copy->to.store)) {
		position_to_id(copied.position, tag, made);
		copied.id = made;
	}
	item->publish.done = on_done;
	item->copy = copy;
	copy->flight_count++;
	store_publish(copy->to.store, &item->publish, &copied, NULL);
}

static void
on_updates(void *arg, const struct update *updates, size_t count)
{
	struct copy *copy = arg;

	copy->is_news = true;
	for (size_t i = 0; i < count && !copy->is_failed; i++) {
		while (copy->flight_count >= FLIGHT_MAX)
			uv_run(&copy->to.loop, UV_RUN_ONCE);
		add(copy, &updates[i]);
	}
}

static void
on_level(void *arg, uint64_t position)
{
	struct copy *copy = arg;

	(void)position;
	copy->is_news = true;
	copy->is_level = true;
}

static void
on_lost(void *arg, uint64_t up_to)
{
	struct copy *copy = arg;

	(void)up_to;
	copy->is_lost = true;
}

/* A search, after which the store's tag is known. */
struct look {
	struct store_find find;
	bool              is_done;
};

static void
on_found(struct store_find *find, const struct update *found)
{
	(void)found;
	list_entry(find, struct look, find)->is_done = true;
}

static bool
learn_tag(struct copy *copy)
{
	struct look look = { .find.done = on_found };

	store_find(copy->from.store, &look.find, "-", NULL, 0);
	if (!store_session_wait(&copy->from, &look.is_done, copy->wait_ms))
		store_find_cancel(copy->from.store, &look.find);
	return store_tag(copy->from.store) != 0;
}

/* What the other store has already. */

static void
on_occupied(void *arg, const struct update *updates, size_t count)
{
	struct copy *copy = arg;

	(void)updates;
	(void)count;
	copy->is_occupied = copy->is_occupied || !copy->is_to_level;
	copy->is_to_level = true;
}

static void
on_to_level(void *arg, uint64_t position)
{
	struct copy *copy = arg;

	(void)position;
	copy->is_to_level = true;
}

static void
on_to_lost(void *arg, uint64_t up_to)
{
	(void)up_to;
	fail(arg, "it lost its log");
}

/* What a command says of a store that it cannot use. */
static int
refuse(const struct store_session *session, const char *why)
{
	struct store_health health;

	store_get_health(session->store, &health);
	report(0, "store %s: %s", health.name, why);
	return -1;
}

/* The one to copy to, which has to be empty. */
static int
check_empty(struct copy *copy)
{
	const char *why;

	if (!store_session_is_up(&copy->to, &why))
		return refuse(&copy->to, why);
	store_tail(copy->to.store, 0, NULL, 0);
	if (!store_session_wait(&copy->to, &copy->is_to_level, copy->wait_ms))
		return refuse(&copy->to, "it cannot be read in time");
	if (copy->is_occupied)
		return refuse(&copy->to,
		    "it is not empty; events can be copied to an empty store "
		    "only");
	store_hold(copy->to.store, true);
	return 0;
}

/* Page by page, each of which is kept before the next is read. */
static int
copy_all(struct copy *copy)
{
	bool is_idle = false;

	store_tail(copy->from.store, 0, NULL, 0);
	while (!copy->is_level && !copy->is_failed && !is_idle) {
		copy->is_news = false;
		is_idle = !store_session_wait(&copy->from, &copy->is_news,
		    copy->wait_ms);
		while (copy->flight_count > 0)
			uv_run(&copy->to.loop, UV_RUN_ONCE);
	}
	if (copy->is_failed)
		return refuse(&copy->to, copy->why);
	if (is_idle)
		return refuse(&copy->from, "it cannot be read in time");
	if (copy->is_lost)
		return refuse(&copy->from,
		    "events were discarded while it was read");
	return 0;
}

static int
copy_to(struct copy *copy, const char *url)
{
	const struct store_reader reader = { on_occupied, on_to_level,
		on_to_lost, NULL, copy };
	char                      error[STORE_ERROR_BYTES];
	int                       result;

	if (store_session_open(&copy->to, url, true,
		store_tag(copy->from.store), &reader, copy->wait_ms, error,
		sizeof(error)) == -1) {
		report(0, "%s", error);
		return -1;
	}
	result = check_empty(copy);
	if (result == 0)
		result = copy_all(copy);
	store_session_close(&copy->to);
	return result;
}

int
store_copy(const char *from, const char *to, int64_t wait_ms)
{
	struct copy               copy = { .wait_ms = wait_ms };
	const struct store_reader reader = { on_updates, on_level, on_lost,
		NULL, &copy };
	char                      error[STORE_ERROR_BYTES];
	const char               *why;
	int                       result;

	if (strcmp(from, to) == 0) {
		report(0, "both URLs name the same store");
		return -1;
	}
	if (store_session_check_url(to, true, error, sizeof(error)) == -1 ||
	    store_session_open(&copy.from, from, false, 0, &reader, wait_ms,
		error, sizeof(error)) == -1) {
		report(0, "%s", error);
		return -1;
	}
	if (!store_session_is_up(&copy.from, &why))
		result = refuse(&copy.from, why);
	else if (!learn_tag(&copy))
		result = refuse(&copy.from, "it cannot be read");
	else
		result = copy_to(&copy, to);
	store_session_close(&copy.from);
	if (result == 0 || copy.count > 0)
		printf("%" PRIu64 " events copied\n", copy.count);
	return result;
}
