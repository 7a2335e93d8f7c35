/* What a log in SQLite writes, as the loop sees it: batches, and the state. */

#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "pure/position.h"
#include "store/bell.h"
#include "store/seats.h"
#include "store/sqlite_row.h"
#include "store/sqlite_store.h"

#define LOCK_TIMEOUT_MS 5000

/* What one commit takes. */
#define BATCH_COUNT_MAX 1024
#define BATCH_BYTES_MAX (8u << 20)

#define RETRY_MS 1000
#define RETRY_MS_MAX 5000

#define TRIM_MS_MIN 1000
#define TRIM_MS_MAX (60 * 60 * 1000)

void
sqlite_store_lost(struct sqlite_store *store, uint64_t up_to, const char *why,
    const char *set_aside)
{
	log_error("store-lost", LOG_STR("store", store->name),
	    LOG_INT("up_to_ms", position_ms(up_to)), LOG_STR("reason", why),
	    LOG_STR("set_aside", set_aside));
	store->health.lost_count++;
	if (store->is_tailing && !store->is_closing)
		store->reader.on_lost(store->reader.arg, up_to);
}

/* Notes whether one can publish; the reader is told from the loop. */
static void
set_fault(struct sqlite_store *store, enum sqlite_fault fault, const char *why)
{
	bool was_down = store->fault != SQLITE_FAULT_NONE;

	if (fault == store->fault)
		return;
	store->fault = fault;
	store->is_state_due = true;
	store->health.state = fault == SQLITE_FAULT_NONE ? STORE_UP :
							   STORE_DOWN;
	store->health.why = sqlite_fault_text(fault);
	if (fault == SQLITE_FAULT_NONE) {
		log_info("store-up", LOG_STR("store", store->name));
		return;
	}
	log_error("store-down", LOG_STR("store", store->name),
	    LOG_STR("reason", store->health.why),
	    LOG_STR("error", why[0] != '\0' ? why : NULL));
	if (!was_down)
		store->down_since_ms = uv_now(store->loop);
	store->down_retry_ms = RETRY_MS;
	uv_timer_stop(&store->timer);
}

void
sqlite_store_tell_state(struct sqlite_store *store)
{
	if (!store->is_state_due || store->is_closing)
		return;
	store->is_state_due = false;
	store->reader.on_state(store->reader.arg, store->health.state,
	    store->health.why);
}

/* Answers those that the writer has done with. */
void
sqlite_store_answer(struct sqlite_store *store, struct list *appends)
{
	struct sqlite_append *append;
	struct list           due;
	int64_t               us;

	/* Not those that are refused meanwhile. */
	list_init(&due);
	list_join(&due, appends);
	while (!list_is_empty(&due)) {
		append = list_entry(due.next, struct sqlite_append, node);
		list_move(&store->written, &append->node);
		us = (int64_t)(uv_hrtime() / 1000) - append->began_us;
		store->health.append_us = us;
		if (us > store->health.append_us_max)
			store->health.append_us_max = us;
		if (append->receipt.result == STORE_KEPT)
			store->health.published_count +=
			    !append->receipt.is_repeat;
		else if (append->receipt.result == STORE_NOT_KEPT)
			store->health.failed_count++;
		else
			store->health.unknown_count++;
		append->publish->done(append->publish, &append->receipt);
	}
}

void
sqlite_store_free_written(struct sqlite_store *store)
{
	list_for_each (node, &store->written) {
		list_remove(node);
		sqlite_append_free(list_entry(node, struct sqlite_append,
		    node));
	}
}

/* Who waits behind a lock that is held for so long is not let wait again. */
static void
refuse_waiting(struct sqlite_store *store)
{
	list_for_each (node, &store->waiting) {
		struct sqlite_append *append = list_entry(node,
		    struct sqlite_append, node);

		append->receipt.result = STORE_NOT_KEPT;
		append->receipt.why = sqlite_fault_text(SQLITE_FAULT_LOCK);
		append->receipt.retry_after_s =
		    sqlite_fault_retry_s(SQLITE_FAULT_LOCK);
	}
	list_join(&store->refused, &store->waiting);
	store->waiting_count = store->waiting_bytes = 0;
}

