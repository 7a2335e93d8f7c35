/*
 * Appends updates to the stream in Redis, many at a time, and answers each
 * publisher by what the broker says, or by what is known when it says nothing.
 */
#include "store/redis.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/update.h"

#define FLIGHT_COUNT_MAX 1000
#define FLIGHT_BYTES_MAX ((size_t)64 << 20)

#define RETRY_S 2 /* what a refused publisher is told */

#define ONCE_S "86400"
#define ID_S_UNLIMITED (30 * 24 * 60 * 60) /* where updates have no age */

struct op {
	struct list           node;
	struct redis_store   *store;
	struct store_publish *publish;
	struct redis_args     fields;   /* of the entry */
	uint64_t              position; /* the one to keep; 0: a new one */
	char                 *id;       /* the publisher's own; or NULL */
	char                 *once;
	size_t                len_bytes;
	uint64_t              seen; /* the newest position, when it was sent */
	uint64_t              sent_ns;
	struct store_receipt  receipt;
	char                 *receipt_id;
};

/*
 * KEYS: the log, the mark of the once key, the list of the own id. ARGV: how
 * long the mark and the list last in s ("0": there is none), the entry's id,
 * the own id; then the fields. Nothing behind XADD may fail: the update is kept
 * by then. A list is bounded; its oldest are dropped when the log has them no
 * more.
 *
 * XADD discards nothing by age: what is too old is known by the server's clock,
 * and an estimate of it would discard what was just added after that clock was
 * set back.
 */
static const char script[] =
    "local once = ARGV[1] ~= '0' "
    "if once then "
    "  local mark = redis.call('GET', KEYS[2]) "
    "  if mark then return {1, mark} end "
    "end "
    "local id = redis.call('XADD', KEYS[1], ARGV[3], unpack(ARGV, 5)) "
    "if once then "
    "  redis.pcall('SET', KEYS[2], id .. ' ' .. ARGV[4], 'EX', ARGV[1]) "
    "end "
    "if ARGV[2] ~= '0' then "
    "  local count = redis.pcall('LLEN', KEYS[3]) "
    "  if type(count) == 'number' and count >= 64 then "
    "    while count > 0 do "
    "      local head = redis.call('LINDEX', KEYS[3], 0) "
    "      if redis.call('XRANGE', KEYS[1], head, head)[1] then break end "
    "      redis.call('LPOP', KEYS[3]) "
    "      count = count - 1 "
    "    end "
    "  end "
    "  if type(count) == 'number' and count < 64 then "
    "    redis.call('RPUSH', KEYS[3], id) "
    "    redis.call('EXPIRE', KEYS[3], ARGV[2]) "
    "  end "
    "end "
    "return {0, id}";

static void
free_op(struct op *op)
{
	redis_args_deinit(&op->fields);
	free(op->id);
	free(op->once);
	free(op->receipt_id);
	free(op);
}

/* Has done called soon. */
static void
answer(struct op *op, enum store_result result, const char *why)
{
	struct redis_store *store = op->store;

	op->receipt.result = result;
	op->receipt.why = why;
	if (result == STORE_KEPT)
		store->health.published_count += !op->receipt.is_repeat;
	else
		op->receipt.retry_after_s = RETRY_S;
	store->health.failed_count += result == STORE_NOT_KEPT;
	store->health.unknown_count += result == STORE_MAYBE_KEPT;
	store->flight_count--;
	store->flight_bytes -= op->len_bytes;
	list_move(&store->answered, &op->node);
	redis_defer(store);
}

/* Has the size be looked at before it has grown much beyond its limit. */
static void
count_bytes(struct op *op)
{
	struct redis_store *store = op->store;

	store->appended_bytes += op->len_bytes;
	if (store->bytes_max > 0 &&
	    store->appended_bytes > store->bytes_max / 8 + 65536) {
		store->appended_bytes = 0;
		redis_check_begin(store, false);
	}
}

