/*
 * What comes from the store about other processes: whoever can write to it can
 * write anything. Each line of the input is an update: its topic below the
 * hub's path, a blank, and its data; a "!" before them makes it an event of the
 * type mercure. What is remembered of them adds up, and a record that is read
 * is written in the same words again.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/access.h"
#include "base/buf.h"
#include "hub/turns.h"
#include "hub/update.h"
#include "presence/announcement.h"
#include "presence/lease.h"
#include "presence/lease_record.h"
#include "presence/presence.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define HUB_PATH "/hub"
#define BOTH (ANNOUNCEMENT_07 | ANNOUNCEMENT_08)

/* The process that hears it. */
#define OWN_NUMBER 1

static int64_t      hand_us;
static struct lease lease;

/* What roster_each finds. */
struct sum {
	uint64_t digest;
	size_t   count;
};

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static int64_t
now_us(void)
{
	return hand_us;
}

static void
on_found(void *arg, const struct roster_entry *entry)
{
	struct sum *sum = arg;

	require(!entry->is_ending && entry->shapes != 0);
	sum->count++;
	sum->digest += roster_digest(&(struct roster_fact){
	    .id = entry->id,
	    .shape = entry->shapes,
	    .is_pattern = entry->selector->is_pattern,
	    .selector = entry->selector->text,
	});
}

static void
check_roster(void)
{
	const struct roster         *roster = &lease.roster;
	const struct roster_wish     wish = { .shape = BOTH };
	const struct roster_process *process;
	struct sum                   found = { 0, 0 }, said = { 0, 0 };
	size_t                       process_count = 0;

	roster_each(roster, &wish, on_found, &found);
	for (const struct list *node = roster->processes.next;
	     node != &roster->processes; node = node->next) {
		process = list_entry(node, const struct roster_process, node);
		process_count++;
		said.count += process->entry_count;
		said.digest += process->digest;
	}
	require(found.count == said.count && found.digest == said.digest);
	require(found.count + roster->ending_count == roster->entry_count);
	require(process_count == roster->process_count);
	require(roster_find(roster, OWN_NUMBER) == lease.own);
}

/* A record that is read says the same when it is written, and read again. */
static void
check_record(const struct update *update)
{
	struct lease_record record, again;
	struct buf          first = { 0 }, second = { 0 };
	struct update       written = *update;

	if (!lease_record_read(&record, update))
		return;
	lease_record_append(&record, &first);
	written.bytes = first.data;
	written.len_bytes = first.len_bytes;
	require(lease_record_read(&again, &written));
	lease_record_append(&again, &second);
	require(first.len_bytes == second.len_bytes &&
	    memcmp(first.data, second.data, first.len_bytes) == 0);
	lease_record_deinit(&record);
	lease_record_deinit(&again);
	buf_deinit(&first);
	buf_deinit(&second);
}

static void
hear(const char *line, size_t len_bytes)
{
	const bool    is_typed = len_bytes > 0 && *line == '!';
	const char   *blank = memchr(line, ' ', len_bytes);
	struct buf    topic = { 0 }, event = { 0 };
	const char   *topics[1];
	struct update update = {
		.topics = topics,
		.topic_count = 1,
		.is_private = true,
	};

	if (blank == NULL)
		return;
	buf_append_str(&topic, HUB_PATH);
	buf_append(&topic, line + is_typed, (size_t)(blank - line) - is_typed);
	buf_append(&topic, "", 1);
	buf_append_str(&event, is_typed ? "event: mercure\ndata: " : "data: ");
	buf_append(&event, blank + 1, len_bytes - (size_t)(blank + 1 - line));
	buf_append_str(&event, "\n\n");
	topics[0] = topic.data;
	update.bytes = event.data;
	update.len_bytes = event.len_bytes;
	require(lease_hear(&lease, &update) ==
	    (strcmp(topic.data, HUB_PATH LEASE_PATH) == 0));
	check_record(&update);
	buf_deinit(&topic);
	buf_deinit(&event);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
	struct turns    turns;
	struct access  *access = access_new(HUB_PATH);
	struct presence presence;
	const char     *text = (const char *)bytes, *end;

	hand_us = 60000000;
	turns_init(&turns, now_us);
	presence_init(&presence, NULL, &turns, access);
	presence.process = OWN_NUMBER;
	presence.shapes = BOTH;
	lease_init(&lease, &presence, true, false);
	lease.is_on = lease.is_level = true;
	while (len_bytes > 0) {
		end = memchr(text, '\n', len_bytes);
		if (end == NULL)
			end = text + len_bytes;
		hear(text, (size_t)(end - text));
		check_roster();
		hand_us += 1000000;
		len_bytes -= (size_t)(end - text);
		text = end + (len_bytes > 0);
		len_bytes -= len_bytes > 0;
	}
	lease_deinit(&lease);
	presence_deinit(&presence);
	turns_deinit(&turns);
	access_free(access);
	return 0;
}
