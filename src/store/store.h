#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct update;

/*
 * A store is one log of updates, in one order, that outlives a process and may
 * be shared by several. A publish appends to it; each process reads its tail
 * once and delivers what it reads, its own updates too. The engines are memory
 * (the log of this process alone), sqlite (a file that the processes of one
 * machine share) and redis (a broker that machines share).
 *
 * All calls come from the thread of the loop. A store calls its reader and its
 * publishers from the loop as well, never from within a call to the store.
 */
struct store;

/* Whether a store can take updates now. */
enum store_state {
	STORE_UP,
	STORE_DOWN /* publishing fails; the reason says why */
};

/* Who reads the tail. The updates and their memory last for the call. */
struct store_reader {
	/* The next updates in the order of their positions, each once. */
	void (*on_updates)(void *arg, const struct update *, size_t count);

	/*
	 * All that was kept when store_tail was called has been handed over,
	 * up to this position. Called again after each gap, that is, whenever
	 * the reader had fallen behind and has caught up.
	 */
	void (*on_level)(void *arg, uint64_t position);

	/*
	 * Updates up to this position were trimmed or lost before they could
	 * be read; not called for what was trimmed before a tail from 0.
	 * up_to 0: the whole log was lost, and a new one has begun; the tail
	 * goes on in it, and positions rise as before.
	 */
	void (*on_lost)(void *arg, uint64_t up_to);

	/* The state changed; why is a short reason for log and clients. */
	void (*on_state)(void *arg, enum store_state, const char *why);

	void *arg;
};

struct store_options {
	/* memory, sqlite:FILE[?...], redis[s]://..., redis+unix:PATH[?...]. */
	const char *url;

	size_t  bytes_max; /* of all kept updates together; 0: no limit */
	int64_t age_ms;    /* older updates are discarded; 0: no limit */

	/*
	 * This process serves one stream at a time: it starts no threads and
	 * opens nothing before they are needed, and reads nothing until
	 * store_tail.
	 */
	bool is_lean;

	/*
	 * For a command that uses the log beside its servers: the limits above
	 * are not applied, and those that the servers have set stay.
	 */
	bool is_guest;

	/* Of a store that is made anew; 0: at random. */
	uint64_t tag;

	int64_t (*wall_ms)(void); /* ms since the epoch; NULL: the system's */
};

/*
 * Opens the store and begins nothing yet: call store_tail. A store that cannot
 * be reached just now is STORE_DOWN and tries again. NULL: it never will work;
 * error is one line that names the store (without a password) and the cure.
 * The loop has something to wait for until the store is closed.
 */
struct store *store_open(uv_loop_t *, const struct store_options *,
    const struct store_reader *, char *error, size_t error_bytes);

/*
 * Publishes in flight are answered first, with what is then known. done is
 * called from the loop when nothing of the store is left; the memory is freed.
 */
void store_close(struct store *, void (*done)(void *arg), void *arg);

/* Other limits, from the next discarding on. */
void store_set_limits(struct store *, size_t bytes_max, int64_t age_ms);

/* A position for store_tail: behind all that the log has by then. */
#define STORE_FROM_NOW ((uint64_t)INT64_MAX)

/*
 * Reads what is behind the position, now and from now on: of all topics if
 * topic_count is 0, else of these (the names are copied). A second call begins
 * anew; nothing of the first is handed over after it.
 *
 * With redis a position that the log has not reached yet is no promise of what
 * comes: the next updates are handed over whatever their positions are, and
 * on_level tells the lower position from which they were read.
 */
void store_tail(struct store *, uint64_t after, const char *const *topics,
    size_t topic_count);

/* true: hand over no more until false. What was read already may still come. */
void store_hold(struct store *, bool is_held);

enum store_result {
	STORE_KEPT,      /* as durable as the store is; position is set */
	STORE_NOT_KEPT,  /* for sure; why and retry_after_s are set */
	STORE_MAYBE_KEPT /* the answer was lost; likewise */
};

struct store_receipt {
	enum store_result result;
	uint64_t          position;

