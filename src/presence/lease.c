#include "presence/lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/mem.h"
#include "hub/turns.h"
#include "hub/update.h"
#include "presence/announcement.h"
#include "presence/lease_record.h"
#include "presence/presence.h"
#include "presence/subscriber.h"

/* Records within a lease, so that one may be late. */
#define RECORDS_PER_LEASE 3

/* Not more often does a process speak because others want it. */
#define PAUSE_MS 1000

/* A list that is so small goes with each record. */
#define INLINE_COUNT_MAX 16
#define INLINE_BYTES_MAX ((size_t)4096)

/* What one part of a list is, about, and what finding its payloads may cost. */
#define PART_COUNT_MAX 1000
#define PART_BYTES_MAX ((size_t)64 * 1024)
#define PART_COST_MAX 2000000

static int64_t
now_of(const struct lease *lease)
{
	return turns_now_ms(lease->turns);
}

int64_t
lease_period_ms(const struct lease *lease)
{
	return lease->lease_ms / RECORDS_PER_LEASE;
}

void
lease_hurry(struct lease *lease)
{
	int64_t due_ms = lease->sent_ms + PAUSE_MS;

	if (due_ms < lease->due_ms)
		lease->due_ms = due_ms;
}

bool
lease_has_to_ask(const struct lease *lease,
    const struct roster_process     *process)
{
	return process->is_wrong && !process->is_dead && !process->has_left &&
	    roster_has_room(&lease->roster) &&
	    (process->asked_ms == 0 ||
		now_of(lease) - process->asked_ms >= process->lease_ms);
}

/* Whether the others have to hear of this process, or it of them. */
static bool
is_needed(const struct lease *lease)
{
	return lease->is_hello_due || lease->has_wrong ||
	    lease->presence->told_count > 0 || lease->roster.entry_count > 0;
}

/* A part of a list. */
struct part {
	json_t  *list;
	size_t   byte_count;
	uint64_t cost; /* of finding the payloads */
};

/* One subscriber may have more than a part takes. */
static bool
part_has_room(const struct part *part)
{
	return part->byte_count < PART_BYTES_MAX &&
	    part->cost < PART_COST_MAX &&
	    json_array_size(part->list) < PART_COUNT_MAX;
}

static void
part_add(struct part *part, const struct subscriber *subscriber, size_t number)
{
	struct announcement announcement;
	unsigned            shape = subscriber_announcement(subscriber, number,
		       &announcement);

	announcement.payload = subscriber_payload(subscriber,
	    announcement.selector, &part->cost);
	json_array_append_new(part->list,
	    lease_record_item(&announcement, shape));
	part->byte_count += SUBSCRIBER_ID_BYTES +
	    strlen(announcement.selector) +
	    (announcement.payload == NULL ? 0 : strlen(announcement.payload));
}

/*
 * Adds those of the subscriber's announcements behind the first count that are
 * out and have room. Returns up to which they are listed.
 */
static size_t
list_subscriber(struct part *part, const struct subscriber *subscriber,
    size_t count)
{
	for (; count < subscriber->sent_count && part_has_room(part); count++)
		part_add(part, subscriber, count);
	return count;
}

/* Adds what is behind the place, which moves. Returns whether that is all. */
static bool
list_behind(const struct lease *lease, struct part *part,
    struct lease_place *place)
{
	const struct subscriber *subscriber;
	uint64_t                 number;

	list_for_each (node, &lease->presence->told) {
		subscriber = list_entry(node, struct subscriber, told_node);
		number = subscriber->told_number;
		if (number < place->number)
			continue;
		place->count = list_subscriber(part, subscriber,
		    number == place->number ? place->count : 0);
		place->number = number;
		if (place->count < subscriber->sent_count)
			return false;
	}
	return true;
}

/*
 * Adds a part of the list, or all of it if it is small enough for each record.
 * Those that are told first are first.
 */
