/* Processes that share a store, each with its presence. */

#include "lease_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/access.h"
#include "hub/turns.h"
#include "hub/update.h"
#include "presence/announcement.h"
#include "presence/subscriber.h"

#define PROCESS_COUNT 4

int64_t               lease_hand_us;
static struct turns   turns;
static struct access *access_rights;
static struct process processes[PROCESS_COUNT];

/* Updates in the log of processes that are gone. */
static uint64_t published_by_dead;

/* What came through the log: "+" or "-" and the selector. */
static char told[8192];

size_t lease_record_count, lease_list_count, lease_asking_count;

static int64_t
now_us(void)
{
	return lease_hand_us;
}

/* Where the text is in the update's bytes, which have no NUL; or NULL. */
static const char *
find(const struct update *update, const char *text)
{
	return memmem(update->bytes, update->len_bytes, text, strlen(text));
}

/* Only the first process remembers it for the test. */
static void
remember(const struct update *update)
{
	const char *topic, *end;

	if (strcmp(update->topics[0], LEASE_TOPIC) == 0) {
		lease_record_count++;
		lease_list_count += find(update, "\"list\":[[") != NULL;
		lease_asking_count += find(update, "\"asked\":[") != NULL;
		return;
	}
	topic = find(update, "\"topic\":\"");
	if (topic == NULL)
		topic = find(update, "\"match\":\"");
	assert_non_null(topic);
	topic += strlen("\"topic\":\"");
	end = memchr(topic, '"',
	    (size_t)(update->bytes + update->len_bytes - topic));
	assert_non_null(end);
	strcat(told, find(update, "\"active\":true") != NULL ? "+" : "-");
	strncat(told, topic, (size_t)(end - topic));
}

static void
on_updates(void *arg, const struct update *updates, size_t count)
{
	struct process *process = arg;

	process->seen_count += count;
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(lease_hear(&process->lease, &updates[i]),
		    strcmp(updates[i].topics[0], LEASE_TOPIC) == 0);
		if (process == &processes[0])
			remember(&updates[i]);
	}
}

static void
on_level(void *arg, uint64_t position)
{
	struct process *process = arg;

	(void)position;
	if (!process->lease.is_level)
		lease_set_level(&process->lease);
}

static void
on_lost(void *arg, uint64_t up_to)
{
	(void)arg;
	(void)up_to;
}

static void
on_state(void *arg, enum store_state state, const char *why)
{
	(void)arg;
	(void)state;
	(void)why;
}

static void
on_closed(void *arg)
{
	((struct process *)arg)->is_closed = true;
}

struct process *
process_start(size_t number)
{
	struct process           *process = &processes[number];
	const struct store_reader reader = {
		.on_updates = on_updates,
		.on_level = on_level,
		.on_lost = on_lost,
		.on_state = on_state,
		.arg = process,
	};
	const struct store_options options = store_options_of(store_url);
	char                       error[200];

	memset(process, 0, sizeof(*process));
	process->store = store_open(&store_loop, &options, &reader, error,
	    sizeof(error));
	assert_non_null(process->store);
	presence_init(&process->presence, process->store, &turns,
	    access_rights);
	process->presence.shapes = ANNOUNCEMENT_07;
	lease_init(&process->lease, &process->presence, true, false);
	lease_set_ms(&process->lease, LEASE_MS);
	lease_run(&process->lease);
	store_tail(process->store, 0, NULL, 0);
	store_wait(process->lease.is_level);
	process->is_there = true;
	return process;
}

/* What this process has put into the log. */
static uint64_t
published(const struct process *process)
{
	struct store_health health;

	store_get_health(process->store, &health);
	return health.published_count;
}

