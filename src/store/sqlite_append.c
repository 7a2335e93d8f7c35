/* Appends a batch of updates to a log in SQLite, as one commit. */

#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "pure/position.h"
#include "store/sqlite_row.h"
#include "store/sqlite_writer.h"

void
sqlite_append_free(struct sqlite_append *append)
{
	free(append->row);
	free(append->once);
	free(append->known_id);
	free(append);
}

static enum sqlite_fault
step(struct sqlite_writer *writer, enum sqlite_statement which)
{
	return sqlite_db_step(&writer->db, writer->statements[which]);
}

/*
 * Notes whose clock says what. Two clocks on one machine tell the same time,
 * unless a process was given a false time or the clock was set: the difference
 * to the time since boot, which cannot be set, shows it.
 */
static void
note_clock(struct sqlite_writer *writer, struct sqlite_batch *batch)
{
	struct sqlite_meta *meta = &batch->meta;
	struct timespec     since_boot;

	if (meta->boot != writer->boot)
		meta->other_clock_ms = INT64_MIN;
	else if (meta->writer != writer->id)
		meta->other_clock_ms = meta->clock_ms;
	clock_gettime(CLOCK_BOOTTIME, &since_boot);
	meta->clock_ms = batch->wall_ms - (int64_t)since_boot.tv_sec * 1000 -
	    since_boot.tv_nsec / 1000000;
	meta->writer = writer->id;
	meta->boot = writer->boot;
}

static void
set_limits(struct sqlite_batch *batch)
{
	struct sqlite_meta *meta = &batch->meta;

	if (!batch->has_limits ||
	    (meta->bytes_max == batch->bytes_max &&
		meta->age_ms == batch->age_ms))
		return;
	batch->are_limits_changed = meta->writer != 0;
	meta->bytes_max = batch->bytes_max;
	meta->age_ms = batch->age_ms;
}

/* Whether this was published before; then the receipt says so. */
static enum sqlite_fault
find_repeat(struct sqlite_writer *writer, struct sqlite_batch *batch,
    struct sqlite_append *append, bool *is_found)
{
	sqlite3_stmt     *find = writer->statements[SQLITE_ONCE_FIND];
	int64_t           horizon_ms = batch->wall_ms - SQLITE_ONCE_MS;
	enum sqlite_fault fault;
	uint64_t          position;
	int               code;

	*is_found = false;
	sqlite3_bind_blob(find, 1, append->once, (int)strlen(append->once),
	    SQLITE_STATIC);
	code = sqlite3_step(find);
	fault = sqlite_db_fault(&writer->db, code);
	position = (uint64_t)sqlite3_column_int64(find, 0);
	if (code == SQLITE_ROW &&
	    (batch->is_clock_ahead || position >= position_at(horizon_ms))) {
		*is_found = true;
		append->receipt.result = STORE_KEPT;
		append->receipt.is_repeat = true;
		append->receipt.position = position;
		if (sqlite3_column_type(find, 1) != SQLITE_NULL)
			append->known_id = mem_strndup(sqlite3_column_blob(find,
							   1),
			    (size_t)sqlite3_column_bytes(find, 1));
		append->receipt.id = append->known_id;
	} else if (code == SQLITE_ROW) {
		/* An old one, whose place the new one takes. */
		batch->meta.once_count--;
	}
	sqlite3_reset(find);
	return fault;
}

static void
bind_id(sqlite3_stmt *statement, int at, const char *id)
{
	if (id != NULL)
		sqlite3_bind_blob(statement, at, id, (int)strlen(id),
		    SQLITE_STATIC);
	else
		sqlite3_bind_null(statement, at);
}

static enum sqlite_fault
add_row(struct sqlite_writer *writer, const struct sqlite_row *row)
{
	const struct update *update = &row->update;
	sqlite3_stmt        *add = writer->statements[SQLITE_LOG_ADD];
	sqlite3_stmt        *index = writer->statements[SQLITE_TOPIC_ADD];
	enum sqlite_fault    fault;

	sqlite3_bind_int64(add, 1, (int64_t)update->position);
	bind_id(add, 2, update->id);
	sqlite3_bind_int(add, 3, update->is_private);
	sqlite3_bind_blob64(add, 4, row->names, row->names_bytes,
	    SQLITE_STATIC);
	sqlite3_bind_int64(add, 5, sqlite_row_sum(row));
	sqlite3_bind_blob64(add, 6, update->bytes, update->len_bytes,
	    SQLITE_STATIC);
	fault = step(writer, SQLITE_LOG_ADD);
	for (size_t i = 0;
	     i < update->topic_count && fault == SQLITE_FAULT_NONE; i++) {
		sqlite3_bind_int64(index, 1,
		    sqlite_topic_hash(update->topics[i]));
		sqlite3_bind_int64(index, 2, (int64_t)update->position);
		fault = step(writer, SQLITE_TOPIC_ADD);
	}
	return fault;
}

