#include "stream/streams.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "auth/access.h"
#include "auth/token.h"
#include "base/log.h"
#include "hub/turns.h"
#include "stream/rota.h"
#include "stream/stream.h"

/* Streams that are ended together in one turn of the loop. */
#define ENDS_PER_RUN 256

/*
 * After a lifetime the responder is there, and lifetimes are spread by
 * themselves.
 */
#define LIFETIME_RETURN_MS_MIN 100
#define LIFETIME_RETURN_MS_MAX 500

void
streams_init(struct streams *streams, struct turns *turns,
    const struct stream_limits *limits)
{
	memset(streams, 0, sizeof(*streams));
	streams->turns = turns;
	list_init(&streams->open);
	list_init(&streams->ended);
	deadline_list_init(&streams->heartbeats, 0);
	deadline_list_init(&streams->stalls, 0);
	streams_set_limits(streams, limits);
}

void
streams_set_limits(struct streams *streams, const struct stream_limits *limits)
{
	int64_t now_ms = turns_now_ms(streams->turns);

	streams->limits = *limits;
	deadline_list_change(&streams->heartbeats, limits->heartbeat_ms,
	    now_ms);
	deadline_list_change(&streams->stalls, limits->stall_timeout_ms,
	    now_ms);
	if (streams->seats != NULL)
		streams_share_seats(streams);
	else
		places_set_limits(&streams->places, &limits->places);
}

void
streams_deinit(struct streams *streams)
{
	assert(list_is_empty(&streams->open));
	streams_reap(streams);
	if (streams->rota != NULL)
		rota_flush(streams->rota, turns_now_ms(streams->turns));
	streams_leave_seats(streams);
	heap_deinit(&streams->lifetimes);
	heap_deinit(&streams->expiries);
	places_deinit(&streams->places);
}

static long
lifetime_return_ms(void)
{
	return LIFETIME_RETURN_MS_MIN +
	    random() % (LIFETIME_RETURN_MS_MAX - LIFETIME_RETURN_MS_MIN + 1);
}

static void
streams_run_drain(struct streams *streams)
{
	int count;

	for (count = 0; count < ENDS_PER_RUN && streams_is_busy(streams);
	     count++)
		stream_send_away(list_entry(streams->open.next, struct stream,
				     node),
		    STREAM_END_SHUTDOWN, streams_return_ms(streams));
}

static void
streams_run_lifetimes(struct streams *streams, int64_t now_ms)
{
	struct heap_node *first;

	while ((first = heap_first(&streams->lifetimes)) != NULL &&
	    first->key <= now_ms)
		stream_send_away(list_entry(first, struct stream_extra,
				     lifetime)
				     ->stream,
		    STREAM_END_LIFETIME, lifetime_return_ms());
}

/* Ends those streams whose seats others wait for. */
static void
run_rota(struct streams *streams, int64_t now_ms)
{
	long return_ms;

	while (streams->rota != NULL &&
	    rota_look(streams->rota, now_ms, &return_ms))
		stream_send_away(list_entry(streams->open.next, struct stream,
				     node),
		    STREAM_END_TURN, return_ms);
}

/* The time of a stream in the heap whose client may not read any more. */
#define EXPIRED_BY_RIGHTS INT64_MIN

/* The time of day may be set forward while the loop waits. */
#define EXPIRY_WAIT_MS_MAX 10000

/* The time of day was set if it differs by so much from what has passed. */
#define CLOCK_SET_MS 1000

/* Has the streams end no later than was said when they began. */
static void
shift_expiries(struct streams *streams, int64_t shift_ms)
{
	struct stream_extra *extra;
	int64_t              key;

	list_for_each (node, &streams->open) {
		extra = list_entry(node, struct stream, node)->extra;
		if (extra == NULL || extra->token == NULL ||
		    extra->expiry.key == EXPIRED_BY_RIGHTS ||
		    extra->expiry.key == INT64_MAX)
			continue;
		key = extra->expiry.key + shift_ms;
		if (key > extra->token->times.exp_ms)
			key = extra->token->times.exp_ms;
		heap_set(&streams->expiries, &extra->expiry, key);
	}
}

void
streams_watch_clock(struct streams *streams)
{
	int64_t ahead_ms;

	ahead_ms = streams->wall_ms() - turns_now_ms(streams->turns);
	if (heap_first(&streams->expiries) != NULL) {
		if (llabs(ahead_ms - streams->clock_ahead_ms) < CLOCK_SET_MS)
			return;
		shift_expiries(streams, ahead_ms - streams->clock_ahead_ms);
	}
	streams->clock_ahead_ms = ahead_ms;
}

