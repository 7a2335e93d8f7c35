/* Discards what is too old or too much in a log in SQLite, in small parts. */

#include "config.h"

#include <string.h>

#include "pure/position.h"
#include "store/sqlite_row.h"
#include "store/sqlite_writer.h"

/* As many rows for each time that the lock is held. */
#define TRIM_ROWS_MAX 500

/* Not more often, unless there was more to discard. */
#define TRIM_EVERY_MS 1000

/* A clock that is further ahead of another's discards nothing by age. */
#define CLOCK_AHEAD_MAX_MS 60000

#define ONCE_COUNT_MAX 65536

#define CHECKPOINT_PAGES 1000

bool
sqlite_clock_is_ahead(const struct sqlite_meta *meta)
{
	return meta->other_clock_ms != INT64_MIN &&
	    meta->clock_ms - CLOCK_AHEAD_MAX_MS > meta->other_clock_ms;
}

static enum sqlite_fault
step(struct sqlite_writer *writer, enum sqlite_statement which)
{
	return sqlite_db_step(&writer->db, writer->statements[which]);
}

/* The oldest row, as far as it matters here. */
struct oldest {
	uint64_t    position; /* 0: there is none */
	const char *names;    /* until the statement is reset */
	size_t      names_bytes;
	uint64_t    byte_count;
};

static enum sqlite_fault
read_oldest(struct sqlite_writer *writer, uint64_t newest,
    struct oldest *oldest)
{
	sqlite3_stmt     *find = writer->statements[SQLITE_LOG_OLDEST];
	enum sqlite_fault fault;
	int               code;

	memset(oldest, 0, sizeof(*oldest));
	code = sqlite3_step(find);
	fault = sqlite_db_fault(&writer->db, code);
	if (code != SQLITE_ROW)
		return fault;
	oldest->position = (uint64_t)sqlite3_column_int64(find, 0);
	if (oldest->position > newest) {
		oldest->position = 0;
		return fault;
	}
	oldest->names = sqlite3_column_blob(find, 1);
	oldest->names_bytes = (size_t)sqlite3_column_bytes(find, 1);
	oldest->byte_count = oldest->names_bytes +
	    (uint64_t)sqlite3_column_int64(find, 2);
	if (oldest->names_bytes == 0 ||
	    oldest->names[oldest->names_bytes - 1] != '\0')
		return SQLITE_FAULT_CORRUPT;
	return SQLITE_FAULT_NONE;
}

static bool
is_due(const struct sqlite_batch *batch, const struct oldest *oldest)
{
	const struct sqlite_meta *meta = &batch->meta;

	if (oldest->position == 0)
		return false;
	if (meta->bytes_max > 0 && meta->byte_count > meta->bytes_max &&
	    meta->update_count > 1)
		return true;
	return meta->age_ms > 0 && !batch->is_clock_ahead &&
	    oldest->position < position_at(batch->wall_ms - meta->age_ms);
}

static enum sqlite_fault
drop(struct sqlite_writer *writer, struct sqlite_meta *meta,
    const struct oldest *oldest)
{
	sqlite3_stmt     *index = writer->statements[SQLITE_TOPIC_DROP];
	sqlite3_stmt     *log = writer->statements[SQLITE_LOG_DROP];
	enum sqlite_fault fault = SQLITE_FAULT_NONE;
	const char       *name = oldest->names;

	while (name < oldest->names + oldest->names_bytes &&
	    fault == SQLITE_FAULT_NONE) {
		sqlite3_bind_int64(index, 1, sqlite_topic_hash(name));
		sqlite3_bind_int64(index, 2, (int64_t)oldest->position);
		fault = step(writer, SQLITE_TOPIC_DROP);
		name += strlen(name) + 1;
	}
	sqlite3_reset(writer->statements[SQLITE_LOG_OLDEST]);
	sqlite3_bind_int64(log, 1, (int64_t)oldest->position);
	if (fault == SQLITE_FAULT_NONE)
		fault = step(writer, SQLITE_LOG_DROP);
	meta->trimmed = oldest->position;
	if (meta->update_count > 0)
		meta->update_count--;
	meta->byte_count = meta->byte_count > oldest->byte_count ?
	    meta->byte_count - oldest->byte_count :
	    0;
	return fault;
}

