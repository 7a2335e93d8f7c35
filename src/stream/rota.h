#ifndef STREAM_ROTA_H
#define STREAM_ROTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stream/places.h"

struct seats;

/*
 * Turns among processes that have one stream each, and share seats. The file of
 * the seats has notes: which streams are open since when, and who was told to
 * come back when. A process cannot end the stream of another one; but each sees
 * in the notes who is due, and how many streams are older than its own. When
 * more are due than there are free seats, the oldest streams end by themselves.
 *
 * Whatever the file holds is checked. What a killed process has noted counts
 * for seconds, and decides nothing but when streams end: the seats themselves
 * are locks.
 */
struct rota;

/* The seats are to outlive it; key: a random number for this process. */
struct rota *rota_new(struct seats *, uint64_t key);
void         rota_free(struct rota *);

void rota_set_limits(struct rota *, const struct places_limits *);

/* Whether clients take turns. NULL: no. */
bool rota_is_on(const struct rota *);

/*
 * A client asks for a stream. Whether it has a seat for it, by take; if not, it
 * is noted, and *return_ms is when it is to come back, or as it was where the
 * notes cannot be used.
 */
bool rota_admit(struct rota *, uint64_t client, int64_t now_ms,
    bool (*take)(void *), void *arg, long *return_ms);

/* The process has a stream of that client since then; rota_look is due. */
void rota_open(struct rota *, uint64_t client, int64_t now_ms);

/* It has none any more. */
void rota_close(struct rota *, int64_t now_ms);

/* When to look whether others wait; INT64_MAX: no stream is open. */
int64_t rota_next_ms(const struct rota *);

/*
 * Looks, if it is time. Whether the stream is to end for others; then its
 * client is noted, and *return_ms is when it is to come back.
 */
bool rota_look(struct rota *, int64_t now_ms, long *return_ms);

#endif