/* Whether its client may go on to read. */
static bool
may_stay(const struct stream *stream, bool is_anonymous_allowed)
{
	if (stream->extra != NULL && stream->extra->token != NULL)
		return access_knows_key(stream->streams->access,
		    stream->extra->token);
	return is_anonymous_allowed || !stream->is_resumable;
}

void
streams_check_rights(struct streams *streams, bool is_anonymous_allowed)
{
	struct list   *node;
	struct stream *stream;

	for (node = streams->open.next; node != &streams->open;
	     node = node->next) {
		stream = list_entry(node, struct stream, node);
		if (!may_stay(stream, is_anonymous_allowed))
			stream_set_expiry(stream, EXPIRED_BY_RIGHTS);
	}
}

static enum stream_end
expiry_end(const struct stream_extra *extra)
{
	if (extra->token == NULL)
		return STREAM_END_TOKEN_NEEDED;
	return extra->expiry.key == EXPIRED_BY_RIGHTS ?
	    STREAM_END_KEY_REMOVED :
	    STREAM_END_TOKEN_EXPIRED;
}

static void
streams_run_expiries(struct streams *streams)
{
	struct stream_extra *extra;
	struct heap_node    *first;
	int64_t              wall_ms;
	int                  count;

	if (heap_first(&streams->expiries) == NULL)
		return;
	streams_watch_clock(streams);
	wall_ms = streams->wall_ms();
	for (count = 0; count < ENDS_PER_RUN; count++) {
		first = heap_first(&streams->expiries);
		if (first == NULL || first->key > wall_ms)
			return;
		extra = list_entry(first, struct stream_extra, expiry);
		stream_expire(extra->stream, expiry_end(extra),
		    streams_return_ms(streams));
	}
}

/* How long until the first token ends. */
static int64_t
expiry_wait_ms(const struct streams *streams)
{
	int64_t first_ms = heap_first(&streams->expiries)->key, wall_ms;

	if (first_ms == INT64_MAX)
		return INT64_MAX;
	wall_ms = streams->wall_ms();
	if (first_ms <= wall_ms)
		return 0;
	return first_ms - wall_ms < EXPIRY_WAIT_MS_MAX ? first_ms - wall_ms :
							 EXPIRY_WAIT_MS_MAX;
}

void
streams_run(struct streams *streams)
{
	int64_t          now_ms = turns_now_ms(streams->turns);
	struct deadline *due;

	while ((due = deadline_take_due(&streams->heartbeats, now_ms)) != NULL)
		stream_beat(list_entry(due, struct stream, deadline));
	while ((due = deadline_take_due(&streams->stalls, now_ms)) != NULL)
		stream_end(list_entry(due, struct stream, deadline),
		    STREAM_END_STALLED);
	streams_run_lifetimes(streams, now_ms);
	run_rota(streams, now_ms);
	streams_run_expiries(streams);
	streams_run_drain(streams);
	streams_leave_seats(streams);
}

int64_t
streams_next_ms(const struct streams *streams)
{
	int64_t next_ms = deadline_next_ms(&streams->heartbeats), other_ms;

	other_ms = deadline_next_ms(&streams->stalls);
	if (other_ms < next_ms)
		next_ms = other_ms;
	if (streams->rota != NULL && rota_next_ms(streams->rota) < next_ms)
		next_ms = rota_next_ms(streams->rota);
	if (heap_first(&streams->lifetimes) != NULL &&
	    heap_first(&streams->lifetimes)->key < next_ms)
		next_ms = heap_first(&streams->lifetimes)->key;
	if (heap_first(&streams->expiries) != NULL) {
		other_ms = expiry_wait_ms(streams);
		if (other_ms != INT64_MAX)
			other_ms += turns_now_ms(streams->turns) + 1;
		if (other_ms < next_ms)
			next_ms = other_ms;
	}
	return next_ms;
}

bool
streams_is_busy(const struct streams *streams)
{
	return streams->is_draining && !list_is_empty(&streams->open);
}

void
streams_drain(struct streams *streams)
{
	streams->is_draining = true;
}

void
streams_end_all(struct streams *streams, enum stream_end end)
{
	while (!list_is_empty(&streams->open))
		stream_end(list_entry(streams->open.next, struct stream, node),
		    end);
}

void
streams_reap(struct streams *streams)
{
	while (!list_is_empty(&streams->ended))
		stream_free(list_entry(streams->ended.next, struct stream,
		    node));
}