/* From one moment to the other: nothing is told. */
void
process_kill(struct process *process)
{
	struct presence *presence = &process->presence;

	process->is_there = false;
	presence->is_over = true;
	while (!list_is_empty(&presence->there))
		presence_leave(list_entry(presence->there.next,
		    struct subscriber, entry.node));
	presence_give_up(presence);
	published_by_dead += published(process);
	store_close(process->store, on_closed, process);
	store_wait(process->is_closed);
	lease_deinit(&process->lease);
	presence_deinit(presence);
}

int
lease_set_up(void **state)
{
	store_set_up(state);
	lease_hand_us = INT64_C(60000000);
	turns_init(&turns, now_us);
	access_rights = access_new("https://hub.example/a/hub");
	memset(processes, 0, sizeof(processes));
	published_by_dead = 0;
	told[0] = '\0';
	lease_record_count = lease_list_count = lease_asking_count = 0;
	return 0;
}

int
lease_tear_down(void **state)
{
	for (size_t i = 0; i < PROCESS_COUNT; i++) {
		if (processes[i].is_there)
			process_kill(&processes[i]);
	}
	access_free(access_rights);
	turns_deinit(&turns);
	return store_tear_down(state);
}

static bool
is_flying(const struct process *process)
{
	return process->lease.is_flying ||
	    process->lease.heir.flying_count > 0 ||
	    process->presence.sending_count > 0;
}

/* What all have put into the log, those that are dead included. */
static uint64_t
published_by_all(void)
{
	uint64_t count = published_by_dead;

	for (size_t i = 0; i < PROCESS_COUNT; i++) {
		if (processes[i].is_there)
			count += published(&processes[i]);
	}
	return count;
}

/* Whether nothing is under way, and all have read what was published. */
static bool
is_quiet(void)
{
	const uint64_t count = published_by_all();

	for (size_t i = 0; i < PROCESS_COUNT; i++) {
		const struct process *process = &processes[i];

		if (process->is_there &&
		    (is_flying(process) ||
			(!process->is_deaf && process->seen_count < count)))
			return false;
	}
	return true;
}

/* Has all do what is due. Returns whether one began something. */
static bool
turn(void)
{
	bool is_busy = false;

	for (size_t i = 0; i < PROCESS_COUNT; i++) {
		struct process *process = &processes[i];

		if (!process->is_there || process->is_stopped)
			continue;
		presence_run(&process->presence);
		lease_run(&process->lease);
		is_busy |= is_flying(process);
	}
	return is_busy;
}

/* Until nothing more happens at this time. */
void
lease_settle(void)
{
	turns_begin(&turns);
	while (turn() || !is_quiet())
		store_turn();
}

void
process_set_deaf(struct process *process, bool is_deaf)
{
	process->is_deaf = is_deaf;
	store_hold(process->store, is_deaf);
}

/* Half a second at a time, as a process would wake up. */
void
lease_pass_ms(int64_t ms)
{
	for (; ms > 0; ms -= 500) {
		lease_hand_us += 500 * 1000;
		lease_settle();
	}
}

struct subscriber *
process_join_as(struct process *process, const char *address, const char *topic)
{
	return presence_join(&process->presence, address,
	    &(struct presence_selector){ SELECTOR_TOPIC, topic, 0 }, 1, NULL);
}

struct subscriber *
process_join(struct process *process, const char *topic)
{
	return process_join_as(process, "192.0.2.1", topic);
}

size_t
process_known(const struct process *process, const char *topic)
{
	return roster_count(&process->lease.roster, topic, false,
	    ANNOUNCEMENT_07 | ANNOUNCEMENT_08);
}

void
lease_assert_told(const char *expected)
{
	assert_string_equal(told, expected);
	told[0] = '\0';
}

void
process_forget(struct process *process)
{
	struct roster *roster = &process->lease.roster;

	list_for_each (node, &roster->heard) {
		roster_forget(roster,
		    list_entry(node, struct roster_process, heard_node));
	}
}

const char *
lease_told(void)
{
	return told;
}

void
lease_forget_told(void)
{
	told[0] = '\0';
}
