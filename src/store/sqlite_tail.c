/* What a log in SQLite reads, as the loop sees it: its tail, and searches. */

#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/bell.h"
#include "store/sqlite_row.h"
#include "store/sqlite_store.h"

/* Of a process that has one client, which may be slow. */
#define LEAN_PAGE_BYTES_MAX ((size_t)64 * 1024)

/* So often the files may have moved before one waits a while. */
#define MOVED_MAX 3

static struct sqlite_store *
of(struct store *store)
{
	return (struct sqlite_store *)(void *)store;
}

void
sqlite_tail(struct store *base, uint64_t after, const char *const *topics,
    size_t topic_count)
{
	struct sqlite_store *store = of(base);

	sqlite_tail_end(store);
	store->topics = sqlite_topics_copy(topics, topic_count);
	store->topic_count = topic_count;
	store->cursor = after;
	store->is_tailing = true;
	store->is_read_due = true;
	sqlite_tail_read(store);
}

void
sqlite_tail_end(struct sqlite_store *store)
{
	store->generation++;
	store->is_tailing = store->is_level = false;
	sqlite_topics_free(store->topics, store->topic_count);
	store->topics = NULL;
	store->topic_count = 0;
	if (store->bell != NULL) {
		bell_unwatch(store->bell);
		bell_close(store->bell);
		store->bell = NULL;
	}
}

void
sqlite_hold(struct store *base, bool is_held)
{
	struct sqlite_store *store = of(base);

	if (store->is_held && !is_held)
		store->is_read_due = true;
	store->is_held = is_held;
	sqlite_tail_read(store);
}

void
sqlite_find(struct store *base, struct store_find *find, const char *id,
    const char *const *topics, size_t topic_count)
{
	struct sqlite_store *store = of(base);
	struct sqlite_find  *made;

	made = sqlite_find_new(find, id, topics, topic_count);
	list_append(&store->finds, &made->node);
	sqlite_tail_read(store);
}

static void
cancel_in(struct list *finds, const struct store_find *wanted)
{
	list_for_each (node, finds) {
		struct sqlite_find *find = list_entry(node, struct sqlite_find,
		    node);

		if (find->find == wanted)
			find->find = NULL;
	}
}

void
sqlite_find_cancel(struct store *base, struct store_find *find)
{
	struct sqlite_store *store = of(base);

	cancel_in(&store->finds, find);
	cancel_in(&store->page.finds, find);
}

/* Hands over those rows that the tail wants; false if it was ended thereby. */
static bool
hand_over(struct sqlite_store *store, struct sqlite_row *const *rows,
    size_t row_count, uint64_t upto)
{
	struct update *updates;
	size_t         count = 0;
	unsigned       generation = store->generation;

	updates = mem_alloc((row_count + 1) * sizeof(*updates));
	for (size_t i = 0; i < row_count; i++) {
		if (rows[i]->update.position > store->cursor &&
		    update_went_to(&rows[i]->update,
			(const char *const *)store->topics, store->topic_count))
			updates[count++] = rows[i]->update;
	}
	if (upto > store->cursor)
		store->cursor = upto;
	if (count > 0)
		store->reader.on_updates(store->reader.arg, updates, count);
	free(updates);
	return generation == store->generation;
}

/*
 * What this process has just appended, if all before that was handed over.
 */
bool
sqlite_tail_hand_over(struct sqlite_store *store, struct list *appends)
{
	const struct sqlite_batch *batch = &store->batch;
	struct sqlite_row        **rows;
	size_t                     count = 0;

	if (!store->is_tailing || !store->is_level || store->is_held ||
	    store->is_closing || batch->newest_before != store->cursor ||
	    list_is_empty(appends))
		return false;
	list_for_each (node, appends)
		count++;
	rows = mem_alloc(count * sizeof(struct sqlite_row *));
	count = 0;
	list_for_each (node, appends) {
		struct sqlite_append *append = list_entry(node,
		    struct sqlite_append, node);

		if (append->receipt.result == STORE_KEPT &&
		    !append->receipt.is_repeat)
			rows[count++] = append->row;
	}
	hand_over(store, rows, count, batch->meta.newest);
	free(rows);
	return true;
}

