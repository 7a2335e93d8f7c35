#include "stream/rota.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/seats.h"

#define MAGIC UINT64_C(0x31736e7275746573)

/* What the notes hold; further streams and clients are not noted. */
#define STREAMS_MAX 512
#define WAITS_MAX 4096

/* A process that has not looked for so long is taken for dead. */
#define SILENT_MS_MAX 5000

/* A process has one client, so waiting for the notes holds up nobody else. */
#define NOTES_WAIT_US 30000

/* How often a process looks while others wait, and while none does. */
#define LOOK_MS 100
#define LOOK_ALONE_MS 500

/* Who is due so soon, or was due not longer ago, is to find a seat. */
#define AHEAD_MS 100
#define LATE_MS 1000

struct noted_stream {
	uint64_t key; /* of its process */
	uint64_t client;
	int64_t  opened_ms;
	int64_t  looked_ms; /* when its process did so last */
};

struct notes {
	uint64_t            magic;
	uint64_t            stream_count;
	uint64_t            wait_count;
	struct noted_stream streams[STREAMS_MAX];
	struct places_wait  waits[WAITS_MAX];
};

struct rota {
	struct seats *seats;
	struct places places; /* its waits lie in the notes */
	struct notes *notes;
	uint64_t      key;
	bool          is_open;
	uint64_t      client;
	int64_t       opened_ms;
	int64_t       next_ms;
};

struct rota *
rota_new(struct seats *seats, uint64_t key)
{
	struct rota *rota = mem_zalloc(sizeof(*rota));

	rota->seats = seats;
	rota->key = key;
	rota->next_ms = INT64_MAX;
	rota->notes = mem_zalloc(sizeof(*rota->notes));
	rota->places.waits = rota->notes->waits;
	rota->places.wait_max = WAITS_MAX;
	return rota;
}

void
rota_free(struct rota *rota)
{
	if (rota == NULL)
		return;
	free(rota->notes);
	free(rota);
}

void
rota_set_limits(struct rota *rota, const struct places_limits *limits)
{
	rota->places.limits = *limits;
}

bool
rota_is_on(const struct rota *rota)
{
	return rota != NULL && rota->places.limits.count > 0;
}

static void
drop_stream(struct notes *notes, size_t i)
{
	notes->streams[i] = notes->streams[--notes->stream_count];
}

/* Streams of processes that do not look any more, or never did. */
static void
forget_silent(struct notes *notes, int64_t now_ms)
{
	const struct noted_stream *noted;

	for (size_t i = (size_t)notes->stream_count; i-- > 0;) {
		noted = &notes->streams[i];
		if (noted->looked_ms > now_ms || noted->opened_ms > now_ms ||
		    noted->looked_ms < now_ms - SILENT_MS_MAX)
			drop_stream(notes, i);
	}
}

/* Reads the notes and bars others from them; false: they cannot be used. */
static bool
begin(struct rota *rota, int64_t now_ms)
{
	struct notes *notes = rota->notes;
	size_t        read_bytes;

	if (!seats_lock_notes(rota->seats, NOTES_WAIT_US))
		return false;
	read_bytes = seats_read_notes(rota->seats, 0, notes, sizeof(*notes));
	memset((char *)notes + read_bytes, 0, sizeof(*notes) - read_bytes);
	if (notes->magic != MAGIC || notes->stream_count > STREAMS_MAX ||
	    notes->wait_count > WAITS_MAX)
		notes->stream_count = notes->wait_count = 0;
	notes->magic = MAGIC;
	forget_silent(notes, now_ms);
	rota->places.wait_count = (size_t)notes->wait_count;
	places_forget_lost(&rota->places, now_ms);
	return true;
}

static void
end(struct rota *rota)
{
	struct notes *notes = rota->notes;
	size_t        used_bytes;

	notes->wait_count = rota->places.wait_count;
	used_bytes = offsetof(struct notes, streams) +
	    (size_t)notes->stream_count * sizeof(notes->streams[0]);
	seats_write_notes(rota->seats, 0, notes, used_bytes);
	seats_write_notes(rota->seats, offsetof(struct notes, waits),
	    notes->waits, rota->places.wait_count * sizeof(notes->waits[0]));
	seats_unlock_notes(rota->seats);
}

static size_t
open_count(const struct rota *rota)
{
	return (size_t)rota->notes->stream_count;
}