static void
answer_kept(struct op *op, const struct redis_id *id)
{
	struct redis_store *store = op->store;
	int64_t             took_us;

	took_us = (int64_t)((uv_hrtime() - op->sent_ns) / 1000);
	store->health.append_us = took_us;
	if (took_us > store->health.append_us_max)
		store->health.append_us_max = took_us;
	op->receipt.position = redis_id_position(id);
	redis_mark_full(store, id);
	if (op->receipt.position == 0) {
		answer(op, STORE_MAYBE_KEPT,
		    "the log's newest entry has no position");
	} else if (!op->receipt.is_repeat && op->receipt.position <= op->seen) {
		/*
		 * The log was lost since the last check: who reads its tail
		 * is ahead of this update, and will not see it.
		 */
		redis_check_begin(store, false);
		answer(op, STORE_MAYBE_KEPT,
		    "the broker lost its log; may have been published");
	} else {
		redis_saw(store, op->receipt.position);
		count_bytes(op);
		answer(op, STORE_KEPT, NULL);
	}
}

static void
answer_error(struct op *op, const redisReply *reply)
{
	if (redis_reply_is_behind(reply) && op->position > 0) {
		answer(op, STORE_NOT_KEPT,
		    "the position lies behind the log's newest");
		return;
	}
	if (redis_reply_is_general(reply)) {
		redis_set_phase(op->store, REDIS_REFUSING,
		    redis_reply_reason(reply));
		redis_check_soon(op->store);
	}
	answer(op, STORE_NOT_KEPT, redis_reply_reason(reply));
}

/* An answer that makes no sense: the update may have been kept or not. */
static void
answer_odd(struct op *op)
{
	answer(op, STORE_MAYBE_KEPT,
	    "the broker's answer made no sense; may have been published");
	redis_link_fail(&op->store->command, REDIS_REPLY_ODD);
}

static void
on_added(void *arg, const redisReply *reply)
{
	struct op      *op = arg;
	struct redis_id id;

	if (reply == NULL)
		answer(op, STORE_MAYBE_KEPT,
		    "the connection to the broker broke; "
		    "may have been published");
	else if (reply->type == REDIS_REPLY_ERROR)
		answer_error(op, reply);
	else if (reply->type == REDIS_REPLY_STRING &&
	    redis_id_parse(&id, reply->str, reply->len))
		answer_kept(op, &id);
	else
		answer_odd(op);
}

/* The answer of the script: whether it is a repeat, and "MS-N[ ID]". */
static void
on_scripted(void *arg, const redisReply *reply)
{
	struct op        *op = arg;
	const redisReply *mark;
	struct redis_id   id;
	const char       *space;

	if (reply == NULL || reply->type != REDIS_REPLY_ARRAY) {
		on_added(arg, reply);
		return;
	}
	mark = reply->elements == 2 ? reply->element[1] : NULL;
	if (mark == NULL || mark->type != REDIS_REPLY_STRING ||
	    reply->element[0]->type != REDIS_REPLY_INTEGER) {
		answer_odd(op);
		return;
	}
	space = memchr(mark->str, ' ', mark->len);
	if (!redis_id_parse(&id, mark->str,
		space != NULL ? (size_t)(space - mark->str) : mark->len)) {
		answer_odd(op);
		return;
	}
	op->receipt.is_repeat = reply->element[0]->integer != 0;
	if (op->receipt.is_repeat && space != NULL && space[1] != '\0') {
		op->receipt_id = mem_strdup(space + 1);
		op->receipt.id = op->receipt_id;
	}
	answer_kept(op, &id);
}

/* The id that the entry is to have. */
static void
print_id(const struct op *op, char out[static REDIS_ID_BYTES])
{
	struct redis_id id = redis_id_at(op->position);

	if (op->position == 0)
		snprintf(out, REDIS_ID_BYTES, "*");
	else
		redis_id_print(&id, out);
}

static void
add_xadd(const struct op *op, struct redis_args *args)
{
	char text[REDIS_ID_BYTES];

	print_id(op, text);
	redis_args_add_strs(args, "XADD", op->store->log_key, text, NULL);
}

