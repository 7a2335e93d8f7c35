/*
 * Reads all of a log in SQLite, for an operator, while others use it: it
 * changes nothing, and sets nothing aside.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/sqlite_reader.h"
#include "store/sqlite_row.h"
#include "store/sqlite_store.h"

/* What SQLite says of the file itself: its pages and their order. */
static enum sqlite_fault
check_pages(const struct files *files, char *problem, size_t problem_bytes)
{
	struct sqlite_db  db = { NULL, 0 };
	sqlite3_stmt     *check;
	const char       *said;
	enum sqlite_fault fault;
	int               code;

	fault = sqlite_db_open(&db, files, false);
	if (fault == SQLITE_FAULT_NONE)
		fault = sqlite_db_prepare(&db, "PRAGMA quick_check(1)", &check);
	if (fault == SQLITE_FAULT_NONE) {
		code = sqlite3_step(check);
		fault = sqlite_db_fault(&db, code);
		said = code == SQLITE_ROW ?
		    (const char *)sqlite3_column_text(check, 0) :
		    NULL;
		if (said != NULL && strcmp(said, "ok") != 0) {
			snprintf(problem, problem_bytes, "%s", said);
			fault = SQLITE_FAULT_CORRUPT;
		}
		sqlite3_reset(check);
	}
	sqlite_db_close(&db);
	return fault;
}

/* All updates, each of which has a sum. */
static enum sqlite_fault
read_all(struct sqlite_reader *reader, struct store_health *health,
    char *problem, size_t problem_bytes)
{
	struct sqlite_page page;
	enum sqlite_fault  fault;
	uint64_t           count = 0, first = 0;
	bool               is_more;

	sqlite_page_init(&page);
	page.is_wanted = true;
	do {
		page.is_more = false;
		sqlite_reader_run(reader, &page);
		fault = page.fault;
		is_more = fault == SQLITE_FAULT_NONE && page.is_more;
		if (first == 0 && page.row_count > 0)
			first = page.rows[0]->update.position;
		count += page.row_count;
		for (size_t i = 0; i < page.row_count; i++)
			free(page.rows[i]);
		page.row_count = 0;
		page.after = page.upto;
	} while (is_more);
	health->oldest = first;
	health->newest = page.meta.newest;
	health->update_count = count;
	health->byte_count = page.meta.byte_count;
	if (fault != SQLITE_FAULT_NONE)
		snprintf(problem, problem_bytes, "%s", page.why);
	sqlite_page_deinit(&page);
	return fault;
}

int
sqlite_verify(const char *url, struct store_health *health, char *problem,
    size_t problem_bytes)
{
	struct sqlite_reader reader;
	struct files         files;
	enum sqlite_fault    fault = SQLITE_FAULT_NONE;
	char                 why[512] = "";
	bool                 is_full;
	char                *path;
	int                  result;

	*health = (struct store_health){ .engine = sqlite_engine.scheme };
	path = sqlite_store_parse_url(url, &is_full, problem, problem_bytes);
	if (path == NULL)
		return -1;
	result = files_init(&files, path, problem, problem_bytes);
	sqlite_reader_init(&reader, &files);
	if (result == 0) {
		fault = check_pages(&files, why, sizeof(why));
		if (fault == SQLITE_FAULT_NONE)
			fault = read_all(&reader, health, why, sizeof(why));
	}
	if (fault != SQLITE_FAULT_NONE) {
		snprintf(problem, problem_bytes, "store %s: %s%s%s", url,
		    sqlite_fault_text(fault), why[0] != '\0' ? ": " : "", why);
		result = -1;
	}
	sqlite_reader_deinit(&reader);
	files_deinit(&files);
	free(path);
	return result;
}
