#ifndef STORE_REDIS_H
#define STORE_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/list.h"
#include "store/engine.h"
#include "store/redis_args.h"
#include "store/redis_batch.h"
#include "store/redis_id.h"
#include "store/redis_link.h"
#include "store/redis_reply.h"
#include "store/redis_url.h"

/*
 * The redis engine from within; only redis*.c include this.
 *
 * The log is one stream, NAME{log}, whose entry ids are the positions. Beside
 * it, in the same slot of a cluster: NAME{log}:tag, the store's tag;
 * NAME{log}:turn, which one process holds while it trims; NAME{log}:id:ID, a
 * list of the entries with a publisher's own id; NAME{log}:once:KEY, the entry
 * that was kept under a key.
 *
 * One connection reads: XREAD BLOCK, at most one each 5 ms, so that the
 * server's work does not grow with the rate. While a read may have a gap
 * before it (redis_tail.c says when) it is one transaction with XINFO STREAM,
 * which tells whether the log was trimmed in between. The other connection
 * has the rest, and every 5 s a check (redis_check.c) of what may have
 * happened to the log: it was flushed, evicted, or is that of a replica that
 * had not all of it. Then XREAD would wait in silence behind a position that
 * is not reached again, so a marker with our newest position is added.
 */
enum redis_phase {
	REDIS_IDLE,     /* nothing was needed yet */
	REDIS_STARTING, /* the first attempt; publishes wait for it */
	REDIS_UP,
	REDIS_REFUSING, /* it answers, but takes no updates */
	REDIS_DOWN
};

/* Reads the log's tail. */
struct redis_tail {
	struct redis_link  link;
	uv_timer_t         pace;
	char             **topics; /* sorted; NULL: all */
	size_t             topic_count;
	unsigned           turn; /* counts calls of store_tail */
	bool               is_wanted;
	bool               is_held;
	bool               is_level;  /* the reader was told so */
	bool               is_behind; /* a gap may be before the next read */
	bool               is_reading;
	bool               is_blocking; /* the read waits for an update */
	bool               is_given;    /* the cursor is the caller's, unread */
	struct redis_id    cursor;
	uint64_t           ordinal; /* the entry at the cursor; 0: not known */
	uint64_t           sent_ms;
	uint64_t           sent_ns;
	size_t             page_count; /* entries of a read at most */
	struct redis_batch batch;
};

/* What one check gathers, from its first answer to its last. */
struct redis_check {
	uv_timer_t        timer;
	bool              is_running;
	bool              is_wanted; /* another at once when this one ends */
	bool              has_turn;
	uint64_t          seen; /* the newest position, when it began */
	uint64_t          memory_bytes;
	struct redis_info info;
	const char       *why; /* NULL: nothing is wrong */
};

struct redis_store {
	struct store        store; /* the first member */
	uv_loop_t          *loop;
	struct store_reader reader;
	struct redis_url    url;
	size_t              bytes_max;
	int64_t             age_ms;
	bool                is_lean;

	enum redis_phase phase;
	char             why[160];
	uint64_t         down_since_ms;

	char    *log_key;
	uint64_t tag;            /* 0: not known */
	uint64_t tag_wanted;     /* of a log that is made anew */
	uint64_t seen;           /* the newest position read or written */
	uint64_t marked_ms;      /* of the last marker for a full millisecond */
	int64_t  clock_ms;       /* the server's clock minus the loop's */
	uint64_t added;          /* entries, when last told */
	bool     is_policy_told; /* that the log may be evicted */
	bool     is_saving_told; /* that it may be lost */
	uint64_t appended_bytes; /* by us, since the last check */

	struct redis_link  command;
	struct redis_tail  tail;
	struct redis_check check;

	struct list waiting;  /* publishes that are not sent yet */
	struct list sent;     /* and those that are */
	struct list answered; /* whose done is to be called */
	struct list finds;
	size_t      flight_count; /* waiting and sent */
	size_t      flight_bytes;
	uv_timer_t  defer; /* calls what is not to be called from within */

	struct store_health health;

	bool     is_closing;
	uint64_t close_ms;   /* not to be waited for beyond */
	unsigned open_count; /* handles and links that are to be closed */
	void (*done)(void *arg);
	void *done_arg;
};

/* redis.c */
void  redis_set_phase(struct redis_store *, enum redis_phase, const char *why);
void  redis_open_command(struct redis_store *); /* unless it is open */
void  redis_defer(struct redis_store *);        /* runs the deferred calls */
char *redis_key(const struct redis_store *, const char *suffix,
    const char *name);
void  redis_saw(struct redis_store *, uint64_t position);

/* Below this no entry is younger than the age; false: there is no limit. */
bool redis_min_id(const struct redis_store *, struct redis_id *);

/* redis_publish.c */
void redis_publish(struct store *, struct store_publish *,
    const struct update *, const char *once);
void redis_publish_waiting(struct redis_store *); /* sends them */
void redis_publish_refuse(struct redis_store *, const char *why);
void redis_publish_answer(struct redis_store *); /* calls done */

/* redis_find.c */
void redis_find(struct store *, struct store_find *, const char *id,
    const char *const *topics, size_t topic_count);
void redis_find_cancel(struct store *, struct store_find *);
void redis_find_waiting(struct redis_store *);
void redis_find_answer(struct redis_store *);
void redis_find_end(struct redis_store *); /* nothing is found */

/* redis_tail.c */
void redis_tail_init(struct redis_store *);
void redis_tail_deinit(struct redis_store *);
void redis_tail_set(struct store *, uint64_t after, const char *const *topics,
    size_t topic_count);
void redis_tail_hold(struct store *, bool is_held);
void redis_tail_lost(struct redis_store *, uint64_t up_to);

/* redis_check.c */
void redis_check_init(struct redis_store *);
void redis_check_begin(struct redis_store *, bool is_first);
void redis_check_soon(struct redis_store *); /* in a second at most */
void redis_check_stop(struct redis_store *);
void redis_mark(struct redis_store *, const struct redis_id *);
void redis_mark_full(struct redis_store *, const struct redis_id *);

#endif
