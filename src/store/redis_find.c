/*
 * Finds the update that a publisher gave an id: the broker keeps the positions
 * of each such id, and searches them itself.
 */
#include "store/redis.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "pure/position.h"

struct find {
	struct list         node;
	struct redis_store *store;
	struct store_find  *find; /* NULL: not wanted any more */
	char               *id;
	struct redis_args   topics;
	bool                is_sent;
	bool                is_made; /* from a position: done is due */
	uint64_t            position;
};

/*
 * KEYS: the log, the list of the own id. ARGV: the topics. Answers with the
 * oldest entry that went to one of them, else with the oldest, else with nil.
 */
static const char script[] =
    "local wanted, any = {}, false "
    "for i = 1, #ARGV do wanted[ARGV[i]] = true end "
    "for _, id in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do "
    "  local entry = redis.call('XRANGE', KEYS[1], id, id)[1] "
    "  if entry then "
    "    any = any or entry "
    "    for i = 1, #entry[2], 2 do "
    "      if entry[2][i] == 't' then "
    "        for topic in string.gmatch(entry[2][i + 1], '[^%z]+') do "
    "          if wanted[topic] then return entry end "
    "        end "
    "      end "
    "    end "
    "  end "
    "end "
    "return any";

static void
free_find(struct find *find)
{
	list_remove(&find->node);
	redis_args_deinit(&find->topics);
	free(find->id);
	free(find);
}

static void
answer(struct find *find, const struct update *found)
{
	struct store_find *wanted = find->find;

	free_find(find);
	wanted->done(wanted, found);
}

/* What the script found; false: nothing, or no update of ours. */
static bool
read_found(struct redis_batch *batch, const redisReply *entry)
{
	struct redis_id id;

	return entry->type == REDIS_REPLY_ARRAY && entry->elements == 2 &&
	    entry->element[0]->type == REDIS_REPLY_STRING &&
	    redis_id_parse(&id, entry->element[0]->str,
		entry->element[0]->len) &&
	    redis_batch_add(batch, entry->element[1], redis_id_position(&id)) ==
	    REDIS_ENTRY_UPDATE;
}

static void
on_found(void *arg, const redisReply *reply)
{
	struct find       *find = arg;
	struct redis_batch batch = { 0 };

	find->is_sent = false;
	if (find->find == NULL) {
		free_find(find);
	} else if (reply == NULL) {
		return; /* it is sent again when the broker is back */
	} else if (read_found(&batch, reply)) {
		answer(find, redis_batch_last(&batch));
	} else {
		if (reply->type == REDIS_REPLY_ERROR)
			log_warn("store-find-failed",
			    LOG_STR("store", find->store->url.name),
			    LOG_STR("reason", redis_reply_reason(reply)));
		answer(find, NULL);
	}
	redis_batch_deinit(&batch);
}

static void
send_find(struct find *find)
{
	struct redis_store *store = find->store;
	struct redis_args   args = { 0 };
	char               *key;

	/* The tag may not have been known to who asks. */
	find->is_made = store->tag != 0 &&
	    position_from_id(find->id, strlen(find->id), store->tag,
		&find->position);
	if (find->is_made) {
		redis_defer(store);
		return;
	}
	key = redis_key(store, ":id:", find->id);
	redis_args_add_strs(&args, "EVAL", script, "2", store->log_key, key,
	    NULL);
	free(key);
	redis_args_join(&args, &find->topics);
	find->is_sent = redis_link_call(&store->command, &args, on_found, find);
	redis_args_deinit(&args);
}

void
redis_find(struct store *base, struct store_find *wanted, const char *id,
    const char *const *topics, size_t topic_count)
{
	struct redis_store *store = (struct redis_store *)base;
	struct find        *find = mem_zalloc(sizeof(*find));
	size_t              i;

	find->store = store;
	find->find = wanted;
	find->id = mem_strdup(id);
	for (i = 0; i < topic_count; i++)
		redis_args_add_str(&find->topics, topics[i]);
	list_append(&store->finds, &find->node);
	redis_open_command(store);
	if (store->phase == REDIS_UP || store->phase == REDIS_REFUSING)
		send_find(find);
}

void
redis_find_cancel(struct store *base, struct store_find *wanted)
{
	struct redis_store *store = (struct redis_store *)base;
	struct list        *node;
	struct find        *find;

	for (node = store->finds.next; node != &store->finds;
	     node = node->next) {
		find = list_entry(node, struct find, node);
		if (find->find != wanted)
			continue;
		find->find = NULL;
		if (!find->is_sent)
			free_find(find);
		return;
	}
}

/* Sends those that wait for the broker. */
void
redis_find_waiting(struct redis_store *store)
{
	struct list *node, *next;
	struct find *find;

	for (node = store->finds.next; node != &store->finds; node = next) {
		next = node->next;
		find = list_entry(node, struct find, node);
		if (!find->is_sent && !find->is_made)
			send_find(find);
	}
}

void
redis_find_answer(struct redis_store *store)
{
	struct list  *node;
	struct find  *find;
	struct update made = { 0 };

	node = store->finds.next;
	while (node != &store->finds) {
		find = list_entry(node, struct find, node);
		node = node->next;
		if (!find->is_made)
			continue;
		made.position = find->position;
		answer(find, &made);
		node = store->finds.next; /* done may have changed the list */
	}
}

/* Without a connection: nothing is sent any more. */
void
redis_find_end(struct redis_store *store)
{
	struct find       *find;
	struct store_find *wanted;

	while (!list_is_empty(&store->finds)) {
		find = list_entry(store->finds.next, struct find, node);
		wanted = find->find;
		free_find(find);
		if (wanted != NULL)
			wanted->done(wanted, NULL);
	}
}
