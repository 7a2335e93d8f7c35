#ifndef STREAM_ROTA_NOTES_H
#define STREAM_ROTA_NOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stream/places.h"

struct seats;

/* What the notes hold; further streams and clients are not noted. */
#define ROTA_NOTES_STREAMS_MAX 4096
#define ROTA_NOTES_WAITS_MAX 16384

/* An open stream. */
struct rota_noted {
	uint64_t key; /* of its process */
	uint64_t client;
	int64_t  opened_ms;
	int64_t  looked_ms; /* when its process did so last */
};

/* A process that has read the notes. */
struct rota_visit {
	uint64_t key;
	int64_t  at_ms;
};

struct rota_notes_head {
	uint64_t          magic;
	uint64_t          stream_count;
	uint64_t          wait_count;
	struct rota_visit visits[2]; /* the last two, the latest first */
};

/*
 * What processes that share seats tell each other, for stream/rota.h: a copy of
 * what the file of the seats holds. Counts are within the limits, whatever the
 * file has. Times are ms on the monotonic clock.
 */
struct rota_notes {
	struct seats *seats;
	uint64_t      key; /* of this process */
	unsigned      wait_us;
	int64_t       busy_ms;   /* others have them: not tried until then */
	bool          is_barred; /* others, from the file */

	/* What follows lies in the file in the same order. */
	struct rota_notes_head head;
	struct rota_noted      streams[ROTA_NOTES_STREAMS_MAX];
	struct places_wait     waits[ROTA_NOTES_WAITS_MAX];
};

/* As rota_new. */
struct rota_notes *rota_notes_new(struct seats *, uint64_t key,
    unsigned wait_us);
void               rota_notes_free(struct rota_notes *);

/*
 * Reads them, bars others from them, and notes that this process was there.
 * Where another process has them for too long they stay as they were known
 * last, and are not written.
 */
void rota_notes_begin(struct rota_notes *, int64_t now_ms);

/* Whether they were written. */
bool rota_notes_end(struct rota_notes *);

/*
 * Forgets the streams of processes that have not looked for long, and those of
 * this one, which are noted anew.
 */
void rota_notes_forget(struct rota_notes *, int64_t now_ms);

/* Notes a stream of this process, if there is room for it. */
void rota_notes_add(struct rota_notes *, uint64_t client, int64_t opened_ms,
    int64_t now_ms);

/* Whether other processes were there, so that a client may come to them next.
 */
bool rota_notes_have_others(const struct rota_notes *, int64_t now_ms);

#endif
