#include "hub/ids.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/tree.h"
#include "hub/update.h"

/* An id, and the updates that have it. */
struct id {
	struct list updates; /* of own_id nodes, oldest first */
	char       *text;    /* without spaces around it */
};

/* One update that has an id. */
struct own_id {
	struct list        node;
	struct id         *id;
	uint64_t           position;
	const char *const *topics;
	size_t             topic_count;
	bool               is_private;
};

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct id *)a)->text,
	    ((const struct id *)b)->text);
}

static char *
trimmed(const char *id)
{
	size_t len_bytes;

	id += strspn(id, " ");
	len_bytes = strlen(id);
	while (len_bytes > 0 && id[len_bytes - 1] == ' ')
		len_bytes--;
	return mem_strndup(id, len_bytes);
}

static void
id_free(struct id *id)
{
	free(id->text);
	free(id);
}

static struct own_id *
own_id_of(struct list *node)
{
	return list_entry(node, struct own_id, node);
}

/* Among those with the same id, by its position; most are the newest. */
static void
insert(struct own_id *own_id)
{
	struct list *updates = &own_id->id->updates, *behind = updates;

	while (behind->prev != updates &&
	    own_id_of(behind->prev)->position > own_id->position)
		behind = behind->prev;
	list_append(behind, &own_id->node);
}

struct own_id *
ids_add(struct ids *ids, const char *text, uint64_t position,
    const char *const *topics, size_t topic_count, bool is_private)
{
	struct id     *fresh = mem_zalloc(sizeof(*fresh)), *id;
	struct own_id *own_id = mem_zalloc(sizeof(*own_id));

	list_init(&fresh->updates);
	fresh->text = trimmed(text);
	id = tree_add(&ids->tree, fresh, compare);
	if (id != fresh)
		id_free(fresh);
	own_id->id = id;
	own_id->position = position;
	own_id->topics = topics;
	own_id->topic_count = topic_count;
	own_id->is_private = is_private;
	list_init(&own_id->node);
	insert(own_id);
	return own_id;
}

void
ids_remove(struct ids *ids, struct own_id *own_id)
{
	struct id *id;

	if (own_id == NULL)
		return;
	id = own_id->id;
	list_remove(&own_id->node);
	free(own_id);
	if (!list_is_empty(&id->updates))
		return;
	tree_remove(&ids->tree, id, compare);
	id_free(id);
}

const char *
ids_text(const struct own_id *own_id)
{
	return own_id->id->text;
}

static struct update
update_of(const struct own_id *own_id)
{
	return (struct update){
		.position = own_id->position,
		.id = own_id->id->text,
		.topics = own_id->topics,
		.topic_count = own_id->topic_count,
		.is_private = own_id->is_private,
	};
}

static const struct id *
find_id(const struct ids *ids, const char *text)
{
	struct id        key = { .text = trimmed(text) };
	const struct id *id = tree_find(&ids->tree, &key, compare);

	free(key.text);
	return id;
}

bool
ids_find(const struct ids *ids, const char                           *text,
    bool (*went)(const void *arg, const struct update *), const void *arg,
    const struct update_reader *reader, uint64_t *position)
{
	const struct id *id = find_id(ids, text);
	struct update    update;

	if (id == NULL)
		return false;
	list_for_each (node, &id->updates) {
		update = update_of(own_id_of(node));
		if ((went != NULL && !went(arg, &update)) ||
		    (update.is_private && reader != NULL &&
			!reader->may_have(reader->arg, &update)))
			continue;
		*position = update.position;
		return true;
	}
	return false;
}
