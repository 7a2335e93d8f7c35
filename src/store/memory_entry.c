#include "config.h"

#include "store/memory_entry.h"

#include <string.h>

#include "base/mem.h"

struct memory_entry *
memory_entry_new(const struct update *update)
{
	size_t names_bytes = update->topic_count * sizeof(char *);
	size_t bytes = names_bytes + update->len_bytes, len_bytes, i;
	struct memory_entry *entry;
	const char         **names;
	char                *text;

	for (i = 0; i < update->topic_count; i++)
		bytes += strlen(update->topics[i]) + 1;
	if (update->id != NULL)
		bytes += strlen(update->id) + 1;
	entry = mem_zalloc(sizeof(*entry) + bytes);
	list_init(&entry->node);
	entry->update = *update;
	names = (const char **)(void *)(entry + 1);
	text = (char *)(entry + 1) + names_bytes;
	entry->update.topics = names;
	for (i = 0; i < update->topic_count; i++) {
		len_bytes = strlen(update->topics[i]) + 1;
		names[i] = memcpy(text, update->topics[i], len_bytes);
		text += len_bytes;
	}
	if (update->id != NULL) {
		len_bytes = strlen(update->id) + 1;
		entry->update.id = memcpy(text, update->id, len_bytes);
		text += len_bytes;
	}
	entry->len_bytes = bytes - names_bytes;
	entry->update.bytes = text;
	if (update->len_bytes > 0)
		memcpy(text, update->bytes, update->len_bytes);
	return entry;
}
