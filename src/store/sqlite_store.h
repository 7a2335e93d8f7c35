#ifndef STORE_SQLITE_STORE_H
#define STORE_SQLITE_STORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/list.h"
#include "store/engine.h"
#include "store/files.h"
#include "store/sqlite_reader.h"
#include "store/sqlite_writer.h"
#include "store/worker.h"

struct bell;
struct seats;

/*
 * A log in SQLite as the loop sees it. What blocks is done by two
 * workers, one that writes and one that reads. All publishes that wait while
 * one commit is under way make up the next. What this process wrote itself is
 * handed over from memory, if no other process wrote in between; the rest is
 * read. sqlite.c has the first half of this struct, sqlite_tail.c the second.
 */
struct sqlite_store {
	struct store        store;
	struct store_reader reader;
	uv_loop_t          *loop;
	uv_async_t          async; /* workers, bell, what is due next turn */
	uv_timer_t          timer;
	struct files        files;
	char               *name;
	int64_t (*wall_ms)(void);
	void (*closed)(void *arg);
	void    *closed_arg;
	unsigned handle_count; /* of libuv, that are open */
	bool     is_lean;
	bool     is_closing;

	struct sqlite_writer  writer;
	struct sqlite_batch   batch;
	struct worker         write_worker;
	struct files_identity suspect; /* in which damage was found */
	uint64_t              bytes_max;
	int64_t               age_ms;
	uint64_t              wanted_tag;
	uint64_t              known;   /* the newest position that was seen */
	struct list           waiting; /* struct sqlite_append */
	size_t                waiting_count;
	size_t                waiting_bytes;
	struct list           refused; /* to be answered next turn */
	struct list           written; /* answered, to be handed over */
	struct seats         *seats;   /* of the processes here */
	struct bell        *own_bell; /* that the writer rings; NULL: not yet */
	uint64_t            tag;      /* of the log; 0: not known yet */
	uint64_t            down_since_ms;
	struct store_health health;
	enum sqlite_fault   fault; /* why it is down */
	enum sqlite_fault   trim_fault;
	unsigned            down_retry_ms;
	bool                is_writing;
	bool                is_write_due; /* even if no update waits */
	bool                is_probe_due;
	bool                is_suspect; /* there is such a file */
	bool                has_limits; /* to be set */
	bool                is_clock_ahead;
	bool                is_state_due;

	struct sqlite_reader log;
	struct sqlite_page   page;
	struct worker        read_worker;
	uint64_t             read_began_ns;
	uint64_t             read_known; /* known, when the read began */
	struct list          finds;      /* struct sqlite_find */
	uint64_t             cursor;     /* all up to this is handed over */
	char               **topics;
	size_t               topic_count; /* 0: all */
	struct bell         *bell;        /* watched; NULL: not yet */
	dev_t                bell_device;
	ino_t                bell_inode;
	enum sqlite_fault    read_fault;  /* of the last read */
	unsigned             moved_count; /* reads in a row that met that */
	unsigned             generation;  /* of store_tail */
	unsigned             read_generation;
	uint32_t             seen_word; /* of the bell, by the last read */
	bool                 is_reading;
	bool                 is_read_due;
	bool                 is_retry_due; /* by the timer */
	bool                 is_tailing;
	bool                 is_held;
	bool                 is_level;
	atomic_bool          is_rung;
	atomic_bool          is_alarmed;
};

/* sqlite.c */

/* "sqlite:FILE?sync=full": the file, to be freed; NULL with an error. */
char *sqlite_store_parse_url(const char *url, bool *is_full, char *error,
    size_t error_bytes);
void  sqlite_store_close_if_done(struct sqlite_store *);
void  sqlite_store_take_seat(struct sqlite_store *);
void  sqlite_store_wake(void *arg); /* from any thread */

/* sqlite_verify.c */
int sqlite_verify(const char *url, struct store_health *, char *problem,
    size_t problem_bytes);

/* sqlite_commit.c */
void sqlite_store_write(struct sqlite_store *); /* if there is cause */
void sqlite_store_run_write(void *arg);         /* in the worker */
void sqlite_store_after_write(struct sqlite_store *);
void sqlite_store_prepare(struct sqlite_store *, unsigned lock_timeout_ms);
void sqlite_store_note(struct sqlite_store *); /* what came of the batch */
void sqlite_store_answer(struct sqlite_store *, struct list *appends);
void sqlite_store_free_written(struct sqlite_store *);
void sqlite_store_tell_state(struct sqlite_store *);
void sqlite_store_schedule(struct sqlite_store *);
void sqlite_store_lost(struct sqlite_store *, uint64_t up_to, const char *why,
    const char *set_aside);

/* sqlite_tail.c */
void sqlite_tail(struct store *, uint64_t after, const char *const *topics,
    size_t topic_count);
void sqlite_hold(struct store *, bool is_held);
void sqlite_find(struct store *, struct store_find *, const char *id,
    const char *const *topics, size_t topic_count);
void sqlite_find_cancel(struct store *, struct store_find *);
void sqlite_tail_read(struct sqlite_store *); /* if there is cause */
void sqlite_tail_run_read(void *arg);         /* in the worker */
void sqlite_tail_after_read(struct sqlite_store *);
void sqlite_tail_check_bell(struct sqlite_store *);
void sqlite_tail_after_write(struct sqlite_store *, bool is_handed_over);
bool sqlite_tail_hand_over(struct sqlite_store *, struct list *appends);
void sqlite_tail_end(struct sqlite_store *);

#endif
