#include "config.h"

#include "store/sqlite_row.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pure/hash.h"

struct sqlite_row *
sqlite_row_new(const struct update *update)
{
	struct sqlite_row *row = mem_alloc(sizeof(*row) +
	    update_copy_bytes(update));

	update_copy(&row->update, update, row + 1);
	row->names = (const char *)(row->update.topics + update->topic_count);
	row->names_bytes = 0;
	for (size_t i = 0; i < update->topic_count; i++)
		row->names_bytes += strlen(update->topics[i]) + 1;
	return row;
}

struct sqlite_row *
sqlite_row_decode(const struct update *columns, const char *names,
    size_t names_bytes)
{
	struct update      update = *columns;
	struct sqlite_row *row;
	const char       **topics;
	size_t             count = 0;

	if (names_bytes == 0 || names[names_bytes - 1] != '\0')
		return NULL;
	for (size_t i = 0; i < names_bytes; i++)
		count += names[i] == '\0';
	topics = mem_alloc(count * sizeof(*topics));
	for (size_t i = 0; i < count; i++) {
		topics[i] = names;
		names += strlen(names) + 1;
	}
	update.topics = topics;
	update.topic_count = count;
	row = sqlite_row_new(&update);
	free(topics);
	return row;
}

int64_t
sqlite_row_sum(const struct sqlite_row *row)
{
	const struct update *update = &row->update;
	uint64_t             hash = HASH_START;
	unsigned char private = update->is_private;

	hash = hash_bytes(hash, &update->position, sizeof(update->position));
	hash = hash_bytes(hash, &private, 1);
	if (update->id != NULL)
		hash = hash_bytes(hash, update->id, strlen(update->id) + 1);
	hash = hash_bytes(hash, row->names, row->names_bytes);
	hash = hash_bytes(hash, update->bytes, update->len_bytes);
	return (int64_t)hash;
}

size_t
sqlite_row_bytes(const struct sqlite_row *row)
{
	const struct update *update = &row->update;

	return row->names_bytes + update->len_bytes +
	    (update->id != NULL ? strlen(update->id) : 0);
}

int64_t
sqlite_topic_hash(const char *topic)
{
	return (int64_t)hash_bytes(HASH_START, topic, strlen(topic));
}
