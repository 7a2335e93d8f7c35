#ifndef STREAM_ROTA_H
#define STREAM_ROTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stream/places.h"

struct seats;

/*
 * Turns among processes that share seats: those of one socket, or those that
 * have one stream each. The file of the seats has notes: which streams are open
 * since when, and which clients were told to come back when. So how long a turn
 * is follows from all clients, whichever process they come to. A process cannot
 * end the stream of another one; but each sees in the notes which clients are
 * due, and how many streams are older than its own. When more are due than
 * there are free seats, the oldest streams end by themselves. A process with a
 * stream that has had its turn ends it at once for a client that finds no free
 * seat.
 *
 * Whatever the file holds is checked. What a killed process has noted counts
 * for seconds, and decides nothing but when streams end: the seats themselves
 * are locks. Where a stopped process bars the others from the notes, each goes
 * on with what it knew last.
 */
struct rota;

/*
 * The seats are to outlive it; key: a random number for this process; wait_us:
 * how long it may wait for the notes at a time.
 */
struct rota *rota_new(struct seats *, uint64_t key, unsigned wait_us);
void         rota_free(struct rota *);

/* Without places there are no turns, and the own streams are forgotten. */
void rota_set_limits(struct rota *, const struct places_limits *);

/* Whether clients take turns. NULL: no. */
bool rota_is_on(const struct rota *);

/* How many streams the client has in all processes. */
size_t rota_count_client(struct rota *, uint64_t client, int64_t now_ms);

/*
 * A client asks for a stream. Whether it has a seat for it: a free one, by
 * take, or that of this process's oldest stream, which rota_send_away is then
 * to be called for. If not, the client is noted, and *return_ms is when it is
 * to come back.
 */
bool rota_admit(struct rota *, uint64_t client, int64_t now_ms,
    bool (*take)(void *), void *arg, long *return_ms);

/*
 * The oldest stream of this process, which has one, ends for another. Returns
 * when its client is to come back.
 */
long rota_send_away(struct rota *, int64_t now_ms);

/*
 * The process has the stream, which is of that client, since then; noted at the
 * next look. Of the stream only its address counts.
 */
void rota_add(struct rota *, const void *stream, uint64_t client,
    int64_t opened_ms);

/* It has it from now on, which is noted at once. */
void rota_open(struct rota *, const void *stream, uint64_t client,
    int64_t now_ms);

/*
 * The stream has ended, for whatever reason; noted by rota_look or rota_flush.
 * Without effect if rota_look or rota_send_away has said that it ends.
 */
void rota_close(struct rota *, const void *stream, int64_t now_ms);

/* Notes what has changed. */
void rota_flush(struct rota *, int64_t now_ms);

/* When to look whether others wait; INT64_MAX: no stream is open. */
int64_t rota_next_ms(const struct rota *);

/*
 * Looks, if it is time. Whether the oldest stream of this process is to end for
 * others; then *return_ms is when its client is to come back, and rota_look is
 * to be called again at once.
 */
bool rota_look(struct rota *, int64_t now_ms, long *return_ms);

#endif
