/*
 * Whether one more stream may be open, in place of which one, and what is noted
 * of it where other processes share the limits: a part of streams.h by itself,
 * since it alone deals with places, seats and turns.
 */
#include "stream/streams.h"

#include <stdlib.h>

#include "base/log.h"
#include "hub/turns.h"
#include "store/seats.h"
#include "stream/rota.h"
#include "stream/stream.h"

/*
 * Not sooner than a restart takes: an EventSource that meets a web server's
 * 503 gives up.
 */
#define RETURN_MS_MIN 1000

static bool
has_seats(const struct streams *streams)
{
	return streams->seats != NULL && streams->limits.seat_count > 0;
}

void
streams_leave_seats(struct streams *streams)
{
	size_t needed_count = has_seats(streams) ? streams->open_count : 0;

	while (streams->seat_count > needed_count) {
		seats_leave(streams->seats);
		streams->seat_count--;
	}
}

void
streams_share_seats(struct streams *streams)
{
	const struct stream *stream;
	bool                 was_on = rota_is_on(streams->rota);

	seats_set_count(streams->seats, (unsigned)streams->limits.seat_count);
	rota_set_limits(streams->rota, &streams->limits.places);
	streams_leave_seats(streams);
	while (has_seats(streams) &&
	    streams->seat_count < streams->open_count &&
	    seats_take(streams->seats))
		streams->seat_count++;
	if (was_on || !rota_is_on(streams->rota))
		return;
	list_for_each (node, &streams->open) {
		stream = list_entry(node, const struct stream, node);
		rota_add(streams->rota, stream, client_key(stream->client->key),
		    stream->opened_ms);
	}
}

void
streams_joined(struct streams *streams, const struct stream *stream)
{
	streams->open_count++;
	streams->totals.opened_count++;
	if (rota_is_on(streams->rota))
		rota_open(streams->rota, stream,
		    client_key(stream->client->key), stream->opened_ms);
}

void
streams_left(struct streams *streams, const struct stream *stream)
{
	streams->open_count--;
	if (rota_is_on(streams->rota))
		rota_close(streams->rota, stream, turns_now_ms(streams->turns));
}

const char *
stream_refusal_word(enum stream_refusal refusal)
{
	static const char *const words[STREAM_REFUSAL_COUNT] = { "", "full",
		"client-full", "turn", "draining" };

	return words[refusal];
}

uint64_t
streams_refused_count(const struct streams *streams)
{
	uint64_t count = 0;
	int      i;

	for (i = STREAM_ADMITTED + 1; i < STREAM_REFUSAL_COUNT; i++)
		count += streams->totals.refusal_counts[i];
	return count;
}

size_t
streams_shared_count(const struct streams *streams)
{
	return has_seats(streams) ? seats_taken(streams->seats) :
				    streams->open_count;
}

/* Has a seat for one more stream; it is left again if none is opened. */
static bool
take_seat(struct streams *streams)
{
	if (!has_seats(streams) || streams->seat_count > streams->open_count)
		return true;
	if (!seats_take(streams->seats))
		return false;
	streams->seat_count++;
	return true;
}

static bool
take(void *arg)
{
	return take_seat(arg);
}

/*
 * Whether there is a place for one more stream, which may be that of the
 * oldest. That one is sent away when the other opens: one that is admitted may
 * still be refused for what it asks.
 */
static bool
has_place(struct streams *streams, const char *client, long *return_ms)
{
	struct places       *places = &streams->places;
	size_t               left_count = streams->open_count;
	const struct list   *node = streams->open.next;
	const struct stream *oldest;
	int64_t              now_ms;
	uint64_t             key;
	bool                 was_awaited, is_greedy;

	if (places->limits.count == 0)
		return true;
	now_ms = turns_now_ms(streams->turns);
	key = client_key(client);
	was_awaited = places_arrive(places, key, now_ms);
	is_greedy = places_are_taken(places, left_count) &&
	    places_is_greedy(places, key, left_count,
		clients_count(&streams->clients, client));
	for (; places_are_taken(places, left_count); node = node->next) {
		oldest = list_entry(node, const struct stream, node);
		if (is_greedy ||
		    !places_had_turn(places, client_key(oldest->client->key),
			left_count, oldest->opened_ms, now_ms)) {
			*return_ms = places_refuse(places, key,
			    streams->open_count, was_awaited && !is_greedy,
			    oldest->opened_ms, now_ms);
			return false;
		}
		left_count--;
	}
	return true;
}

/* The same on shared seats: one was taken, or that of the oldest is needed. */
static void
make_seat(struct streams *streams)
{
	int64_t now_ms = turns_now_ms(streams->turns);

	if (streams->seat_count <= streams->open_count &&
	    !list_is_empty(&streams->open))
		stream_send_away(list_entry(streams->open.next, struct stream,
				     node),
		    STREAM_END_TURN, rota_send_away(streams->rota, now_ms));
}

void
streams_make_place(struct streams *streams)
{
	struct places *places = &streams->places;
	struct stream *oldest;

	if (rota_is_on(streams->rota))
		make_seat(streams);
	while (places_are_taken(places, streams->open_count)) {
		oldest = list_entry(streams->open.next, struct stream, node);
		stream_send_away(oldest, STREAM_END_TURN,
		    places_send_away(places, client_key(oldest->client->key),
			streams->open_count, oldest->opened_ms,
			turns_now_ms(streams->turns)));
	}
}

/* A place for one more, of this process or of all that share seats. */
static enum stream_refusal
find_place(struct streams *streams, const char *client, long *return_ms)
{
	if (rota_is_on(streams->rota))
		return rota_admit(streams->rota, client_key(client),
			   turns_now_ms(streams->turns), take, streams,
			   return_ms) ?
		    STREAM_ADMITTED :
		    STREAM_REFUSED_TURN;
	if (!take_seat(streams))
		return STREAM_REFUSED_FULL;
	return has_place(streams, client, return_ms) ? STREAM_ADMITTED :
						       STREAM_REFUSED_TURN;
}

/* How many streams the client has, as far as that is known here. */
static size_t
count_client(struct streams *streams, const char *client)
{
	if (rota_is_on(streams->rota))
		return rota_count_client(streams->rota, client_key(client),
		    turns_now_ms(streams->turns));
	return clients_count(&streams->clients, client);
}

enum stream_refusal
streams_admit(struct streams *streams, const char *client, const char *path,
    long *return_ms)
{
	enum stream_refusal refusal = STREAM_ADMITTED;
	size_t              client_max = streams->limits.client_count_max;

	*return_ms = streams_return_ms(streams);

	if (streams->is_draining)
		refusal = STREAM_REFUSED_DRAINING;
	else if (streams->open_count >= streams->limits.count_max)
		refusal = STREAM_REFUSED_FULL;
	else if (client_max > 0 && count_client(streams, client) >= client_max)
		refusal = STREAM_REFUSED_CLIENT;
	else
		refusal = find_place(streams, client, return_ms);
	if (refusal == STREAM_ADMITTED)
		return refusal;
	streams->totals.refusal_counts[refusal]++;
	log_info("refuse", LOG_STR("client", client), LOG_STR("path", path),
	    LOG_INT("open", streams_shared_count(streams)),
	    LOG_STR("reason", stream_refusal_word(refusal)));
	return refusal;
}

long
streams_return_ms(const struct streams *streams)
{
	return RETURN_MS_MIN +
	    random() % ((long)streams->limits.return_spread_ms + 1);
}
