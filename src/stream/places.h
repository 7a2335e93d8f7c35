#ifndef STREAM_PLACES_H
#define STREAM_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct places_limits {
	size_t  count;       /* streams at a time; 0: there are no turns */
	int64_t turn_ms_min; /* no stream is ended sooner for another one */
	int64_t turn_ms_max; /* each client is to have its turn within it */
};

/* A client that was told to come back at that time. */
struct places_wait {
	uint64_t client; /* client_key of its address */
	int64_t  due_ms;
};

/*
 * Few places, on which more clients take turns. A client that asks for a stream
 * while all places are taken gets the place of the oldest stream, if that has
 * had its turn. A client that is sent away or refused is told when to come
 * back. These times make it fair: they spread the clients evenly over a round,
 * in which each has one turn, so that at any time as many clients come as turns
 * end.
 *
 * Among the clients of one address, one that comes back cannot be told from a
 * new one. So the clients that are awaited are counted by address and by the
 * time that they were told. As long as one is due, a client of its address is
 * taken for it: if it finds no place it has waited for its turn already, and is
 * told to try again soon.
 *
 * Clients of one address that do not wait, but ask again and again, count as
 * many clients. As long as the round is not longer for it, that does no harm.
 * Beyond that an address counts for the others only as a part of all clients,
 * so their round is shorter; its own clients see all of it.
 *
 * Times are ms on the monotonic clock. open_count is the number of streams that
 * are open now; client is the key of the address that is concerned. {0} has no
 * limits.
 */
struct places {
	struct places_limits limits;
	struct places_wait  *waits; /* in no order; NULL: no turns */
	size_t               wait_count;
	size_t               wait_max; /* further ones are not counted */
};

/* Takes other limits; the clients that are awaited stay so. */
void places_set_limits(struct places *, const struct places_limits *);
void places_deinit(struct places *);

/* Forgets the clients that did not come in time. */
void places_forget_lost(struct places *, int64_t now_ms);

/* Whether one more stream needs the place of another. */
bool places_are_taken(const struct places *, size_t open_count);

/*
 * Whether there are more clients than turns, and this one has own_count streams
 * and with them its share.
 */
bool places_is_greedy(const struct places *, uint64_t client, size_t open_count,
    size_t own_count);

/* How long a stream is to be open while others wait for its place. */
int64_t places_turn_ms(const struct places *, uint64_t client,
    size_t open_count);

/* In what time each client has one turn. */
int64_t places_round_ms(const struct places *, uint64_t client,
    size_t open_count);

/*
 * A client asks for a stream. Returns whether one of its address was awaited by
 * now; that one is not awaited any more.
 */
bool places_arrive(struct places *, uint64_t client, int64_t now_ms);

/* Whether a stream of that client, opened then, has had its turn. */
bool places_had_turn(const struct places *, uint64_t client, size_t open_count,
    int64_t opened_ms, int64_t now_ms);

/* Its client is awaited again. Returns in how many ms it is to come back. */
long places_send_away(struct places *, uint64_t client, size_t open_count,
    int64_t opened_ms, int64_t now_ms);

/*
 * The same for a client that gets no place, since the oldest stream, opened
 * then, has not had its turn.
 */
long places_refuse(struct places *, uint64_t client, size_t open_count,
    bool was_awaited, int64_t oldest_opened_ms, int64_t now_ms);

#endif