static void
take_facts(struct sqlite_store *store)
{
	const struct sqlite_batch *batch = &store->batch;
	struct store_health       *health = &store->health;

	health->newest = batch->meta.newest;
	health->update_count = batch->meta.update_count;
	health->byte_count = batch->meta.byte_count;
	if (batch->oldest != 0 || batch->meta.update_count == 0)
		health->oldest = batch->oldest;
	if (batch->meta.newest > store->known)
		store->known = batch->meta.newest;
	store->tag = batch->meta.tag;
	if (batch->has_limits)
		store->has_limits = false;
}

static void
log_batch(struct sqlite_store *store)
{
	const struct sqlite_batch *batch = &store->batch;

	if (batch->are_limits_changed)
		log_warn("store-limits", LOG_STR("store", store->name),
		    LOG_INT("bytes_max", batch->meta.bytes_max),
		    LOG_INT("age_ms", batch->meta.age_ms),
		    LOG_STR("reason", "another process had set other limits"));
	if (batch->is_clock_ahead && !store->is_clock_ahead)
		log_warn("store-clock", LOG_STR("store", store->name),
		    LOG_INT("ahead_ms",
			batch->meta.clock_ms - batch->meta.other_clock_ms),
		    LOG_STR("reason",
			"this clock is ahead of another process's: nothing "
			"is discarded by age"));
	store->is_clock_ahead = batch->is_clock_ahead;
	if (batch->trim_fault != store->trim_fault &&
	    batch->trim_fault != SQLITE_FAULT_NONE)
		log_warn("store-trim", LOG_STR("store", store->name),
		    LOG_STR("reason", sqlite_fault_text(batch->trim_fault)),
		    LOG_STR("error", batch->why));
	store->trim_fault = batch->trim_fault;
}

/* What came of a batch, apart from its answers; also of the first one. */
void
sqlite_store_note(struct sqlite_store *store)
{
	struct sqlite_batch *batch = &store->batch;
	bool                 is_kept = batch->fault == SQLITE_FAULT_NONE;

	store->health.is_known = !store->is_probe_due;
	/* A batch that had nothing to do has not looked. */
	if (is_kept && batch->meta.tag != 0)
		take_facts(store);
	if (batch->is_opened) {
		bell_close(store->own_bell);
		store->own_bell = bell_ref(store->writer.bell);
		seats_close(store->seats);
		store->seats = NULL;
		sqlite_store_take_seat(store);
	}
	if (batch->is_lost)
		sqlite_store_lost(store, 0, batch->why,
		    batch->lost_to[0] != '\0' ? batch->lost_to : NULL);
	log_batch(store);
	set_fault(store, batch->fault, batch->why);
	if (batch->is_more && is_kept)
		store->is_write_due = true;
}

void
sqlite_store_run_write(void *arg)
{
	struct sqlite_store *store = arg;

	sqlite_writer_run(&store->writer, &store->batch);
}

void
sqlite_store_after_write(struct sqlite_store *store)
{
	struct sqlite_batch *batch = &store->batch;
	bool                 is_handed_over = false;

	sqlite_store_note(store);
	if (!list_is_empty(&batch->appends) || !list_is_empty(&store->written))
		store->health.batch_count++;
	sqlite_store_answer(store, &batch->appends);
	if (batch->fault == SQLITE_FAULT_LOCK)
		refuse_waiting(store);
	if (batch->fault == SQLITE_FAULT_NONE && !batch->is_lost)
		is_handed_over = sqlite_tail_hand_over(store, &store->written);
	sqlite_store_free_written(store);
	store->is_writing = false;
	sqlite_tail_after_write(store, is_handed_over);
	if (!list_is_empty(&store->refused) || store->is_state_due)
		uv_async_send(&store->async);
	sqlite_store_write(store);
	sqlite_tail_read(store);
	sqlite_store_schedule(store);
	sqlite_store_close_if_done(store);
}