	/*
	 * STORE_KEPT: the update was kept before under the same key, this is
	 * its position, and nothing was added. id: the publisher's own id that
	 * it has; NULL: made from the position.
	 */
	bool        is_repeat;
	const char *id;

	const char *why; /* "disk full"; a short reason for log and client */
	unsigned    retry_after_s;
};

/*
 * A publish under way; a member of its owner, which must not be freed before
 * done is called.
 */
struct store_publish {
	void (*done)(struct store_publish *, const struct store_receipt *);
};

/*
 * Appends an update, of which everything is copied. done is called exactly
 * once. The update's position is 0, or, to copy a log, the one to keep, which
 * must lie behind all others (otherwise it is STORE_NOT_KEPT).
 *
 * once: a key under which a repeat within a day is recognized, or NULL. It
 * names the publisher as well as the publication (at most
 * STORE_ONCE_BYTES_MAX).
 */
#define STORE_ONCE_BYTES_MAX 320
void store_publish(struct store *, struct store_publish *,
    const struct update *, const char *once);

/*
 * A search under way; a member of its owner, which must not be freed before
 * done is called.
 */
struct store_find {
	/*
	 * The update, for the call; NULL: none with this id is kept. It has no
	 * topics if the id was made from its position.
	 */
	void (*done)(struct store_find *, const struct update *);
};

/*
 * Looks for the oldest kept update that a publisher gave this id, among those
 * that went to one of the topics first, then among all. Ids that are made from
 * positions are not looked up: see position_from_id and store_tag. Where the
 * tag is not known yet, redis, the search waits for it, and yields an update
 * that has nothing but the position in such an id.
 */
void store_find(struct store *, struct store_find *, const char *id,
    const char *const *topics, size_t topic_count);

/* The search is not wanted any more; done is not called. */
void store_find_cancel(struct store *, struct store_find *);

/* The bits by which ids made by this store are known; 0: not known yet. */
uint64_t store_tag(const struct store *);

/*
 * The time of day by the clock that positions come from, where wall_ms is that
 * of this machine: the same, but for the clock of a server.
 */
int64_t store_wall_ms(const struct store *, int64_t wall_ms);

/* For metrics, the status page and the log. The strings belong to the store. */
struct store_health {
	const char      *engine;   /* "sqlite" */
	const char      *name;     /* the URL without a password */
	bool             is_known; /* the state is known: see store_look */
	enum store_state state;
	const char      *why;     /* why it is down, or NULL */
	int64_t          down_ms; /* for how long it has been down; 0: up */
	uint64_t         newest;  /* position last read or written */
	uint64_t         oldest;  /* 0: not known, or empty */
	uint64_t         update_count; /* kept, as far as is known */
	uint64_t         byte_count;
	uint64_t         published_count; /* by this process */
	uint64_t         failed_count;    /* STORE_NOT_KEPT */
	uint64_t         unknown_count;   /* STORE_MAYBE_KEPT */
	uint64_t         batch_count;     /* commits or pipelines */
	uint64_t         lost_count;      /* on_lost calls */
	int64_t          append_us; /* of the last append, to its answer */
	int64_t          append_us_max;
	int64_t          read_us;       /* of the last read */
	unsigned         process_count; /* that share it; 0: not known */

	/* What a broker of redis has set; "" where it is not known. */
	char eviction[24]; /* its maxmemory-policy */
	char saving[16];   /* "no", or of its log of commands "always", ... */
};
void store_get_health(const struct store *, struct store_health *);

/*
 * Has a lean store find out whether it can take updates: the health's is_known
 * is false until then. Any other store knows it by itself.
 */
void store_look(struct store *);

/*
 * Reads and verifies all that a store in a file keeps, while others use it, and
 * fills in the health from engine to byte_count. It changes nothing, and it
 * blocks. -1: problem is one line. 1: the store is no file; open it.
 */
int store_verify(const char *url, struct store_health *, char *problem,
    size_t problem_bytes);

/*
 * Where the password begins in the URL of a store, "redis://user:WORD@host" or
 * "redis+unix:PATH?password=WORD", and its length; NULL: there is none.
 */
const char *store_url_password(const char *url, size_t *len_bytes);

#endif
