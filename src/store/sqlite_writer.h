#ifndef STORE_SQLITE_WRITER_H
#define STORE_SQLITE_WRITER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/list.h"
#include "store/files.h"
#include "store/sqlite_db.h"
#include "store/store.h"

struct bell;
struct sqlite_row;

/* How long a key tells a repeat. */
#define SQLITE_ONCE_MS (INT64_C(24) * 60 * 60 * 1000)

/* What it has prepared. */
enum sqlite_statement {
	SQLITE_BEGIN,
	SQLITE_COMMIT,
	SQLITE_META_READ,
	SQLITE_META_WRITE,
	SQLITE_LOG_ADD,
	SQLITE_TOPIC_ADD,
	SQLITE_ONCE_ADD,
	SQLITE_ONCE_FIND,
	SQLITE_LOG_OLDEST,
	SQLITE_LOG_DROP,
	SQLITE_TOPIC_DROP,
	SQLITE_ONCE_DROP,
	SQLITE_STATEMENT_COUNT
};

/*
 * The writing side of a log: the lock, one connection, and the bell that it
 * rings. All of it may block, and runs in one thread at a time.
 */
struct sqlite_writer {
	const struct files   *files;
	bool                  is_full; /* sync=full */
	int64_t               id;      /* of this writer, at random */
	int64_t               boot;    /* which boot of the machine this is */
	int                   lock_fd; /* -1: not open */
	struct stat           lock;    /* which file that is */
	struct bell          *bell;    /* NULL: not open */
	struct sqlite_db      db;
	sqlite3_stmt         *statements[SQLITE_STATEMENT_COUNT]; /* of db */
	struct files_identity identity;      /* of what is open */
	struct files_look     look;          /* when the names led there */
	uint64_t              last_tag;      /* of the log before; 0: none */
	int                   wal_pages;     /* after the last commit */
	int                   wal_pages_due; /* a checkpoint is due then */
	int64_t               trimmed_ms;    /* when it last discarded */
	bool                  is_loss_told;  /* and no log is open since */
	bool                  is_trimming;   /* and there was more */
	bool                  is_crowded;    /* the last ring woke many */
};

/* An update to be appended. */
struct sqlite_append {
	struct list           node;
	struct store_publish *publish;
	struct sqlite_row    *row;
	uint64_t              wanted; /* position; 0: the next */
	char                 *once;   /* NULL: none */
	struct store_receipt  receipt;
	char                 *known_id; /* that receipt.id points to */
	int64_t               began_us;
};

void sqlite_append_free(struct sqlite_append *);

/* How far a batch has come; others look at it meanwhile. */
enum sqlite_phase {
	SQLITE_PHASE_WAITING, /* for the lock */
	SQLITE_PHASE_WRITING,
	SQLITE_PHASE_COMMITTED /* every receipt is filled in */
};

/* What one turn of the writer is to do, and what came of it. */
struct sqlite_batch {
	struct list           appends;    /* may be empty */
	bool                  is_probe;   /* write, to see whether one can */
	bool                  is_lean;    /* do not, when the log opens */
	bool                  is_suspect; /* the reader found damage in this: */
	struct files_identity suspect;
	bool                  has_limits; /* set these */
	uint64_t              bytes_max;
	int64_t               age_ms;
	int64_t               wall_ms;
	uint64_t              tag;   /* of a log that is made; 0: at random */
	uint64_t              known; /* newest position that was seen */
	unsigned              lock_timeout_ms;

	/*
	 * Called by the thread of the writer once the receipts are filled in
	 * and many are to be waken, which takes time.
	 */
	void (*on_committed)(void *arg);
	void       *arg;
	_Atomic int phase; /* enum sqlite_phase */

	enum sqlite_fault  fault;
	enum sqlite_fault  trim_fault;   /* of what came after the commit */
	char               why[512];     /* for the log */
	bool               is_opened;    /* anew */
	bool               is_unknown;   /* the appends may be kept after all */
	bool               is_lost;      /* what was read before is no more */
	char               lost_to[256]; /* where a damaged log is now, or "" */
	struct sqlite_meta meta;         /* after the batch */
	uint64_t           newest_before; /* UINT64_MAX: it has not looked */
	uint64_t           oldest;        /* 0: empty, or not known */
	uint32_t           word_before;
	uint32_t           word_after;
	bool               is_more;            /* there is more to discard */
	bool               is_clock_ahead;     /* so nothing was discarded */
	bool               are_limits_changed; /* another had set others */
};

void sqlite_writer_init(struct sqlite_writer *, const struct files *,
    bool is_full);
void sqlite_writer_deinit(struct sqlite_writer *);

/* Fills in the receipts of all appends. */
void sqlite_writer_run(struct sqlite_writer *, struct sqlite_batch *);

/* Fills in the receipts of a batch that has failed. */
void sqlite_writer_refuse(struct sqlite_batch *, enum sqlite_fault);

/* The parts of it; the lock is held, and the log is open. */
enum sqlite_fault sqlite_append_all(struct sqlite_writer *,
    struct sqlite_batch *);
enum sqlite_fault sqlite_trim(struct sqlite_writer *, struct sqlite_batch *);
enum sqlite_fault sqlite_checkpoint(struct sqlite_writer *);
bool              sqlite_clock_is_ahead(const struct sqlite_meta *);

/* One transaction's end: what was begun is undone if there is a fault. */
enum sqlite_fault sqlite_writer_end(struct sqlite_writer *, enum sqlite_fault);

#endif