void
sqlite_store_prepare(struct sqlite_store *store, unsigned lock_timeout_ms)
{
	struct sqlite_batch *batch = &store->batch;

	memset(batch, 0, sizeof(*batch));
	list_init(&batch->appends);
	batch->is_lean = store->is_lean;
	batch->is_probe = store->is_probe_due;
	batch->is_suspect = store->is_suspect;
	batch->suspect = store->suspect;
	/* A process that serves one stream does not write for that alone. */
	batch->has_limits = store->has_limits &&
	    (!store->is_lean || !list_is_empty(&store->waiting));
	batch->bytes_max = store->bytes_max;
	batch->age_ms = store->age_ms;
	batch->wall_ms = store->wall_ms();
	batch->tag = store->wanted_tag;
	batch->known = store->known;
	batch->newest_before = UINT64_MAX;
	batch->lock_timeout_ms = lock_timeout_ms;
	batch->on_committed = sqlite_store_wake;
	batch->arg = store;
	store->is_write_due = store->is_probe_due = store->is_suspect = false;
}

void
sqlite_store_write(struct sqlite_store *store)
{
	struct sqlite_batch *batch = &store->batch;
	size_t               count = 0, byte_count = 0;
	bool                 is_due;

	is_due = store->is_write_due || store->is_probe_due ||
	    store->is_suspect;
	if (store->is_writing ||
	    (list_is_empty(&store->waiting) && (!is_due || store->is_closing)))
		return;
	sqlite_store_prepare(store, LOCK_TIMEOUT_MS);
	list_for_each (node, &store->waiting) {
		struct sqlite_append *append = list_entry(node,
		    struct sqlite_append, node);

		if (count == BATCH_COUNT_MAX || byte_count >= BATCH_BYTES_MAX)
			break;
		list_move(&batch->appends, node);
		count++;
		byte_count += sqlite_row_bytes(append->row);
	}
	store->waiting_count -= count;
	store->waiting_bytes -= byte_count;
	store->is_writing = true;
	if (!worker_begin(&store->write_worker)) {
		snprintf(batch->why, sizeof(batch->why), "%s", WORKER_NONE);
		sqlite_writer_refuse(batch, SQLITE_FAULT_MEMORY);
	}
}

static void
on_timer(uv_timer_t *timer)
{
	struct sqlite_store *store = timer->data;

	if (store->fault != SQLITE_FAULT_NONE) {
		store->is_probe_due = true;
		store->down_retry_ms *= 2;
		if (store->down_retry_ms > RETRY_MS_MAX)
			store->down_retry_ms = RETRY_MS_MAX;
	}
	if (store->is_retry_due) {
		store->is_retry_due = false;
		store->is_read_due = true;
	}
	store->is_write_due = true;
	sqlite_store_write(store);
	sqlite_tail_read(store);
	sqlite_store_schedule(store);
}

/* When something is due without anybody's call. */
void
sqlite_store_schedule(struct sqlite_store *store)
{
	int64_t in_ms = TRIM_MS_MAX;

	uint64_t due_ms;

	if (store->is_closing)
		return;
	if (store->age_ms > 0 && store->health.oldest != 0)
		in_ms = position_ms(store->health.oldest) + store->age_ms -
		    store->wall_ms() + TRIM_MS_MIN;
	if (store->is_clock_ahead || in_ms > TRIM_MS_MAX)
		in_ms = TRIM_MS_MAX;
	if (in_ms < TRIM_MS_MIN)
		in_ms = TRIM_MS_MIN;
	if (store->fault != SQLITE_FAULT_NONE)
		in_ms = store->down_retry_ms;
	else if (store->is_retry_due)
		in_ms = RETRY_MS;
	else if (store->is_lean)
		return;
	due_ms = (uint64_t)in_ms;
	if (!uv_is_active((uv_handle_t *)&store->timer) ||
	    uv_timer_get_due_in(&store->timer) > due_ms)
		uv_timer_start(&store->timer, on_timer, due_ms, 0);
}
