/* The store engine sqlite: a log that the processes of a machine share. */

#include "config.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clocks.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/bell.h"
#include "store/seats.h"
#include "store/sqlite_row.h"
#include "store/sqlite_store.h"

/* At the start, where nothing else waits yet. */
#define FIRST_LOCK_TIMEOUT_MS 500

/* What may wait for a commit; more is refused. */
#define WAITING_COUNT_MAX 4096
#define WAITING_BYTES_MAX (64u << 20)

/* So many processes are counted. */
#define PROCESSES_MAX 4096

static struct sqlite_store *
of(struct store *store)
{
	return (struct sqlite_store *)(void *)store;
}

static const struct sqlite_store *
of_const(const struct store *store)
{
	return (const struct sqlite_store *)(const void *)store;
}

void
sqlite_store_take_seat(struct sqlite_store *store)
{
	if (store->seats != NULL)
		return;
	store->seats = seats_open(store->files.paths[FILES_LOCK],
	    PROCESSES_MAX);
	if (store->seats != NULL)
		seats_take(store->seats);
}

char *
sqlite_store_parse_url(const char *url, bool *is_full, char *error,
    size_t error_bytes)
{
	const char *path = strchr(url, ':');
	const char *query = strchr(url, '?');

	*is_full = query != NULL && strcmp(query, "?sync=full") == 0;
	if (path == NULL || path[1] == '\0' || path + 1 == query) {
		snprintf(error, error_bytes,
		    "store %s: names no file; give sqlite:FILE", url);
		return NULL;
	}
	if (query != NULL && !*is_full && strcmp(query, "?sync=normal") != 0) {
		snprintf(error, error_bytes,
		    "store %s: behind the \"?\" there may be sync=normal or "
		    "sync=full",
		    url);
		return NULL;
	}
	return query == NULL ?
	    mem_strdup(path + 1) :
	    mem_strndup(path + 1, (size_t)(query - path - 1));
}

void
sqlite_store_wake(void *arg)
{
	struct sqlite_store *store = arg;

	uv_async_send(&store->async);
}

static void
on_async(uv_async_t *async)
{
	struct sqlite_store *store = async->data;

	if (store->is_writing && worker_take(&store->write_worker))
		sqlite_store_after_write(store);
	if (store->is_reading && worker_take(&store->read_worker))
		sqlite_tail_after_read(store);
	sqlite_store_tell_state(store);
	sqlite_store_answer(store, &store->refused);
	if (store->is_writing &&
	    atomic_load(&store->batch.phase) == SQLITE_PHASE_COMMITTED)
		sqlite_store_answer(store, &store->batch.appends);
	if (!store->is_writing)
		sqlite_store_free_written(store);
	sqlite_tail_check_bell(store);
	sqlite_tail_read(store);
	sqlite_store_close_if_done(store);
}

static struct sqlite_store *
new_store(const struct store_options *options,
    const struct store_reader        *reader)
{
	struct sqlite_store *store = mem_zalloc(sizeof(*store));

	store->store.engine = &sqlite_engine;
	store->reader = *reader;
	store->name = mem_strdup(options->url);
	store->is_lean = options->is_lean;
	store->wall_ms = options->wall_ms != NULL ? options->wall_ms :
						    clocks_wall_ms;
	store->wanted_tag = options->tag;
	store->has_limits = !options->is_guest;
	store->bytes_max = options->bytes_max;
	store->age_ms = options->age_ms;
	store->health.engine = sqlite_engine.scheme;
	store->health.name = store->name;
	list_init(&store->waiting);
	list_init(&store->refused);
	list_init(&store->written);
	list_init(&store->finds);
	list_init(&store->batch.appends);
	sqlite_page_init(&store->page);
	worker_init(&store->write_worker, sqlite_store_run_write,
	    sqlite_store_wake, store);
	worker_init(&store->read_worker, sqlite_tail_run_read,
	    sqlite_store_wake, store);
	store->async.data = store->timer.data = store;
	return store;
}