/* The ring of an own commit that was handed over says nothing new. */
void
sqlite_tail_after_write(struct sqlite_store *store, bool is_handed_over)
{
	const struct sqlite_batch *batch = &store->batch;

	if (is_handed_over && store->seen_word == batch->word_before)
		store->seen_word = batch->word_after;
	if (!is_handed_over && batch->fault == SQLITE_FAULT_NONE)
		store->is_read_due = true;
	sqlite_tail_check_bell(store);
}

/* Called by the thread that waits for the bell. */
static void
on_ring(void *arg, bool is_alarm)
{
	struct sqlite_store *store = arg;

	if (is_alarm)
		atomic_store(&store->is_alarmed, true);
	atomic_store(&store->is_rung, true);
	uv_async_send(&store->async);
}

/*
 * While this process is in the midst of a commit the ring is most likely its
 * own, and is looked at when that has ended.
 */
void
sqlite_tail_check_bell(struct sqlite_store *store)
{
	uint32_t word;

	if (store->bell == NULL ||
	    (store->is_writing &&
		atomic_load(&store->batch.phase) != SQLITE_PHASE_WAITING) ||
	    !atomic_exchange(&store->is_rung, false))
		return;
	word = bell_word_all(store->bell);
	if (atomic_exchange(&store->is_alarmed, false) ||
	    store->topic_count > 0 || word != store->seen_word)
		store->is_read_due = true;
	store->seen_word = word;
}

/*
 * The one that this process rings, if it is that: then its own rings need not
 * wake it.
 */
static struct bell *
open_bell(struct sqlite_store *store)
{
	const char *path = store->files.paths[FILES_BELL];
	struct stat status;

	if (store->own_bell != NULL && lstat(path, &status) == 0 &&
	    bell_is_file(store->own_bell, &status))
		return bell_ref(store->own_bell);
	return bell_open(path, false);
}

/*
 * Waits for the bell from now on; what was rung before has to be read after
 * this. true: it did so just now.
 */
static bool
watch(struct sqlite_store *store, const struct files_identity *identity)
{
	struct bell_words words;

	if (store->bell != NULL &&
	    store->bell_inode == identity->inodes[FILES_BELL] &&
	    store->bell_device == identity->devices[FILES_BELL])
		return false;
	if (store->bell != NULL) {
		bell_unwatch(store->bell);
		bell_close(store->bell);
	}
	store->bell = open_bell(store);
	if (store->bell == NULL) {
		/* The writer makes it. */
		store->is_probe_due = true;
		store->is_retry_due = true;
		return false;
	}
	bell_words_clear(&words);
	for (size_t i = 0; i < store->topic_count; i++)
		bell_words_add(&words, store->topics[i]);
	if (store->topic_count == 0)
		bell_words_set_all(&words);
	store->bell_inode = identity->inodes[FILES_BELL];
	store->bell_device = identity->devices[FILES_BELL];
	/* What is rung from here on is either seen below, or told. */
	store->seen_word = bell_word_all(store->bell);
	if (bell_watch(store->bell, &words, store->files.paths[FILES_BELL],
		on_ring, store) == 0)
		return true;
	log_warn("store-bell", LOG_STR("store", store->name),
	    LOG_STR("error", strerror(errno)));
	bell_close(store->bell);
	store->bell = NULL;
	store->is_retry_due = true;
	return false;
}

/* Those that are left stand where done can cancel them. */
static void
answer_finds(struct sqlite_store *store)
{
	struct list        *finds = &store->page.finds;
	struct sqlite_find *find;

	while (!list_is_empty(finds)) {
		find = list_entry(finds->next, struct sqlite_find, node);
		list_remove(&find->node);
		if (find->find != NULL)
			find->find->done(find->find,
			    find->row == NULL ? NULL : &find->row->update);
		sqlite_find_free(find);
	}
}

/* What is to be done about a read that failed. */
static void
note_read_fault(struct sqlite_store *store)
{
	const struct sqlite_page *page = &store->page;

	if (page->fault == SQLITE_FAULT_MOVED &&
	    store->moved_count++ < MOVED_MAX) {
		store->is_write_due = store->is_read_due = true;
		return;
	}
	if (page->fault != store->read_fault)
		log_warn("store-read", LOG_STR("store", store->name),
		    LOG_STR("reason", sqlite_fault_text(page->fault)),
		    LOG_STR("error", page->why));
	store->is_retry_due = true;
	store->is_write_due = true;
	if (page->fault == SQLITE_FAULT_CORRUPT) {
		store->is_suspect = true;
		store->suspect = page->identity;
	}
}

