#include "config.h"

#include "store/once_keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tree.h"
#include "hub/update.h"
#include "store/store.h"

#define KEEP_MS (24 * 60 * 60 * 1000)
#define COUNT_MAX 10000

static int
compare(const void *key, const void *once)
{
	return strcmp(key, ((const struct once *)once)->key);
}

static int
compare_onces(const void *a, const void *b)
{
	return compare(((const struct once *)a)->key, b);
}

void
once_keys_init(struct once_keys *keys)
{
	list_init(&keys->list);
	keys->tree = NULL;
	keys->count = 0;
}

static struct once *
oldest(const struct once_keys *keys)
{
	return list_entry(keys->list.next, struct once, node);
}

static void
forget(struct once_keys *keys, struct once *once)
{
	list_remove(&once->node);
	tree_remove(&keys->tree, once, compare_onces);
	keys->count--;
	free(once->id);
	free(once);
}

void
once_keys_deinit(struct once_keys *keys)
{
	while (!list_is_empty(&keys->list))
		forget(keys, oldest(keys));
}

void
once_keys_add(struct once_keys *keys, const char *key,
    const struct update *update, int64_t wall_ms)
{
	size_t       key_bytes = strnlen(key, STORE_ONCE_BYTES_MAX);
	struct once *once = mem_zalloc(sizeof(*once) + key_bytes + 1);

	memcpy(once->key, key, key_bytes);
	once->until_ms = wall_ms + KEEP_MS;
	once->position = update->position;
	if (update->id != NULL)
		once->id = mem_strdup(update->id);
	list_init(&once->node);
	list_append(&keys->list, &once->node);
	tree_add(&keys->tree, once, compare_onces);
	if (++keys->count > COUNT_MAX)
		forget(keys, oldest(keys));
}

const struct once *
once_keys_find(struct once_keys *keys, const char *key, int64_t wall_ms)
{
	char cut[STORE_ONCE_BYTES_MAX + 1] = "";

	while (!list_is_empty(&keys->list) && oldest(keys)->until_ms <= wall_ms)
		forget(keys, oldest(keys));
	memcpy(cut, key, strnlen(key, STORE_ONCE_BYTES_MAX));
	return tree_find(&keys->tree, cut, compare);
}