static void
free_store(struct sqlite_store *store)
{
	worker_deinit(&store->write_worker);
	worker_deinit(&store->read_worker);
	bell_close(store->bell);
	bell_close(store->own_bell);
	seats_close(store->seats);
	sqlite_writer_deinit(&store->writer);
	sqlite_reader_deinit(&store->log);
	sqlite_page_deinit(&store->page);
	sqlite_topics_free(store->topics, store->topic_count);
	files_deinit(&store->files);
	free(store->name);
	free(store);
}

/* What will not pass: a line about it. Else the store is down, and tries. */
static int
open_now(struct sqlite_store *store, char *error, size_t error_bytes)
{
	struct sqlite_batch *batch = &store->batch;
	int                  code;

	sqlite_store_prepare(store, FIRST_LOCK_TIMEOUT_MS);
	sqlite_writer_run(&store->writer, batch);
	code = store->writer.db.code;
	switch (batch->fault) {
	case SQLITE_FAULT_FOREIGN:
		snprintf(error, error_bytes,
		    "store %s: the file is not a store of fcgi-sse, and is "
		    "left as it is; give another file",
		    store->name);
		return -1;
	case SQLITE_FAULT_NEWER:
		snprintf(error, error_bytes,
		    "store %s: the file was made by a later version; give "
		    "another file, or run that version",
		    store->name);
		return -1;
	case SQLITE_FAULT_READ_ONLY:
		snprintf(error, error_bytes,
		    "store %s: cannot be written: %s; give a file and folder "
		    "of this user's own",
		    store->name, batch->why);
		return -1;
	default:
		break;
	}
	if (code == SQLITE_IOERR_SHMMAP || code == SQLITE_IOERR_SHMOPEN ||
	    code == SQLITE_IOERR_SHMLOCK) {
		snprintf(error, error_bytes,
		    "store %s: its file system maps or locks no files: %s; "
		    "give a file on a local disk, or redis://HOST",
		    store->name, batch->why);
		return -1;
	}
	sqlite_store_note(store);
	return 0;
}

static int
start_loop(struct sqlite_store *store, uv_loop_t *loop)
{
	store->loop = loop;
	if (uv_async_init(loop, &store->async, on_async) != 0)
		return -1;
	uv_timer_init(loop, &store->timer);
	store->handle_count = 2;
	return 0;
}

static struct store *
sqlite_open(uv_loop_t *loop, const struct store_options *options,
    const struct store_reader *reader, char *error, size_t error_bytes)
{
	struct sqlite_store *store;
	char                *path;
	bool                 is_full;
	int                  result;

	path = sqlite_store_parse_url(options->url, &is_full, error,
	    error_bytes);
	if (path == NULL)
		return NULL;
	store = new_store(options, reader);
	store->loop = loop;
	result = files_init(&store->files, path, error, error_bytes);
	free(path);
	sqlite_writer_init(&store->writer, &store->files, is_full);
	sqlite_reader_init(&store->log, &store->files);
	if (result == 0 && sqlite3_threadsafe() == 0) {
		snprintf(error, error_bytes,
		    "store %s: this SQLite was built without threads",
		    store->name);
		result = -1;
	}
	if (result == 0 && !store->is_lean)
		result = open_now(store, error, error_bytes);
	if (result == 0 && start_loop(store, loop) == -1) {
		snprintf(error, error_bytes,
		    "store %s: no descriptor is free; raise the limit",
		    store->name);
		result = -1;
	}
	if (result == -1) {
		free_store(store);
		return NULL;
	}
	if (store->is_state_due)
		uv_async_send(&store->async);
	sqlite_store_schedule(store);
	return &store->store;
}

static void
on_handle_closed(uv_handle_t *handle)
{
	struct sqlite_store *store = handle->data;
	void (*closed)(void *arg) = store->closed;
	void *arg = store->closed_arg;

	if (--store->handle_count > 0)
		return;
	free_store(store);
	closed(arg);
}

