#include "config.h"

#include "store/sqlite_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/update.h"
#include "store/sqlite_row.h"

/* With more topics than this all rows are read, and most left out. */
#define INDEXED_TOPICS_MAX 32

/* So many updates with one id are looked at. */
#define FOUND_ROWS_MAX 1000

#define COLUMNS "position, id, private, topics, sum, bytes"

char **
sqlite_topics_copy(const char *const *topics, size_t topic_count)
{
	char **copy;

	if (topic_count == 0)
		return NULL;
	copy = mem_alloc(topic_count * sizeof(*copy));
	for (size_t i = 0; i < topic_count; i++)
		copy[i] = mem_strdup(topics[i]);
	return copy;
}

void
sqlite_topics_free(char **topics, size_t topic_count)
{
	for (size_t i = 0; i < topic_count; i++)
		free(topics[i]);
	free(topics);
}

struct sqlite_find *
sqlite_find_new(struct store_find *find, const char *id,
    const char *const *topics, size_t topic_count)
{
	struct sqlite_find *made = mem_zalloc(sizeof(*made));

	list_init(&made->node);
	made->find = find;
	made->id = mem_strdup(id);
	made->topics = sqlite_topics_copy(topics, topic_count);
	made->topic_count = topic_count;
	return made;
}

void
sqlite_find_free(struct sqlite_find *find)
{
	sqlite_topics_free(find->topics, find->topic_count);
	free(find->row);
	free(find->id);
	free(find);
}

void
sqlite_page_init(struct sqlite_page *page)
{
	memset(page, 0, sizeof(*page));
	list_init(&page->finds);
	page->bytes_max = SQLITE_PAGE_BYTES_MAX;
}

static void
drop_rows(struct sqlite_page *page)
{
	for (size_t i = 0; i < page->row_count; i++)
		free(page->rows[i]);
	page->row_count = 0;
}

void
sqlite_page_deinit(struct sqlite_page *page)
{
	drop_rows(page);
	sqlite_topics_free(page->topics, page->topic_count);
	page->topics = NULL;
	page->topic_count = 0;
}

void
sqlite_reader_init(struct sqlite_reader *reader, const struct files *files)
{
	memset(reader, 0, sizeof(*reader));
	reader->files = files;
}

void
sqlite_reader_deinit(struct sqlite_reader *reader)
{
	sqlite_db_close(&reader->db);
}

static enum sqlite_fault
open_log(struct sqlite_reader *reader)
{
	const struct {
		const char    *sql;
		sqlite3_stmt **made;
	} statements[] = {
		{ "BEGIN", &reader->begin },
		{ "COMMIT", &reader->end },
		{ SQLITE_META_SELECT, &reader->meta },
		/* Behind the newest stands nothing that we have written. */
		{ "SELECT " COLUMNS " FROM log WHERE position > ?1"
		  " AND position <= ?2 ORDER BY position",
		    &reader->log },
		{ "SELECT " COLUMNS " FROM log WHERE position = ?1",
		    &reader->row },
		{ "SELECT position FROM topic WHERE hash = ?1"
		  " AND position > ?2 AND position <= ?3"
		  " ORDER BY position LIMIT ?4",
		    &reader->topic },
		{ "SELECT " COLUMNS " FROM log WHERE id = ?1"
		  " AND position <= ?2 ORDER BY position",
		    &reader->find },
		{ "SELECT min(position) FROM log WHERE position > 0",
		    &reader->oldest },
	};
	struct files_identity before;
	enum sqlite_fault     fault;
	struct sqlite_meta    meta;

	files_identify(reader->files, &before);
	fault = sqlite_db_open(&reader->db, reader->files, false);
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]) &&
	     fault == SQLITE_FAULT_NONE;
	     i++)
		fault = sqlite_db_prepare(&reader->db, statements[i].sql,
		    statements[i].made);
	if (fault == SQLITE_FAULT_NONE)
		fault = sqlite_db_read_meta(&reader->db, reader->meta, &meta);
	/* SQLite has made these, if they were not there. */
	files_identify(reader->files, &reader->identity);
	for (int i = 0; i < FILES_LASTING_COUNT; i++) {
		if (before.inodes[i] != 0 &&
		    before.inodes[i] != reader->identity.inodes[i] &&
		    fault == SQLITE_FAULT_NONE)
			fault = SQLITE_FAULT_MOVED;
	}
	return fault;
}

static enum sqlite_fault
ensure_open(struct sqlite_reader *reader)
{
	struct files_identity now;
	struct files_look     look;
	enum sqlite_fault     fault = SQLITE_FAULT_NONE;

	files_look(reader->files, &look);
	if (reader->db.handle == NULL) {
		fault = open_log(reader);
	} else if (!files_have_stayed(&reader->look, &look)) {
		files_identify(reader->files, &now);
		/* The writer may still save what is in the old files. */
		if (!files_are_same(&now, &reader->identity))
			fault = SQLITE_FAULT_MOVED;
	} else {
		return SQLITE_FAULT_NONE;
	}
	reader->look = look;
	if (fault != SQLITE_FAULT_NONE)
		sqlite_db_close(&reader->db);
	return fault;
}