static void
add_list(struct lease *lease, struct lease_record *record)
{
	struct part part = { 0 };

	if (!lease->is_listing &&
	    lease->presence->told_count > INLINE_COUNT_MAX)
		return;
	part.list = json_array();
	lease->list_up_to = lease->list_after;
	record->is_list_begin = lease->list_after.number == 0;
	record->is_list_end = list_behind(lease, &part, &lease->list_up_to);
	lease->is_list_end = record->is_list_end;
	record->list = part.list;
	if (!lease->is_listing && part.byte_count > INLINE_BYTES_MAX) {
		json_decref(record->list);
		record->list = NULL;
	}
}

static void
add_name(struct lease_names *names, uint64_t number)
{
	names->numbers[names->count++] = number;
}

/* Whom it finds dead, and whom it has to ask. */
static void
add_names(struct lease *lease, struct lease_record *record, int64_t now_ms)
{
	struct roster_process *process;

	lease->has_wrong = false;
	list_for_each (node, &lease->roster.heard) {
		process = list_entry(node, struct roster_process, heard_node);
		lease->has_wrong |= process->is_wrong && !process->is_dead;
		if (process->is_dead &&
		    record->ended.count < LEASE_RECORD_NAMES_MAX &&
		    (process->ended_ms == 0 ||
			now_ms - process->ended_ms >= lease_period_ms(lease))) {
			process->ended_ms = now_ms;
			add_name(&record->ended, process->number);
		} else if (record->asked.count < LEASE_RECORD_NAMES_MAX &&
		    lease_has_to_ask(lease, process)) {
			process->asked_ms = now_ms;
			add_name(&record->asked, process->number);
		}
	}
}

static void
on_published(struct store_publish *publish, const struct store_receipt *receipt)
{
	struct lease *lease = list_entry(publish, struct lease, publish);
	int64_t wait_ms = PAUSE_MS * (1 + (int64_t)receipt->retry_after_s);

	lease->is_flying = false;
	if (receipt->result == STORE_KEPT)
		lease->kept_ms = lease->sent_ms;
	if (receipt->result == STORE_NOT_KEPT) {
		if (wait_ms > lease_period_ms(lease))
			wait_ms = lease_period_ms(lease);
		lease->due_ms = now_of(lease) + wait_ms;
		return;
	}
	if (lease->is_hello_sent)
		lease->is_hello_due = false;
	if (!lease->is_part_sent)
		return;
	lease->list_after = lease->list_up_to;
	lease->is_listing = !lease->is_list_end;
	if (lease->is_listing)
		lease->due_ms = now_of(lease);
	else
		lease->list_after = (struct lease_place){ 0 };
}

static void
publish(struct lease *lease, const struct lease_record *record)
{
	struct buf    event = { 0 };
	const char   *topics[] = { lease->topic };
	struct update update = {
		.topics = topics,
		.topic_count = 1,
		.is_private = true,
	};

	lease_record_append(record, &event);
	update.bytes = event.data;
	update.len_bytes = event.len_bytes;
	lease->is_flying = true;
	lease->publish.done = on_published;
	store_publish(lease->presence->store, &lease->publish, &update, NULL);
	buf_deinit(&event);
}

static void
speak(struct lease *lease, bool is_bye)
{
	const int64_t       now_ms = now_of(lease);
	struct lease_record record = {
		.process = lease->presence->process,
		.lease_ms = lease->lease_ms,
		.digest = lease->presence->told_digest,
		.is_hello = lease->is_hello_due,
		.is_bye = is_bye,
	};

	if (!is_bye) {
		add_names(lease, &record, now_ms);
		add_list(lease, &record);
	}
	lease->is_part_sent = lease->is_listing && !is_bye;
	if (lease->is_part_sent && record.is_list_end)
		lease->listed_ms = now_ms;
	lease->is_hello_sent = lease->is_hello_due;
	lease->sent_ms = now_ms;
	lease->due_ms = now_ms + lease_period_ms(lease);
	heir_look(&lease->heir);
	publish(lease, &record);
	lease_record_deinit(&record);
}

