#include "stream/rota.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stream/rota_notes.h"

/* How often a process looks while others wait, and while none does. */
#define LOOK_MS 100
#define LOOK_ALONE_MS 500

/*
 * A client that is due so soon, or was due not longer ago, is to find a seat.
 */
#define AHEAD_MS 100
#define LATE_MS 1000

/* A stream that this process has. */
struct own_stream {
	const void *stream; /* tells it from others; never looked into */
	uint64_t    client;
	int64_t     opened_ms;
};

struct rota {
	struct places      places; /* its waits lie in the notes */
	struct rota_notes *notes;
	struct own_stream *own; /* the oldest first */
	size_t             own_count;
	size_t             own_max;
	bool               is_changed; /* the own streams are, and not noted */
	int64_t            next_ms;
};

struct rota *
rota_new(struct seats *seats, uint64_t key, unsigned wait_us)
{
	struct rota *rota = mem_zalloc(sizeof(*rota));

	rota->next_ms = INT64_MAX;
	rota->notes = rota_notes_new(seats, key, wait_us);
	rota->places.waits = rota->notes->waits;
	rota->places.wait_max = ROTA_NOTES_WAITS_MAX;
	return rota;
}

void
rota_free(struct rota *rota)
{
	if (rota == NULL)
		return;
	free(rota->own);
	rota_notes_free(rota->notes);
	free(rota);
}

void
rota_set_limits(struct rota *rota, const struct places_limits *limits)
{
	rota->places.limits = *limits;
	if (limits->count > 0)
		return;
	rota->own_count = 0;
	rota->next_ms = INT64_MAX;
}

bool
rota_is_on(const struct rota *rota)
{
	return rota != NULL && rota->places.limits.count > 0;
}

/* Other processes may have removed them while this one was suspended. */
static void
note_own(struct rota *rota, int64_t now_ms)
{
	rota_notes_forget(rota->notes, now_ms);
	for (size_t i = 0; i < rota->own_count; i++)
		rota_notes_add(rota->notes, rota->own[i].client,
		    rota->own[i].opened_ms, now_ms);
}

static void
begin(struct rota *rota, int64_t now_ms)
{
	rota_notes_begin(rota->notes, now_ms);
	rota->places.wait_count = (size_t)rota->notes->head.wait_count;
	note_own(rota, now_ms);
	places_forget_lost(&rota->places, now_ms);
}

static void
end(struct rota *rota)
{
	rota->notes->head.wait_count = rota->places.wait_count;
	if (rota_notes_end(rota->notes))
		rota->is_changed = false;
}

static size_t
open_count(const struct rota *rota)
{
	return (size_t)rota->notes->head.stream_count;
}

/* Streams of the client, and of all the oldest. */
static size_t
count_own(const struct rota *rota, uint64_t client,
    const struct rota_noted **oldest)
{
	const struct rota_noted *noted;
	size_t                   count = 0;

	*oldest = NULL;
	for (size_t i = 0; i < open_count(rota); i++) {
		noted = &rota->notes->streams[i];
		count += noted->client == client;
		if (*oldest == NULL || noted->opened_ms < (*oldest)->opened_ms)
			*oldest = noted;
	}
	return count;
}

size_t
rota_count_client(struct rota *rota, uint64_t client, int64_t now_ms)
{
	const struct rota_noted *oldest;
	size_t                   count;

	begin(rota, now_ms);
	count = count_own(rota, client, &oldest);
	end(rota);
	return count;
}

/*
 * Whether the oldest stream of this process may end for a new one. Where there
 * are more streams than seats, since their number was lowered, no client takes
 * one over.
 */
static bool
can_replace(const struct rota *rota, int64_t now_ms)
{
	return rota->own_count > 0 &&
	    open_count(rota) <= rota->places.limits.count &&
	    places_had_turn(&rota->places, rota->own[0].client,
		open_count(rota), rota->own[0].opened_ms, now_ms);
}

bool
rota_admit(struct rota *rota, uint64_t client, int64_t now_ms,
    bool (*take)(void *), void *arg, long *return_ms)
{
	struct places           *places = &rota->places;
	const struct rota_noted *oldest;
	size_t                   own_count;
	int64_t                  oldest_ms;
	bool                     is_soon, is_greedy, has_seat;

	begin(rota, now_ms);
	own_count = count_own(rota, client, &oldest);
	is_soon = places_arrive(places, client, now_ms);
	is_greedy = places_are_taken(places, open_count(rota)) &&
	    places_is_greedy(places, client, open_count(rota), own_count);
	has_seat = !is_greedy && (take(arg) || can_replace(rota, now_ms));
	if (!has_seat) {
		oldest_ms = oldest == NULL ? now_ms : oldest->opened_ms;
		/* A seat can be left for the client until it is back. */
		if (oldest != NULL &&
		    places_had_turn(places, oldest->client, open_count(rota),
			oldest_ms, now_ms))
			is_soon = true;
		*return_ms = places_refuse(places, client, open_count(rota),
		    is_soon && !is_greedy, oldest_ms, now_ms);
	}
	end(rota);
	return has_seat;
}

