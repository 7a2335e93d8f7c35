#ifndef STORE_REDIS_BATCH_H
#define STORE_REDIS_BATCH_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "hub/update.h"
#include "store/redis_args.h"

/*
 * An update as an entry of the log has it, in fields: "t" its topics with a
 * NUL between them, "d" its bytes, "i" its publisher's id and "p" if it is
 * private. An entry with "m" is a marker: it only moves positions on.
 */
void redis_entry_write(struct redis_args *, const struct update *);

/* Updates that were read. {0} is empty. They point into the answers. */
struct redis_batch {
	struct buf updates; /* struct update */
	struct buf topics;  /* const char *, those of all updates */
	size_t     count;
};

enum redis_entry_kind {
	REDIS_ENTRY_UPDATE,
	REDIS_ENTRY_MARKER,
	REDIS_ENTRY_FOREIGN /* nothing that we could have written */
};

/* Adds an update, if the fields are one; its position is the caller's. */
enum redis_entry_kind redis_batch_add(struct redis_batch *,
    const redisReply *fields, uint64_t position);

/* Takes the last one away again. */
void redis_batch_drop(struct redis_batch *);

/* The last one, whose topics are complete already. */
const struct update *redis_batch_last(struct redis_batch *);

/* All of them. */
const struct update *redis_batch_updates(struct redis_batch *);

void redis_batch_clear(struct redis_batch *);
void redis_batch_deinit(struct redis_batch *);

/*
 * How many entries to read at a time, so that these are no more bytes than is
 * good, by what the entries before had; 0: there were none. Lean: for a process
 * with one client, which may be slow.
 */
size_t redis_batch_count(bool is_lean, uint64_t mean_bytes);

#endif