static void
take_facts(struct sqlite_store *store)
{
	const struct sqlite_page *page = &store->page;
	struct store_health      *health = &store->health;

	if (page->meta.newest < store->read_known) {
		/* Positions go on behind those that were seen. */
		store->is_probe_due = true;
		sqlite_store_lost(store, 0, "the log has gone back", NULL);
	}
	if (page->meta.newest >= store->known) {
		store->known = page->meta.newest;
		health->newest = page->meta.newest;
		health->update_count = page->meta.update_count;
		health->byte_count = page->meta.byte_count;
		health->oldest = page->oldest;
	}
	store->tag = page->meta.tag;
	sqlite_store_take_seat(store);
}

/* The rows of a page that was read for the tail as it is now. */
static void
take_page(struct sqlite_store *store)
{
	struct sqlite_page *page = &store->page;
	unsigned            generation = store->generation;

	if (page->after != 0 && page->meta.trimmed > page->after &&
	    store->cursor == page->after) {
		store->is_level = false;
		sqlite_store_lost(store, page->meta.trimmed,
		    "discarded before it was read", NULL);
		if (generation != store->generation)
			return;
	}
	/* A position that the log has not reached was made up, or is lost. */
	if (store->cursor > page->meta.newest && store->cursor > store->known)
		store->cursor = page->meta.newest;
	if (page->is_more)
		store->is_level = false;
	if (page->skipped_count > 0)
		log_warn("store-entry-skipped", LOG_STR("store", store->name),
		    LOG_INT("entry", page->skipped),
		    LOG_INT("count", page->skipped_count));
	if (!hand_over(store, page->rows, page->row_count, page->upto))
		return;
	if (page->is_more || watch(store, &page->identity)) {
		store->is_read_due = true;
		return;
	}
	if (!store->is_level && !store->is_closing && store->bell != NULL) {
		store->is_level = true;
		store->reader.on_level(store->reader.arg, store->cursor);
	}
}

void
sqlite_tail_run_read(void *arg)
{
	struct sqlite_store *store = arg;

	sqlite_reader_run(&store->log, &store->page);
}

void
sqlite_tail_after_read(struct sqlite_store *store)
{
	struct sqlite_page *page = &store->page;
	bool                is_ours;

	is_ours = page->is_wanted && store->is_tailing &&
	    store->read_generation == store->generation;
	store->health.read_us = (int64_t)((uv_hrtime() - store->read_began_ns) /
	    1000);
	if (page->fault != SQLITE_FAULT_NONE) {
		note_read_fault(store);
		/* What was searched for is searched again, once. */
		if (store->moved_count <= MOVED_MAX && !store->is_closing &&
		    page->fault == SQLITE_FAULT_MOVED)
			list_join(&store->finds, &page->finds);
	} else {
		store->moved_count = 0;
		take_facts(store);
		if (is_ours)
			take_page(store);
	}
	store->read_fault = page->fault;
	answer_finds(store);
	sqlite_page_deinit(page);
	store->is_reading = false;
	sqlite_store_write(store);
	sqlite_tail_read(store);
	sqlite_store_schedule(store);
	sqlite_store_close_if_done(store);
}

/*
 * A log that was moved is opened by the writer, so the reader waits for that.
 */
void
sqlite_tail_read(struct sqlite_store *store)
{
	struct sqlite_page *page = &store->page;
	bool                is_wanted;

	is_wanted = store->is_tailing && !store->is_held &&
	    store->is_read_due && !store->is_closing;
	if (store->is_reading ||
	    (store->moved_count > 0 && store->is_writing) ||
	    (!is_wanted && list_is_empty(&store->finds)))
		return;
	sqlite_page_init(page);
	list_join(&page->finds, &store->finds);
	page->is_wanted = is_wanted;
	if (store->is_lean)
		page->bytes_max = LEAN_PAGE_BYTES_MAX;
	page->after = store->cursor;
	if (is_wanted) {
		page->topics =
		    sqlite_topics_copy((const char *const *)store->topics,
			store->topic_count);
		page->topic_count = store->topic_count;
		store->is_read_due = false;
	}
	store->read_generation = store->generation;
	store->read_known = store->known;
	store->read_began_ns = uv_hrtime();
	store->is_reading = true;
	if (!worker_begin(&store->read_worker)) {
		snprintf(page->why, sizeof(page->why), "%s", WORKER_NONE);
		page->fault = SQLITE_FAULT_MEMORY;
	}
}