/*
 * The update of the row that a statement is at; NULL: it is whole, but no
 * program of ours can have written it.
 */
static enum sqlite_fault
decode(sqlite3_stmt *statement, struct sqlite_row **row)
{
	struct update update = {
		.position = (uint64_t)sqlite3_column_int64(statement, 0),
		.is_private = sqlite3_column_int(statement, 2) != 0,
		.bytes = sqlite3_column_blob(statement, 5),
		.len_bytes = (size_t)sqlite3_column_bytes(statement, 5),
	};
	const char *blob;
	char       *id = NULL;

	*row = NULL;
	if (sqlite3_column_type(statement, 1) != SQLITE_NULL) {
		blob = sqlite3_column_blob(statement, 1);
		update.id = id = blob == NULL ?
		    mem_strdup("") :
		    mem_strndup(blob,
			(size_t)sqlite3_column_bytes(statement, 1));
	}
	*row = sqlite_row_decode(&update, sqlite3_column_blob(statement, 3),
	    (size_t)sqlite3_column_bytes(statement, 3));
	free(id);
	if (*row != NULL &&
	    sqlite_row_sum(*row) == sqlite3_column_int64(statement, 4)) {
		if (!update_is_sound(&(*row)->update)) {
			free(*row);
			*row = NULL;
		}
		return SQLITE_FAULT_NONE;
	}
	free(*row);
	*row = NULL;
	return SQLITE_FAULT_CORRUPT;
}

/* Whether the page has no place for more. */
static bool
add_row(struct sqlite_page *page, uint64_t position, struct sqlite_row *row,
    size_t *byte_count)
{
	page->upto = position;
	if (row == NULL) {
		page->skipped_count++;
		page->skipped = position;
	} else if (update_went_to(&row->update,
		       (const char *const *)page->topics, page->topic_count)) {
		page->rows[page->row_count++] = row;
		*byte_count += sqlite_row_bytes(row);
	} else {
		free(row);
	}
	return page->row_count == SQLITE_PAGE_ROWS_MAX ||
	    *byte_count >= page->bytes_max;
}

/* All rows, of which those of other topics are left out. */
static enum sqlite_fault
read_log(struct sqlite_reader *reader, struct sqlite_page *page)
{
	enum sqlite_fault  fault;
	struct sqlite_row *row;
	size_t             byte_count = 0;
	unsigned           step_count = 0;
	int                code;

	sqlite3_bind_int64(reader->log, 1, (int64_t)page->after);
	sqlite3_bind_int64(reader->log, 2, (int64_t)page->meta.newest);
	for (;;) {
		code = sqlite3_step(reader->log);
		fault = sqlite_db_fault(&reader->db, code);
		if (code != SQLITE_ROW || page->is_more)
			break;
		fault = decode(reader->log, &row);
		if (fault != SQLITE_FAULT_NONE)
			break;
		page->is_more = add_row(page,
				    (uint64_t)sqlite3_column_int64(reader->log,
					0),
				    row, &byte_count) ||
		    ++step_count == 16 * SQLITE_PAGE_ROWS_MAX;
		/* One step more shows whether there is more. */
	}
	page->is_more = page->is_more && code == SQLITE_ROW;
	sqlite3_reset(reader->log);
	return fault;
}

