#ifndef TOOL_RETRY_H
#define TOOL_RETRY_H

#include <stdbool.h>
#include <stdint.h>

struct buf;

/* Tries to publish one event, and how long to wait between them. */
struct retry {
	int64_t for_ms;      /* how long to try again; 0: only one try */
	int64_t end_ms;      /* no try begins behind this time */
	int64_t backoff_ms;  /* the longest next wait without Retry-After */
	int     count;       /* of tries so far */
	bool    is_doubtful; /* one of them may have published the event */
};

/* Begins with the first try. */
void retry_begin(struct retry *, int64_t for_ms);

/*
 * Whether no more try is due: the time is over, or it will be in so many ms,
 * which the server asked to wait.
 */
bool retry_is_over(const struct retry *, int64_t least_ms);

/*
 * How many ms to wait before the next try: so long, and some time more at
 * random, so that many publishers come back one after the other.
 */
int64_t retry_next_ms(struct retry *, int64_t least_ms);

/* Waits for this time; then the next try is due. */
void retry_wait(struct retry *, int64_t least_ms);

/*
 * Appends to the cause of the failure whether the event may have been published
 * all the same, and how many tries there were.
 */
void retry_append(const struct retry *, struct buf *cause);

/* Of an Idempotency-Key, with the NUL. */
#define RETRY_KEY_BYTES 33

/* Writes a key that no other publish has. */
void retry_make_key(char key[static RETRY_KEY_BYTES]);

#endif