static void
add_key(const struct op *op, struct redis_args *args, const char *suffix,
    const char *name)
{
	char *key = redis_key(op->store, suffix, name != NULL ? name : "");

	redis_args_add_str(args, key);
	free(key);
}

static void
add_script(const struct op *op, struct redis_args *args)
{
	char    text[REDIS_ID_BYTES];
	int64_t id_s = op->store->age_ms / 1000 + 60;

	if (op->store->age_ms == 0)
		id_s = ID_S_UNLIMITED;
	redis_args_add_strs(args, "EVAL", script, "3", op->store->log_key,
	    NULL);
	add_key(op, args, ":once:", op->once);
	add_key(op, args, ":id:", op->id);
	redis_args_add_str(args, op->once != NULL ? ONCE_S : "0");
	redis_args_add_number(args, op->id != NULL ? id_s : 0);
	print_id(op, text);
	redis_args_add_strs(args, text, op->id != NULL ? op->id : "", NULL);
}

static void
send_op(struct op *op)
{
	struct redis_store *store = op->store;
	struct redis_args   args = { 0 };
	bool is_plain = op->once == NULL && op->id == NULL, is_sent;

	if (is_plain)
		add_xadd(op, &args);
	else
		add_script(op, &args);
	redis_args_join(&args, &op->fields);
	op->seen = store->seen;
	op->sent_ns = uv_hrtime();
	if (list_is_empty(&store->sent))
		store->health.batch_count++;
	list_move(&store->sent, &op->node);
	is_sent = redis_link_call(&store->command, &args,
	    is_plain ? on_added : on_scripted, op);
	redis_args_deinit(&args);
	if (!is_sent)
		answer(op, STORE_NOT_KEPT, "no connection to the broker");
}

static struct op *
new_op(struct redis_store *store, struct store_publish *publish,
    const struct update *update, const char *once)
{
	struct op *op = mem_zalloc(sizeof(*op));

	op->store = store;
	op->publish = publish;
	op->position = update->position;
	redis_entry_write(&op->fields, update);
	op->len_bytes = op->fields.bytes.len_bytes;
	op->id = update->id != NULL ? mem_strdup(update->id) : NULL;
	op->once = once != NULL ? mem_strdup(once) : NULL;
	list_init(&op->node);
	store->flight_count++;
	store->flight_bytes += op->len_bytes;
	return op;
}

void
redis_publish(struct store *base, struct store_publish *publish,
    const struct update *update, const char *once)
{
	struct redis_store *store = (struct redis_store *)base;
	struct op          *op;

	assert(once == NULL || strlen(once) <= STORE_ONCE_BYTES_MAX);
	op = new_op(store, publish, update, once);
	redis_open_command(store);
	if (store->is_closing)
		answer(op, STORE_NOT_KEPT, "shutting down");
	else if (store->phase == REDIS_DOWN)
		answer(op, STORE_NOT_KEPT, store->why);
	else if (store->flight_count > FLIGHT_COUNT_MAX ||
	    store->flight_bytes > FLIGHT_BYTES_MAX)
		answer(op, STORE_NOT_KEPT, "too many publishes under way");
	else if (store->phase == REDIS_STARTING)
		list_append(&store->waiting, &op->node);
	else
		send_op(op);
}

void
redis_publish_waiting(struct redis_store *store)
{
	while (!list_is_empty(&store->waiting))
		send_op(list_entry(store->waiting.next, struct op, node));
}

void
redis_publish_refuse(struct redis_store *store, const char *why)
{
	while (!list_is_empty(&store->waiting))
		answer(list_entry(store->waiting.next, struct op, node),
		    STORE_NOT_KEPT, why);
}

void
redis_publish_answer(struct redis_store *store)
{
	struct list ops;
	struct op  *op;

	list_init(&ops);
	list_join(&ops, &store->answered);
	while (!list_is_empty(&ops)) {
		op = list_entry(ops.next, struct op, node);
		list_remove(&op->node);
		op->publish->done(op->publish, &op->receipt);
		free_op(op);
	}
}
