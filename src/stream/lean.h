#ifndef STREAM_LEAN_H
#define STREAM_LEAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

struct hub;
struct streams;
struct turns;

/* What a subscriber is to have of the log. */
struct lean_wish {
	const char        *id;      /* Last-Event-ID, or NULL */
	bool               is_last; /* the last updates, if there is no id */
	const char *const *topics;
	size_t             topic_count; /* 0: all */
};

enum lean_state {
	LEAN_IDLE,
	LEAN_FINDING, /* the store looks for the id */
	LEAN_READING, /* a call waits for the beginning */
	LEAN_OPEN     /* and has been told that it is there */
};

/*
 * What a process that serves one stream at a time reads of the log: the topics
 * of that stream, from its position on, into the hub. It reads no further while
 * the client is behind by more than a bound, and keeps nothing that the client
 * has had. Before the next stream the hub is emptied. All zero but for the
 * first members: idle.
 */
struct lean {
	struct hub           *hub;
	const struct streams *streams;
	struct store         *store;
	struct turns         *turns;

	enum lean_state   state;
	struct store_find find;
	char             *id; /* these are copies of the wish */
	bool              is_last;
	char            **topics;
	size_t            topic_count;
	uint64_t          after;   /* the position behind which is read */
	int64_t           due_ms;  /* no call waits longer */
	bool              is_held; /* the store, until the client caught up */
	void (*ready)(void *arg, bool is_there);
	void *arg;
};

/* Whether a stream or a call is being served, so that another cannot be. */
bool lean_is_busy(const struct lean *);

/*
 * Begins to read what is wished, which is copied. ready is called from
 * lean_run, once: the hub has the beginning of it and goes on, or, if not
 * is_there, the store does not answer.
 */
void lean_begin(struct lean *, const struct lean_wish *,
    void (*ready)(void *arg, bool is_there), void *arg);

/*
 * From within ready: what was read does not have what the id stands for. If it
 * was not all, all is read, ready is called again, and this is true.
 */
bool lean_begin_earlier(struct lean *);

/*
 * Ends what is being read or waited for, and frees it: what was read is of no
 * use to the next one. When it is idle nothing happens.
 */
void lean_end(struct lean *);

/*
 * In each turn of the loop, when the turn's deliveries are done. It is needed
 * next at lean_next_ms, on turns_now_ms's clock.
 */
void    lean_run(struct lean *);
int64_t lean_next_ms(const struct lean *);

#endif
