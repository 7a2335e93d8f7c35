#include "config.h"

#include "hub/update.h"

#include <string.h>

#include "pure/sse.h"

static bool
is_text(const char *text)
{
	return *text != '\0' && sse_is_field_value(text, strlen(text));
}

static bool
has_topic_twice(const struct update *update)
{
	for (size_t i = 0; i < update->topic_count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (strcmp(update->topics[i], update->topics[j]) == 0)
				return true;
		}
	}
	return false;
}

bool
update_is_sound(const struct update *update)
{
	const size_t len_bytes = update->len_bytes;

	if (update->topic_count == 0 ||
	    update->topic_count > UPDATE_TOPICS_MAX ||
	    (update->id != NULL && !is_text(update->id)))
		return false;
	for (size_t i = 0; i < update->topic_count; i++) {
		if (!is_text(update->topics[i]))
			return false;
	}
	if (has_topic_twice(update))
		return false;
	/* Without a blank line it would run into the next event. */
	return len_bytes >= 2 && update->bytes[len_bytes - 1] == '\n' &&
	    update->bytes[len_bytes - 2] == '\n';
}

bool
update_went_to(const struct update *update, const char *const *topics,
    size_t topic_count)
{
	for (size_t i = 0; i < update->topic_count; i++) {
		for (size_t j = 0; j < topic_count; j++) {
			if (strcmp(update->topics[i], topics[j]) == 0)
				return true;
		}
	}
	return topic_count == 0;
}

size_t
update_copy_bytes(const struct update *update)
{
	size_t bytes = update->topic_count * sizeof(char *) + update->len_bytes;

	for (size_t i = 0; i < update->topic_count; i++)
		bytes += strlen(update->topics[i]) + 1;
	return update->id == NULL ? bytes : bytes + strlen(update->id) + 1;
}

/* Copies a string with its NUL, and moves on behind it. */
static const char *
add_string(char **at, const char *string)
{
	size_t      bytes = strlen(string) + 1;
	const char *copy = memcpy(*at, string, bytes);

	*at += bytes;
	return copy;
}

void
update_copy(struct update *copy, const struct update *update, void *room)
{
	const char **topics = room;
	char        *at = (char *)(topics + update->topic_count);

	*copy = *update;
	copy->topics = topics;
	for (size_t i = 0; i < update->topic_count; i++)
		topics[i] = add_string(&at, update->topics[i]);
	if (update->id != NULL)
		copy->id = add_string(&at, update->id);
	copy->bytes = at;
	if (update->len_bytes > 0)
		memcpy(at, update->bytes, update->len_bytes);
}
