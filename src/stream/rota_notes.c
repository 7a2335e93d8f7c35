#include "stream/rota_notes.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/seats.h"

#define MAGIC UINT64_C(0x32736e7275746573)

/* Where the parts lie in the file. */
#define STREAMS_AT sizeof(struct rota_notes_head)
#define WAITS_AT \
	(STREAMS_AT + ROTA_NOTES_STREAMS_MAX * sizeof(struct rota_noted))

/* A process that has not looked for so long counts as ended. */
#define SILENT_MS_MAX 5000

/* Another process that was there so recently may get a client next. */
#define VISIT_MS_MAX 120000

/* How soon notes are tried again that another process has for long. */
#define BUSY_MS 100

struct rota_notes *
rota_notes_new(struct seats *seats, uint64_t key, unsigned wait_us)
{
	struct rota_notes *notes = mem_zalloc(sizeof(*notes));

	notes->seats = seats;
	notes->key = key;
	notes->wait_us = wait_us;
	return notes;
}

void
rota_notes_free(struct rota_notes *notes)
{
	free(notes);
}

void
rota_notes_forget(struct rota_notes *notes, int64_t now_ms)
{
	const struct rota_noted *noted;

	for (size_t i = (size_t)notes->head.stream_count; i-- > 0;) {
		noted = &notes->streams[i];
		/* A time to come was noted before the machine started anew. */
		if (noted->key == notes->key || noted->looked_ms > now_ms ||
		    noted->opened_ms > now_ms || noted->opened_ms < 0 ||
		    noted->looked_ms < now_ms - SILENT_MS_MAX)
			notes->streams[i] =
			    notes->streams[--notes->head.stream_count];
	}
}

void
rota_notes_add(struct rota_notes *notes, uint64_t client, int64_t opened_ms,
    int64_t now_ms)
{
	if (notes->head.stream_count < ROTA_NOTES_STREAMS_MAX)
		notes->streams[notes->head.stream_count++] =
		    (struct rota_noted){ notes->key, client, opened_ms,
			    now_ms };
}

static void
note_visit(struct rota_notes *notes, int64_t now_ms)
{
	struct rota_visit *visits = notes->head.visits;

	if (visits[0].key != notes->key)
		visits[1] = visits[0];
	visits[0] = (struct rota_visit){ notes->key, now_ms };
}

/* False: less of it is there. */
static bool
read_part(struct rota_notes *notes, size_t offset, void *part, size_t len_bytes)
{
	return seats_read_notes(notes->seats, offset, part, len_bytes) ==
	    len_bytes;
}

static void
read_all(struct rota_notes *notes)
{
	struct rota_notes_head *head = &notes->head;

	if (!read_part(notes, 0, head, sizeof(*head)) || head->magic != MAGIC ||
	    head->stream_count > ROTA_NOTES_STREAMS_MAX ||
	    head->wait_count > ROTA_NOTES_WAITS_MAX)
		*head = (struct rota_notes_head){ .magic = MAGIC };
	if (!read_part(notes, STREAMS_AT, notes->streams,
		(size_t)head->stream_count * sizeof(notes->streams[0])))
		head->stream_count = 0;
	if (!read_part(notes, WAITS_AT, notes->waits,
		(size_t)head->wait_count * sizeof(notes->waits[0])))
		head->wait_count = 0;
}

void
rota_notes_begin(struct rota_notes *notes, int64_t now_ms)
{
	notes->is_barred = now_ms >= notes->busy_ms &&
	    seats_lock_notes(notes->seats, notes->wait_us);
	if (notes->is_barred)
		read_all(notes);
	else if (now_ms >= notes->busy_ms)
		notes->busy_ms = now_ms + BUSY_MS;
	note_visit(notes, now_ms);
}

bool
rota_notes_end(struct rota_notes *notes)
{
	const struct rota_notes_head *head = &notes->head;

	if (!notes->is_barred)
		return false;
	seats_write_notes(notes->seats, 0, head, sizeof(*head));
	seats_write_notes(notes->seats, STREAMS_AT, notes->streams,
	    (size_t)head->stream_count * sizeof(notes->streams[0]));
	seats_write_notes(notes->seats, WAITS_AT, notes->waits,
	    (size_t)head->wait_count * sizeof(notes->waits[0]));
	seats_unlock_notes(notes->seats);
	notes->is_barred = false;
	return true;
}

bool
rota_notes_have_others(const struct rota_notes *notes, int64_t now_ms)
{
	const struct rota_visit *visit = notes->head.visits;

	/* The latest is by this process. */
	return visit[1].key != 0 && visit[1].key != notes->key &&
	    visit[1].at_ms <= now_ms && visit[1].at_ms >= now_ms - VISIT_MS_MAX;
}