static enum sqlite_fault
drop_rows(struct sqlite_writer *writer, struct sqlite_batch *batch)
{
	struct oldest     oldest;
	enum sqlite_fault fault;
	unsigned          count = 0;

	for (;;) {
		fault = read_oldest(writer, batch->meta.newest, &oldest);
		batch->oldest = oldest.position;
		if (fault != SQLITE_FAULT_NONE || !is_due(batch, &oldest))
			break;
		if (count++ == TRIM_ROWS_MAX) {
			writer->is_trimming = true;
			break;
		}
		fault = drop(writer, &batch->meta, &oldest);
		if (fault != SQLITE_FAULT_NONE)
			break;
	}
	sqlite3_reset(writer->statements[SQLITE_LOG_OLDEST]);
	if (fault == SQLITE_FAULT_NONE && oldest.position == 0) {
		batch->meta.update_count = 0;
		batch->meta.byte_count = 0;
	}
	return fault;
}

/* Keys are discarded after a day, or when there are too many. */
static enum sqlite_fault
drop_once(struct sqlite_writer *writer, struct sqlite_batch *batch)
{
	sqlite3_stmt       *statement = writer->statements[SQLITE_ONCE_DROP];
	struct sqlite_meta *meta = &batch->meta;
	uint64_t            excess = 0, dropped;
	enum sqlite_fault   fault;

	if (meta->once_count == 0)
		return SQLITE_FAULT_NONE;
	if (meta->once_count > ONCE_COUNT_MAX)
		excess = meta->once_count - ONCE_COUNT_MAX;
	if (excess > TRIM_ROWS_MAX)
		excess = TRIM_ROWS_MAX;
	sqlite3_bind_int64(statement, 1,
	    batch->is_clock_ahead ?
		0 :
		(int64_t)position_at(batch->wall_ms - SQLITE_ONCE_MS));
	sqlite3_bind_int64(statement, 2, TRIM_ROWS_MAX);
	sqlite3_bind_int64(statement, 3, (int64_t)excess);
	fault = step(writer, SQLITE_ONCE_DROP);
	if (fault != SQLITE_FAULT_NONE)
		return fault;
	dropped = (uint64_t)sqlite3_changes(writer->db.handle);
	meta->once_count -= dropped < meta->once_count ? dropped :
							 meta->once_count;
	if (dropped >= TRIM_ROWS_MAX)
		writer->is_trimming = true;
	return SQLITE_FAULT_NONE;
}

enum sqlite_fault
sqlite_trim(struct sqlite_writer *writer, struct sqlite_batch *batch)
{
	enum sqlite_fault  fault;
	struct sqlite_meta before;
	int64_t            now_ms = (int64_t)(uv_hrtime() / 1000000);

	if (!writer->is_trimming && now_ms - writer->trimmed_ms < TRIM_EVERY_MS)
		return SQLITE_FAULT_NONE;
	writer->trimmed_ms = now_ms;
	writer->is_trimming = false;
	fault = step(writer, SQLITE_BEGIN);
	if (fault != SQLITE_FAULT_NONE)
		return fault;
	fault = sqlite_db_read_meta(&writer->db,
	    writer->statements[SQLITE_META_READ], &batch->meta);
	before = batch->meta;
	if (fault == SQLITE_FAULT_NONE)
		fault = drop_rows(writer, batch);
	if (fault == SQLITE_FAULT_NONE)
		fault = drop_once(writer, batch);
	if (fault == SQLITE_FAULT_NONE &&
	    memcmp(&before, &batch->meta, sizeof(before)) != 0)
		fault = sqlite_db_write_meta(&writer->db,
		    writer->statements[SQLITE_META_WRITE], &batch->meta);
	fault = sqlite_writer_end(writer, fault);
	if (fault != SQLITE_FAULT_NONE) {
		batch->meta = before;
		writer->is_trimming = false;
	}
	batch->is_more = writer->is_trimming;
	return fault;
}

enum sqlite_fault
sqlite_checkpoint(struct sqlite_writer *writer)
{
	int code, all_pages = 0, done_pages = 0;

	if (writer->wal_pages < writer->wal_pages_due)
		return SQLITE_FAULT_NONE;
	code = sqlite3_wal_checkpoint_v2(writer->db.handle, "main",
	    SQLITE_CHECKPOINT_PASSIVE, &all_pages, &done_pages);
	/* Who reads an older state keeps the rest for later. */
	writer->wal_pages_due = CHECKPOINT_PAGES +
	    (done_pages < all_pages ? all_pages : 0);
	writer->wal_pages = 0;
	if (code == SQLITE_BUSY)
		return SQLITE_FAULT_NONE;
	return sqlite_db_fault(&writer->db, code);
}