static void
drop_own(struct rota *rota, size_t i)
{
	rota->own_count--;
	memmove(&rota->own[i], &rota->own[i + 1],
	    (rota->own_count - i) * sizeof(rota->own[0]));
}

/* Within begin and end: the client of the oldest is awaited again. */
static long
send_away(struct rota *rota, int64_t now_ms)
{
	const struct own_stream oldest = rota->own[0];
	long                    return_ms;

	return_ms = places_send_away(&rota->places, oldest.client,
	    open_count(rota), oldest.opened_ms, now_ms);
	drop_own(rota, 0);
	note_own(rota, now_ms);
	return return_ms;
}

long
rota_send_away(struct rota *rota, int64_t now_ms)
{
	long return_ms;

	assert(rota->own_count > 0);
	begin(rota, now_ms);
	return_ms = send_away(rota, now_ms);
	end(rota);
	return return_ms;
}

void
rota_add(struct rota *rota, const void *stream, uint64_t client,
    int64_t opened_ms)
{
	if (rota->own_count == rota->own_max) {
		rota->own_max = 2 * rota->own_max + 16;
		rota->own = mem_realloc(rota->own,
		    rota->own_max * sizeof(rota->own[0]));
	}
	rota->own[rota->own_count++] = (struct own_stream){ stream, client,
		opened_ms };
	rota->is_changed = true;
	if (rota->next_ms > opened_ms + LOOK_MS)
		rota->next_ms = opened_ms + LOOK_MS;
}

void
rota_open(struct rota *rota, const void *stream, uint64_t client,
    int64_t now_ms)
{
	rota_add(rota, stream, client, now_ms);
	begin(rota, now_ms);
	end(rota);
}

void
rota_close(struct rota *rota, const void *stream, int64_t now_ms)
{
	for (size_t i = 0; i < rota->own_count; i++) {
		if (rota->own[i].stream != stream)
			continue;
		drop_own(rota, i);
		rota->is_changed = true;
		rota->next_ms = now_ms;
		return;
	}
}

void
rota_flush(struct rota *rota, int64_t now_ms)
{
	if (!rota_is_on(rota) || !rota->is_changed)
		return;
	begin(rota, now_ms);
	end(rota);
}

int64_t
rota_next_ms(const struct rota *rota)
{
	return rota->next_ms;
}

static size_t
count_due(const struct places *places, int64_t now_ms)
{
	size_t count = 0;

	for (size_t i = 0; i < places->wait_count; i++)
		count += places->waits[i].due_ms <= now_ms + AHEAD_MS &&
		    places->waits[i].due_ms >= now_ms - LATE_MS;
	return count;
}

/* Streams that are older than the oldest of this process. */
static size_t
count_older(const struct rota *rota)
{
	const struct rota_noted *noted;
	int64_t                  opened_ms = rota->own[0].opened_ms;
	size_t                   count = 0;

	for (size_t i = 0; i < open_count(rota); i++) {
		noted = &rota->notes->streams[i];
		count += noted->opened_ms < opened_ms ||
		    (noted->opened_ms == opened_ms &&
			noted->key < rota->notes->key);
	}
	return count;
}

/*
 * Whether the seat of the oldest stream is needed: those that are older are
 * left before. Seats beyond their number are needed as soon as a client waits.
 */
static bool
is_needed(const struct rota *rota, int64_t now_ms)
{
	const struct places *places = &rota->places;
	size_t               count = open_count(rota);
	size_t               needed_count = 0, free_count = 0;

	if (rota->own_count == 0 || places->wait_count == 0)
		return false;
	if (rota_notes_have_others(rota->notes, now_ms))
		needed_count = count_due(places, now_ms);
	if (count > places->limits.count)
		needed_count += count - places->limits.count;
	else
		free_count = places->limits.count - count;
	return needed_count > free_count + count_older(rota) &&
	    places_had_turn(places, rota->own[0].client, count,
		rota->own[0].opened_ms, now_ms);
}

bool
rota_look(struct rota *rota, int64_t now_ms, long *return_ms)
{
	bool is_over;

	if (!rota_is_on(rota) || now_ms < rota->next_ms)
		return false;
	begin(rota, now_ms);
	is_over = is_needed(rota, now_ms);
	if (is_over)
		*return_ms = send_away(rota, now_ms);
	end(rota);
	/* Another one may have to end as well. */
	if (is_over)
		rota->next_ms = now_ms;
	else if (rota->places.wait_count > 0 || rota->is_changed)
		rota->next_ms = now_ms + LOOK_MS;
	else
		rota->next_ms = now_ms + LOOK_ALONE_MS;
	if (rota->own_count == 0 && !is_over && !rota->is_changed)
		rota->next_ms = INT64_MAX;
	return is_over;
}