void
sqlite_store_close_if_done(struct sqlite_store *store)
{
	if (!store->is_closing || store->is_writing || store->is_reading ||
	    !list_is_empty(&store->waiting) ||
	    !list_is_empty(&store->refused) || !list_is_empty(&store->finds) ||
	    uv_is_closing((uv_handle_t *)&store->async))
		return;
	sqlite_store_free_written(store);
	uv_close((uv_handle_t *)&store->async, on_handle_closed);
	uv_close((uv_handle_t *)&store->timer, on_handle_closed);
}

static void
sqlite_close(struct store *base, void (*done)(void *arg), void *arg)
{
	struct sqlite_store *store = of(base);

	store->is_closing = true;
	store->closed = done;
	store->closed_arg = arg;
	sqlite_tail_end(store);
	uv_timer_stop(&store->timer);
	/* The rest is done in the next turn. */
	uv_async_send(&store->async);
}

static void
sqlite_set_limits(struct store *base, size_t bytes_max, int64_t age_ms)
{
	struct sqlite_store *store = of(base);

	if (store->bytes_max == bytes_max && store->age_ms == age_ms)
		return;
	store->bytes_max = bytes_max;
	store->age_ms = age_ms;
	store->has_limits = true;
	store->is_write_due = !store->is_lean;
	sqlite_store_write(store);
}

static bool
is_refused(struct sqlite_store *store, struct sqlite_append *append)
{
	struct store_receipt *receipt = &append->receipt;

	if (append->once != NULL && strlen(append->once) > STORE_ONCE_BYTES_MAX)
		receipt->why = "the key of the publish is too long";
	else if (store->is_closing)
		receipt->why = "the store is being closed";
	else if (store->waiting_count >= WAITING_COUNT_MAX ||
	    store->waiting_bytes >= WAITING_BYTES_MAX)
		receipt->why = "too many updates wait for the store";
	if (receipt->why == NULL)
		return false;
	receipt->result = STORE_NOT_KEPT;
	receipt->retry_after_s = 1;
	return true;
}

static void
sqlite_publish(struct store *base, struct store_publish *publish,
    const struct update *update, const char *once)
{
	struct sqlite_store  *store = of(base);
	struct sqlite_append *append = mem_zalloc(sizeof(*append));

	assert(update->topic_count > 0);
	list_init(&append->node);
	append->publish = publish;
	append->began_us = (int64_t)(uv_hrtime() / 1000);
	append->row = sqlite_row_new(update);
	append->wanted = update->position;
	append->once = once != NULL ? mem_strdup(once) : NULL;
	if (is_refused(store, append)) {
		list_append(&store->refused, &append->node);
		uv_async_send(&store->async);
		return;
	}
	list_append(&store->waiting, &append->node);
	store->waiting_count++;
	store->waiting_bytes += sqlite_row_bytes(append->row);
	sqlite_store_write(store);
}

static uint64_t
sqlite_tag(const struct store *base)
{
	return of_const(base)->tag;
}

static void
sqlite_get_health(const struct store *base, struct store_health *health)
{
	const struct sqlite_store *store = of_const(base);

	*health = store->health;
	if (health->state == STORE_DOWN)
		health->down_ms =
		    (int64_t)(uv_now(store->loop) - store->down_since_ms) + 1;
	if (store->seats != NULL)
		health->process_count = seats_taken(store->seats);
}

static void
sqlite_look(struct store *base)
{
	struct sqlite_store *store = of(base);

	if (!store->is_lean)
		return;
	store->health.is_known = false;
	store->is_probe_due = true;
	sqlite_store_write(store);
}

const struct store_engine sqlite_engine = {
	.scheme = "sqlite",
	.open = sqlite_open,
	.close = sqlite_close,
	.set_limits = sqlite_set_limits,
	.tail = sqlite_tail,
	.hold = sqlite_hold,
	.publish = sqlite_publish,
	.find = sqlite_find,
	.find_cancel = sqlite_find_cancel,
	.tag = sqlite_tag,
	.get_health = sqlite_get_health,
	.look = sqlite_look,
	.verify = sqlite_verify,
};