/* So that a repeat is known. */
static enum sqlite_fault
add_once(struct sqlite_writer *writer, struct sqlite_batch *batch,
    const struct sqlite_append *append)
{
	sqlite3_stmt *add = writer->statements[SQLITE_ONCE_ADD];

	sqlite3_bind_blob(add, 1, append->once, (int)strlen(append->once),
	    SQLITE_STATIC);
	sqlite3_bind_int64(add, 2, (int64_t)append->row->update.position);
	bind_id(add, 3, append->row->update.id);
	batch->meta.once_count++;
	return step(writer, SQLITE_ONCE_ADD);
}

/* Of an update that is copied it is the one wanted; 0: it cannot be. */
static uint64_t
choose_position(const struct sqlite_batch *batch, uint64_t wanted)
{
	uint64_t position;

	if (wanted == 0)
		position = position_next(batch->meta.newest, batch->wall_ms);
	else
		position = wanted > batch->meta.newest ? wanted : 0;
	return position < SQLITE_POSITION_MAX ? position : 0;
}

static enum sqlite_fault
append_one(struct sqlite_writer *writer, struct sqlite_batch *batch,
    struct sqlite_append *append)
{
	struct sqlite_meta *meta = &batch->meta;
	struct update      *update = &append->row->update;
	enum sqlite_fault   fault = SQLITE_FAULT_NONE;
	bool                is_repeat = false;

	if (append->once != NULL)
		fault = find_repeat(writer, batch, append, &is_repeat);
	if (fault != SQLITE_FAULT_NONE || is_repeat)
		return fault;
	append->receipt.position = choose_position(batch, update->position);
	if (append->receipt.position == 0) {
		append->receipt.result = STORE_NOT_KEPT;
		append->receipt.why = "the position is not behind the newest";
		append->receipt.retry_after_s = 0;
		return SQLITE_FAULT_NONE;
	}
	update->position = append->receipt.position;
	append->receipt.result = STORE_KEPT;
	if (meta->update_count == 0)
		batch->oldest = update->position;
	meta->newest = update->position;
	meta->update_count++;
	meta->byte_count += sqlite_row_bytes(append->row);
	fault = add_row(writer, append->row);
	if (fault == SQLITE_FAULT_NONE && append->once != NULL)
		fault = add_once(writer, batch, append);
	return fault;
}

/* Positions that were given in an attempt before are taken back. */
static void
reset(struct sqlite_append *append)
{
	append->row->update.position = append->wanted;
	memset(&append->receipt, 0, sizeof(append->receipt));
	free(append->known_id);
	append->known_id = NULL;
}

enum sqlite_fault
sqlite_writer_end(struct sqlite_writer *writer, enum sqlite_fault fault)
{
	if (fault == SQLITE_FAULT_NONE)
		fault = step(writer, SQLITE_COMMIT);
	if (fault != SQLITE_FAULT_NONE &&
	    !sqlite3_get_autocommit(writer->db.handle))
		sqlite3_exec(writer->db.handle, "ROLLBACK", NULL, NULL, NULL);
	return fault;
}

enum sqlite_fault
sqlite_append_all(struct sqlite_writer *writer, struct sqlite_batch *batch)
{
	struct sqlite_meta *meta = &batch->meta;
	enum sqlite_fault   fault;

	batch->is_unknown = false;
	fault = step(writer, SQLITE_BEGIN);
	if (fault != SQLITE_FAULT_NONE)
		return fault;
	fault = sqlite_db_read_meta(&writer->db,
	    writer->statements[SQLITE_META_READ], meta);
	batch->newest_before = meta->newest;
	if (meta->newest < batch->known)
		meta->newest = batch->known;
	set_limits(batch);
	note_clock(writer, batch);
	batch->is_clock_ahead = sqlite_clock_is_ahead(meta);
	list_for_each (node, &batch->appends) {
		struct sqlite_append *append = list_entry(node,
		    struct sqlite_append, node);

		reset(append);
		if (fault == SQLITE_FAULT_NONE)
			fault = append_one(writer, batch, append);
	}
	if (fault == SQLITE_FAULT_NONE)
		fault = sqlite_db_write_meta(&writer->db,
		    writer->statements[SQLITE_META_WRITE], meta);
	/* What a failed commit has written may be found after a crash. */
	batch->is_unknown = fault == SQLITE_FAULT_NONE;
	fault = sqlite_writer_end(writer, fault);
	batch->is_unknown = batch->is_unknown && fault == SQLITE_FAULT_IO;
	return fault;
}

void
sqlite_writer_refuse(struct sqlite_batch *batch, enum sqlite_fault fault)
{
	batch->fault = fault;
	list_for_each (node, &batch->appends) {
		struct sqlite_append *append = list_entry(node,
		    struct sqlite_append, node);

		memset(&append->receipt, 0, sizeof(append->receipt));
		append->receipt.result = batch->is_unknown ? STORE_MAYBE_KEPT :
							     STORE_NOT_KEPT;
		append->receipt.why = sqlite_fault_text(batch->fault);
		append->receipt.retry_after_s =
		    sqlite_fault_retry_s(batch->fault);
	}
}
