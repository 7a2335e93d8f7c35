/* How a process hears the others, and finds out who is dead. */

#include <string.h>

#include <jansson.h>

#include "hub/turns.h"
#include "hub/update.h"
#include "presence/announced.h"
#include "presence/lease.h"
#include "presence/lease_record.h"
#include "presence/presence.h"

/* Who was silent for so many of our own records, and its lease, is dead. */
#define MISSES_MAX 3

/* Nobody else may know what it had: who does is to find it dead first. */
#define MISSES_MAX_IF_WRONG 6

/* It was heard just now. */
static void
touch(struct lease *lease, struct roster_process *process, int64_t lease_ms)
{
	process->heard_ms = turns_now_ms(lease->turns);
	process->heard_count = lease->heard_count;
	process->lease_ms = lease_ms;
	process->has_left = process->is_dead = false;
	process->ended_ms = 0;
	list_move(&lease->roster.heard, &process->heard_node);
}

static void
hear_announced(struct lease *lease, const struct announced *announced)
{
	const struct roster_fact *fact = &announced->fact;
	const uint64_t            number = subscriber_id_process(&fact->id);
	struct roster_process    *process;

	if (number == lease->presence->process)
		return;
	/* Its heir may have said it. */
	if (!announced->is_active) {
		roster_remove(&lease->roster, fact);
		return;
	}
	process = roster_get(&lease->roster, number);
	if (process == NULL) {
		lease->roster.unheard_count++;
		return;
	}
	/* Of how long its lease is nothing may be known yet. */
	touch(lease, process,
	    process->lease_ms == 0 ? lease->lease_ms : process->lease_ms);
	roster_add(&lease->roster, process, fact);
}

static void
hear_list(struct lease *lease, const struct lease_record *record,
    struct roster_process *process)
{
	struct roster_fact fact;
	const json_t      *item;
	size_t             i;

	if (record->list == NULL)
		return;
	if (record->is_list_begin) {
		roster_doubt(process);
		process->is_list_begun = true;
	}
	json_array_foreach (record->list, i, item) {
		if (lease_record_fact(record, item, &fact))
			roster_add(&lease->roster, process, &fact);
	}
	if (record->is_list_end && process->is_list_begun) {
		roster_drop_doubtful(&lease->roster, process);
		process->is_list_begun = false;
	}
}

/* The author is the heir of those whom it has found dead before others did. */
static void
hear_ended(struct lease *lease, const struct lease_record *record)
{
	struct roster_process *author, *dead;
	uint64_t               number;

	for (size_t i = 0; i < record->ended.count; i++) {
		number = record->ended.numbers[i];
		author = roster_find(&lease->roster, record->process);
		dead = roster_find(&lease->roster, number);
		if (number == lease->presence->process) {
			presence_doubt(lease->presence, record->position);
			lease_hurry(lease);
		} else if (author != NULL && dead != NULL && author != dead) {
			if (author == lease->own)
				heir_adopt(&lease->heir, dead);
			else
				roster_adopt(&lease->roster, author, dead);
		}
	}
}

/* Forgets the process, if that is all, or has it said that it is dead. */
static void
give_up(struct lease *lease, struct roster_process *process)
{
	if (list_is_empty(&process->entries) &&
	    list_is_empty(&process->ending)) {
		roster_forget(&lease->roster, process);
		return;
	}
	process->is_dead = true;
	lease_hurry(lease);
}

static void
find_dead(struct lease *lease)
{
	const int64_t          now_ms = turns_now_ms(lease->turns);
	struct roster_process *process;
	uint64_t               miss_count;

	list_for_each (node, &lease->roster.heard) {
		process = list_entry(node, struct roster_process, heard_node);
		miss_count = lease->heard_count - process->heard_count;
		if (process->has_left) {
			give_up(lease, process);
			continue;
		}
		/* The others were heard later. */
		if (miss_count < MISSES_MAX)
			return;
		if (now_ms - process->heard_ms > process->lease_ms &&
		    miss_count >=
			(process->is_wrong ? MISSES_MAX_IF_WRONG : MISSES_MAX))
			give_up(lease, process);
	}
}

/* Those that come all at once count as one. */
static void
hear_own(struct lease *lease, const struct lease_record *record)
{
	const int64_t now_ms = turns_now_ms(lease->turns);

	hear_ended(lease, record);
	if (now_ms - lease->count_ms < lease_period_ms(lease) / 2)
		return;
	lease->count_ms = now_ms;
	lease->heard_count++;
	find_dead(lease);
}

/* If it has left something, it is the first whom find_dead looks at. */
static void
hear_bye(struct lease *lease, struct roster_process *process)
{
	if (process->entry_count == 0 && list_is_empty(&process->ending)) {
		roster_forget(&lease->roster, process);
		return;
	}
	process->has_left = true;
	list_remove(&process->heard_node);
	list_append(lease->roster.heard.next, &process->heard_node);
}

static void
hear_asked(struct lease *lease, const struct lease_record *record)
{
	for (size_t i = 0; i < record->asked.count; i++) {
		if (record->asked.numbers[i] != lease->presence->process ||
		    lease->is_listing ||
		    (lease->listed_ms != 0 &&
			turns_now_ms(lease->turns) - lease->listed_ms <
			    lease->lease_ms))
			continue;
		lease->is_listing = true;
		lease->list_after = (struct lease_place){ 0 };
		lease_hurry(lease);
	}
}

static void
hear_record(struct lease *lease, const struct lease_record *record)
{
	struct roster_process *process;

	if (record->process == lease->presence->process) {
		hear_own(lease, record);
		return;
	}
	process = roster_get(&lease->roster, record->process);
	if (process == NULL) {
		lease->roster.unheard_count++;
		return;
	}
	touch(lease, process, record->lease_ms);
	hear_list(lease, record, process);
	if (!process->is_list_begun)
		process->is_wrong = process->digest != record->digest;
	lease->has_wrong |= process->is_wrong;
	if (lease->is_level && lease_has_to_ask(lease, process))
		lease_hurry(lease);
	hear_ended(lease, record);
	if (record->is_bye)
		hear_bye(lease, process);
	if (!lease->is_level)
		return;
	if (record->is_hello && lease->presence->told_count > 0)
		lease_hurry(lease);
	hear_asked(lease, record);
}

/* Whether the topic is the prefix, and what follows it; or NULL. */
static const char *
below(const char *topic, const char *prefix)
{
	const size_t len_bytes = strlen(prefix);

	return strncmp(topic, prefix, len_bytes) == 0 ? topic + len_bytes :
							NULL;
}

bool
lease_hear(struct lease *lease, const struct update *update)
{
	const char         *path = lease->topic == NULL ?
		    NULL :
		    below(update->topics[0], lease->presence->hub_path);
	struct announced    announced;
	struct lease_record record;
	bool is_record = path != NULL && strcmp(path, LEASE_PATH) == 0;

	if (path == NULL || !lease->is_on || lease->is_lean)
		return is_record;
	if (is_record && lease_record_read(&record, update)) {
		hear_record(lease, &record);
		lease_record_deinit(&record);
	} else if (!is_record && below(path, "/subscriptions/") != NULL &&
	    announced_read(&announced, update, lease->presence->hub_path)) {
		hear_announced(lease, &announced);
		announced_deinit(&announced);
	}
	return is_record;
}
