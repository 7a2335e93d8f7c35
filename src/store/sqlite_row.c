#include "config.h"

#include "store/sqlite_row.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pure/hash.h"

/* One piece: the struct, the pointers to topics, their names, id, bytes. */
static struct sqlite_row *
make(const struct update *update, size_t topic_count, size_t names_bytes)
{
	struct sqlite_row *row;
	const char       **topics;
	size_t             id_bytes = 0;
	char              *at;

	if (update->id != NULL)
		id_bytes = strlen(update->id) + 1;
	row = mem_alloc(sizeof(*row) + topic_count * sizeof(*topics) +
	    names_bytes + id_bytes + update->len_bytes);
	topics = (const char **)(row + 1);
	at = (char *)(topics + topic_count);
	row->update = *update;
	row->update.topics = topics;
	row->update.topic_count = topic_count;
	row->names = at;
	row->names_bytes = names_bytes;
	at += names_bytes;
	if (update->id != NULL)
		row->update.id = memcpy(at, update->id, id_bytes);
	at += id_bytes;
	if (update->len_bytes > 0)
		memcpy(at, update->bytes, update->len_bytes);
	row->update.bytes = at;
	return row;
}

static void
point_to_names(struct sqlite_row *row)
{
	const char **topics = (const char **)(row + 1);
	const char  *name = row->names;

	for (size_t i = 0; i < row->update.topic_count; i++) {
		topics[i] = name;
		name += strlen(name) + 1;
	}
}

struct sqlite_row *
sqlite_row_new(const struct update *update)
{
	struct sqlite_row *row;
	size_t             len, names_bytes = 0;
	char              *at;

	for (size_t i = 0; i < update->topic_count; i++)
		names_bytes += strlen(update->topics[i]) + 1;
	row = make(update, update->topic_count, names_bytes);
	at = row->names;
	for (size_t i = 0; i < update->topic_count; i++) {
		len = strlen(update->topics[i]) + 1;
		memcpy(at, update->topics[i], len);
		at += len;
	}
	point_to_names(row);
	return row;
}

struct sqlite_row *
sqlite_row_decode(const struct update *update, const char *names,
    size_t names_bytes)
{
	struct sqlite_row *row;
	size_t             topic_count = 0;

	if (names_bytes == 0 || names[names_bytes - 1] != '\0')
		return NULL;
	for (size_t i = 0; i < names_bytes; i++)
		topic_count += names[i] == '\0';
	row = make(update, topic_count, names_bytes);
	memcpy(row->names, names, names_bytes);
	point_to_names(row);
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