/* Forgets the others. */
static void
forget_all(struct lease *lease)
{
	list_for_each (node, &lease->roster.heard) {
		roster_forget(&lease->roster,
		    list_entry(node, struct roster_process, heard_node));
	}
}

/* Whether presence is announced: while it is not, nobody is heard. */
static void
look_at_option(struct lease *lease)
{
	bool is_on = lease->is_shared && lease->presence->shapes != 0;

	if (is_on == lease->is_on)
		return;
	lease->is_on = is_on;
	if (!is_on)
		forget_all(lease);
	else if (lease->is_level)
		lease->is_hello_due = !lease->is_lean;
}

/* Whoever hears nobody does not hear either that it was taken for dead. */
static void
look_at_own_silence(struct lease *lease)
{
	const int64_t now_ms = now_of(lease);

	if (!lease->is_lean || lease->presence->told_count == 0) {
		lease->kept_ms = INT64_MAX;
	} else if (lease->kept_ms == INT64_MAX) {
		lease->kept_ms = now_ms;
	} else if (now_ms - lease->kept_ms > lease->lease_ms) {
		lease->kept_ms = now_ms;
		presence_doubt(lease->presence, UINT64_MAX);
	}
}

void
lease_run(struct lease *lease)
{
	look_at_option(lease);
	if (!lease->is_shared || lease->is_over)
		return;
	look_at_own_silence(lease);
	if (lease->due_ms == INT64_MAX && is_needed(lease))
		heir_look(&lease->heir);
	if (!is_needed(lease))
		lease->due_ms = INT64_MAX;
	else if (lease->is_hello_due ||
	    (lease->due_ms == INT64_MAX && !lease->is_lean))
		lease_hurry(lease);
	else if (lease->due_ms == INT64_MAX)
		lease->due_ms = now_of(lease) + lease_period_ms(lease);
	if (!lease->is_flying && now_of(lease) >= lease->due_ms)
		speak(lease, false);
	heir_run(&lease->heir);
}

int64_t
lease_next_ms(const struct lease *lease)
{
	const int64_t heir_ms = heir_next_ms(&lease->heir);

	if (!lease->is_shared || lease->is_over)
		return INT64_MAX;
	/* While a record is under way, it goes on at the store's answer. */
	return lease->is_flying || heir_ms < lease->due_ms ? heir_ms :
							     lease->due_ms;
}

bool
lease_close(struct lease *lease)
{
	if (!lease->is_over && !lease->is_flying) {
		lease->is_over = true;
		if (lease->is_on && !lease->is_lean)
			speak(lease, true);
	}
	return lease->is_over && !lease->is_flying &&
	    lease->heir.flying_count == 0;
}

void
lease_set_ms(struct lease *lease, int64_t lease_ms)
{
	lease->lease_ms = lease_ms;
	lease_hurry(lease);
}

void
lease_set_level(struct lease *lease)
{
	lease->is_level = true;
	lease->is_hello_due = lease->is_on && !lease->is_lean;
}

void
lease_init(struct lease *lease, struct presence *presence, bool is_shared,
    bool is_lean)
{
	memset(lease, 0, sizeof(*lease));
	lease->presence = presence;
	lease->turns = presence->turns;
	lease->is_shared = is_shared;
	lease->is_lean = is_lean;
	lease->due_ms = INT64_MAX;
	lease->sent_ms = INT64_MIN / 2;
	lease->count_ms = INT64_MIN / 2;
	lease->lease_ms = LEASE_MS_MIN;
	roster_init(&lease->roster);
	lease->own = roster_get(&lease->roster, presence->process);
	list_remove(&lease->own->heard_node);
	heir_init(&lease->heir, presence, &lease->roster, lease->own,
	    lease->turns);
	lease->topic = mem_alloc(strlen(presence->hub_path) +
	    sizeof(LEASE_PATH));
	sprintf(lease->topic, "%s%s", presence->hub_path, LEASE_PATH);
}

void
lease_deinit(struct lease *lease)
{
	roster_clear(&lease->roster);
	free(lease->topic);
}