static int
compare_positions(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Where the next rows of all the topics are; one more than fit in a page. */
static enum sqlite_fault
find_positions(struct sqlite_reader *reader, const struct sqlite_page *page,
    uint64_t *positions, size_t *count)
{
	enum sqlite_fault fault = SQLITE_FAULT_NONE;
	size_t            kept = 0;
	int               code;

	*count = 0;
	for (size_t i = 0; i < page->topic_count && fault == SQLITE_FAULT_NONE;
	     i++) {
		sqlite3_bind_int64(reader->topic, 1,
		    sqlite_topic_hash(page->topics[i]));
		sqlite3_bind_int64(reader->topic, 2, (int64_t)page->after);
		sqlite3_bind_int64(reader->topic, 3,
		    (int64_t)page->meta.newest);
		sqlite3_bind_int(reader->topic, 4, SQLITE_PAGE_ROWS_MAX + 1);
		while ((code = sqlite3_step(reader->topic)) == SQLITE_ROW)
			positions[(*count)++] =
			    (uint64_t)sqlite3_column_int64(reader->topic, 0);
		fault = sqlite_db_fault(&reader->db, code);
		sqlite3_reset(reader->topic);
	}
	qsort(positions, *count, sizeof(*positions), compare_positions);
	for (size_t i = 0; i < *count; i++) {
		if (i == 0 || positions[i] != positions[i - 1])
			positions[kept++] = positions[i];
	}
	*count = kept;
	return fault;
}

static enum sqlite_fault
read_topics(struct sqlite_reader *reader, struct sqlite_page *page)
{
	uint64_t          *positions;
	size_t             count, byte_count = 0;
	enum sqlite_fault  fault;
	struct sqlite_row *row;
	int                code;

	positions = mem_alloc(page->topic_count * (SQLITE_PAGE_ROWS_MAX + 1) *
	    sizeof(*positions));
	fault = find_positions(reader, page, positions, &count);
	for (size_t i = 0; i < count && fault == SQLITE_FAULT_NONE; i++) {
		sqlite3_bind_int64(reader->row, 1, (int64_t)positions[i]);
		code = sqlite3_step(reader->row);
		fault = code == SQLITE_DONE ?
		    SQLITE_FAULT_CORRUPT : /* the index lies */
		    sqlite_db_fault(&reader->db, code);
		if (fault == SQLITE_FAULT_NONE)
			fault = decode(reader->row, &row);
		sqlite3_reset(reader->row);
		/* Some may be left out, so they are counted here. */
		if (fault == SQLITE_FAULT_NONE &&
		    (add_row(page, positions[i], row, &byte_count) ||
			i + 1 == SQLITE_PAGE_ROWS_MAX)) {
			page->is_more = i + 1 < count;
			break;
		}
	}
	free(positions);
	return fault;
}

static enum sqlite_fault
search(struct sqlite_reader *reader, struct sqlite_find *find, uint64_t newest)
{
	enum sqlite_fault  fault = SQLITE_FAULT_NONE;
	struct sqlite_row *row;
	bool               is_of_topic = false;
	int                code = SQLITE_ROW;

	sqlite3_bind_blob(reader->find, 1, find->id, (int)strlen(find->id),
	    SQLITE_STATIC);
	sqlite3_bind_int64(reader->find, 2, (int64_t)newest);
	for (int i = 0; i < FOUND_ROWS_MAX && !is_of_topic; i++) {
		code = sqlite3_step(reader->find);
		fault = sqlite_db_fault(&reader->db, code);
		if (code == SQLITE_ROW)
			fault = decode(reader->find, &row);
		if (code != SQLITE_ROW || fault != SQLITE_FAULT_NONE)
			break;
		is_of_topic = row != NULL &&
		    update_went_to(&row->update,
			(const char *const *)find->topics, find->topic_count);
		if (find->row == NULL || is_of_topic) {
			free(find->row);
			find->row = row;
		} else {
			free(row);
		}
	}
	sqlite3_reset(reader->find);
	return fault;
}

static enum sqlite_fault
read_oldest(struct sqlite_reader *reader, struct sqlite_page *page)
{
	enum sqlite_fault fault;
	int               code;

	code = sqlite3_step(reader->oldest);
	fault = sqlite_db_fault(&reader->db, code);
	if (code == SQLITE_ROW)
		page->oldest = (uint64_t)sqlite3_column_int64(reader->oldest,
		    0);
	sqlite3_reset(reader->oldest);
	return fault;
}

/* Of one state of the database. */
static enum sqlite_fault
read_all(struct sqlite_reader *reader, struct sqlite_page *page)
{
	enum sqlite_fault fault;

	fault = sqlite_db_read_meta(&reader->db, reader->meta, &page->meta);
	if (fault == SQLITE_FAULT_NONE)
		fault = read_oldest(reader, page);
	list_for_each (node, &page->finds) {
		if (fault == SQLITE_FAULT_NONE)
			fault = search(reader,
			    list_entry(node, struct sqlite_find, node),
			    page->meta.newest);
	}
	if (fault != SQLITE_FAULT_NONE || !page->is_wanted)
		return fault;
	/* No position is ahead of the log; see sqlite_tail.c. */
	page->upto = page->after;
	if (page->after < page->meta.newest) {
		fault = page->topic_count > 0 &&
			page->topic_count <= INDEXED_TOPICS_MAX ?
		    read_topics(reader, page) :
		    read_log(reader, page);
	}
	if (!page->is_more)
		page->upto = page->meta.newest;
	return fault;
}

void
sqlite_reader_run(struct sqlite_reader *reader, struct sqlite_page *page)
{
	page->fault = ensure_open(reader);
	if (page->fault == SQLITE_FAULT_NONE)
		page->fault = sqlite_db_step(&reader->db, reader->begin);
	if (page->fault == SQLITE_FAULT_NONE) {
		page->fault = read_all(reader, page);
		sqlite_db_step(&reader->db, reader->end);
		if (!sqlite3_get_autocommit(reader->db.handle))
			sqlite_db_close(&reader->db);
	}
	page->identity = reader->identity;
	if (page->fault == SQLITE_FAULT_NONE)
		return;
	sqlite_db_explain(&reader->db, page->why, sizeof(page->why));
	drop_rows(page);
	if (page->fault != SQLITE_FAULT_BUSY)
		sqlite_db_close(&reader->db);
}