/* Streams of the client, and of all the oldest. */
static size_t
count_own(const struct rota *rota, uint64_t client,
    const struct noted_stream **oldest)
{
	const struct noted_stream *noted;
	size_t                     count = 0;

	*oldest = NULL;
	for (size_t i = 0; i < open_count(rota); i++) {
		noted = &rota->notes->streams[i];
		count += noted->client == client;
		if (*oldest == NULL || noted->opened_ms < (*oldest)->opened_ms)
			*oldest = noted;
	}
	return count;
}

bool
rota_admit(struct rota *rota, uint64_t client, int64_t now_ms,
    bool (*take)(void *), void *arg, long *return_ms)
{
	struct places             *places = &rota->places;
	const struct noted_stream *oldest;
	size_t                     own_count;
	int64_t                    oldest_ms;
	bool                       is_soon, is_greedy, has_seat;

	if (!begin(rota, now_ms))
		return take(arg);
	own_count = count_own(rota, client, &oldest);
	is_soon = places_arrive(places, client, now_ms);
	is_greedy = places_are_taken(places, open_count(rota)) &&
	    places_is_greedy(places, client, open_count(rota), own_count);
	has_seat = !is_greedy && take(arg);
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

static struct noted_stream *
find_own(struct rota *rota)
{
	struct notes *notes = rota->notes;

	for (size_t i = 0; i < notes->stream_count; i++) {
		if (notes->streams[i].key == rota->key)
			return &notes->streams[i];
	}
	return NULL;
}

/* Notes the stream, which may have been forgotten while this process slept. */
static void
note_own(struct rota *rota, int64_t now_ms)
{
	struct notes        *notes = rota->notes;
	struct noted_stream *own = find_own(rota);

	if (own == NULL && notes->stream_count < STREAMS_MAX)
		own = &notes->streams[notes->stream_count++];
	if (own != NULL)
		*own = (struct noted_stream){ rota->key, rota->client,
			rota->opened_ms, now_ms };
}

static void
forget_own(struct rota *rota)
{
	struct noted_stream *own = find_own(rota);

	if (own != NULL)
		drop_stream(rota->notes, (size_t)(own - rota->notes->streams));
}

void
rota_open(struct rota *rota, uint64_t client, int64_t now_ms)
{
	rota->is_open = true;
	rota->client = client;
	rota->opened_ms = now_ms;
	rota->next_ms = now_ms + LOOK_MS;
	if (!begin(rota, now_ms))
		return;
	note_own(rota, now_ms);
	end(rota);
}

void
rota_close(struct rota *rota, int64_t now_ms)
{
	if (!rota->is_open)
		return;
	rota->is_open = false;
	rota->next_ms = INT64_MAX;
	if (!begin(rota, now_ms))
		return;
	forget_own(rota);
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

static size_t
count_older(const struct rota *rota)
{
	const struct noted_stream *noted;
	size_t                     count = 0;

	for (size_t i = 0; i < open_count(rota); i++) {
		noted = &rota->notes->streams[i];
		count += noted->opened_ms < rota->opened_ms ||
		    (noted->opened_ms == rota->opened_ms &&
			noted->key < rota->key);
	}
	return count;
}

/* Whether the seat is needed: those who are older leave theirs before. */
static bool
is_needed(const struct rota *rota, int64_t now_ms)
{
	const struct places *places = &rota->places;
	size_t               free_count = places->limits.count;

	free_count -= open_count(rota) < free_count ? open_count(rota) :
						      free_count;
	return count_due(places, now_ms) > free_count + count_older(rota) &&
	    places_had_turn(places, rota->client, open_count(rota),
		rota->opened_ms, now_ms);
}

bool
rota_look(struct rota *rota, int64_t now_ms, long *return_ms)
{
	struct places *places = &rota->places;
	bool           is_over;

	if (!rota->is_open || now_ms < rota->next_ms)
		return false;
	rota->next_ms = now_ms + LOOK_ALONE_MS;
	if (!rota_is_on(rota) || !begin(rota, now_ms))
		return false;
	note_own(rota, now_ms);
	if (places->wait_count > 0)
		rota->next_ms = now_ms + LOOK_MS;
	is_over = is_needed(rota, now_ms);
	if (is_over) {
		*return_ms = places_send_away(places, rota->client,
		    open_count(rota), rota->opened_ms, now_ms);
		forget_own(rota);
		rota->is_open = false;
		rota->next_ms = INT64_MAX;
	}
	end(rota);
	return is_over;
}
