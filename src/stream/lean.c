#include "stream/lean.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "hub/hub.h"
#include "hub/turns.h"
#include "hub/update.h"
#include "pure/event_id.h"
#include "pure/position.h"
#include "stream/streams.h"

/* A client that is so much behind has to catch up first. */
#define UNSENT_BYTES_MAX ((size_t)256 * 1024)

/* How long the head of a response waits for the store. */
#define WAIT_MS 2000

static void
copy_wish(struct lean *lean, const struct lean_wish *wish)
{
	lean->id = wish->id == NULL ? NULL : mem_strdup(wish->id);
	lean->is_last = wish->is_last;
	lean->topic_count = wish->topic_count;
	lean->topics = mem_zalloc((wish->topic_count + 1) *
	    sizeof(*lean->topics));
	for (size_t i = 0; i < wish->topic_count; i++)
		lean->topics[i] = mem_strdup(wish->topics[i]);
}

static void
free_wish(struct lean *lean)
{
	for (size_t i = 0; i < lean->topic_count; i++)
		free(lean->topics[i]);
	free(lean->topics);
	free(lean->id);
	lean->topics = NULL;
	lean->topic_count = 0;
	lean->id = NULL;
}

void
lean_end(struct lean *lean)
{
	if (lean->state == LEAN_IDLE)
		return;
	if (lean->state == LEAN_FINDING)
		store_find_cancel(lean->store, &lean->find);
	else
		store_hold(lean->store, true);
	lean->state = LEAN_IDLE;
	hub_reset(lean->hub);
	free_wish(lean);
}

bool
lean_is_busy(const struct lean *lean)
{
	return lean->state == LEAN_FINDING || lean->state == LEAN_READING ||
	    (lean->state == LEAN_OPEN && lean->streams->open_count > 0);
}

static void
read_from(struct lean *lean, uint64_t after)
{
	/* What was read before may have come after the last reset. */
	hub_reset(lean->hub);
	lean->after = after;
	lean->state = LEAN_READING;
	lean->is_held = false;
	store_tail(lean->store, after, (const char *const *)lean->topics,
	    lean->topic_count);
	store_hold(lean->store, false);
}

/*
 * The update with a publisher's id is read too: only the hub can tell whether
 * the subscriber may know it.
 */
static void
on_found(struct store_find *find, const struct update *found)
{
	struct lean *lean = list_entry(find, struct lean, find);
	uint64_t     made;

	if (position_from_id(lean->id, strlen(lean->id), store_tag(lean->store),
		&made))
		read_from(lean, made);
	else
		read_from(lean, found == NULL ? 0 : found->position - 1);
}

void
lean_begin(struct lean *lean, const struct lean_wish *wish,
    void (*ready)(void *arg, bool is_there), void    *arg)
{
	lean_end(lean);
	copy_wish(lean, wish);
	lean->ready = ready;
	lean->arg = arg;
	lean->due_ms = turns_now_ms(lean->turns) + WAIT_MS;
	if (wish->id == NULL) {
		read_from(lean, wish->is_last ? 0 : STORE_FROM_NOW);
	} else if (strcmp(wish->id, EVENT_ID_EARLIEST) == 0) {
		read_from(lean, 0);
	} else {
		lean->state = LEAN_FINDING;
		lean->find.done = on_found;
		store_find(lean->store, &lean->find, lean->id,
		    (const char *const *)lean->topics, lean->topic_count);
	}
}

bool
lean_begin_earlier(struct lean *lean)
{
	if (lean->after == 0)
		return false;
	read_from(lean, 0);
	return true;
}

/* The open stream. */
static const struct stream *
stream_of(const struct lean *lean)
{
	return list_entry(lean->streams->open.next, struct stream, node);
}

/* Has the store go on, or wait for the client. */
static void
keep_pace(struct lean *lean)
{
	if (lean->hub->update_bytes <= UNSENT_BYTES_MAX && !lean->is_held)
		return;
	if (!lean->is_held) {
		lean->is_held = true;
		store_hold(lean->store, true);
	}
	if (cursor_is_behind(&stream_of(lean)->cursor))
		return;
	hub_drop_all(lean->hub);
	lean->is_held = false;
	store_hold(lean->store, false);
}

/*
 * Whether the hub has the beginning of what was asked for: all that there is,
 * or so much that it has to be sent first. The last updates are at the end.
 */
static bool
is_there(const struct lean *lean)
{
	const struct hub *hub = lean->hub;

	if (lean->state != LEAN_READING)
		return false;
	return hub->is_level ||
	    (hub->update_bytes > UNSENT_BYTES_MAX && !lean->is_last);
}

void
lean_run(struct lean *lean)
{
	if (lean->state == LEAN_IDLE)
		return;
	if (lean->state == LEAN_OPEN) {
		if (lean->streams->open_count == 0)
			lean_end(lean);
		else
			keep_pace(lean);
	} else if (is_there(lean)) {
		lean->state = LEAN_OPEN;
		lean->ready(lean->arg, true);
	} else if (turns_now_ms(lean->turns) >= lean->due_ms) {
		lean_end(lean);
		lean->ready(lean->arg, false);
	}
}

int64_t
lean_next_ms(const struct lean *lean)
{
	return lean->state == LEAN_FINDING || lean->state == LEAN_READING ?
	    lean->due_ms :
	    INT64_MAX;
}
