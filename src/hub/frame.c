#include "hub/frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/*
 * Beside its own bytes: the struct, allocation heads, and slots of the rings,
 * which double as they grow.
 */
#define UPDATE_COST_BYTES 256

#define ID_FIELD "id: "
#define ID_FIELD_BYTES (sizeof(ID_FIELD) - 1)

/* The names stand behind the bytes, as aligned as the struct is. */
static size_t
names_offset(size_t len_bytes)
{
	const size_t align = sizeof(const char *);

	return (sizeof(struct frame) + len_bytes + align - 1) / align * align;
}

const char **
frame_topics(struct frame *frame)
{
	return (const char **)(void *)((char *)frame +
	    names_offset(frame->len_bytes));
}

/* So many bytes and names. */
static struct frame *
frame_new_blank(size_t len_bytes, size_t topic_count)
{
	struct frame *frame = mem_alloc(names_offset(len_bytes) +
	    topic_count * sizeof(const char *));

	memset(frame, 0, sizeof(*frame));
	list_init(&frame->node);
	list_init(&frame->orphan);
	list_init(&frame->announced);
	frame->ref_count = 1;
	frame->len_bytes = len_bytes;
	frame->update.topics = frame_topics(frame);
	frame->update.topic_count = topic_count;
	return frame;
}

struct frame *
frame_new(const char *bytes, size_t len_bytes)
{
	struct frame *frame = frame_new_blank(len_bytes, 0);

	if (len_bytes > 0)
		memcpy(frame->bytes, bytes, len_bytes);
	return frame;
}

struct frame *
frame_new_update(const struct update *update, const char *id)
{
	size_t        id_bytes = strlen(id);
	size_t        field_bytes = ID_FIELD_BYTES + id_bytes + 1;
	struct frame *frame = frame_new_blank(field_bytes + update->len_bytes,
	    update->topic_count);

	memcpy(frame->bytes, ID_FIELD, ID_FIELD_BYTES);
	memcpy(frame->bytes + ID_FIELD_BYTES, id, id_bytes);
	frame->bytes[field_bytes - 1] = '\n';
	memcpy(frame->bytes + field_bytes, update->bytes, update->len_bytes);
	frame->update.position = update->position;
	frame->update.is_private = update->is_private;
	frame->update.bytes = frame->bytes + field_bytes;
	frame->update.len_bytes = update->len_bytes;
	return frame;
}

size_t
frame_cost_bytes(const struct frame *frame)
{
	return UPDATE_COST_BYTES + frame->len_bytes +
	    3 * frame->update.topic_count * sizeof(void *);
}

/* Slots are a power of two whenever there is no room for another. */
void
frame_add_pattern(struct frame *frame, struct pattern *pattern)
{
	unsigned         count = frame->pattern_slots;
	struct pattern **patterns = frame->patterns;

	if ((count & (count - 1)) == 0) {
		patterns = mem_alloc((count == 0 ? 1 : 2 * (size_t)count) *
		    sizeof(struct pattern *));
		if (count > 0)
			memcpy(patterns, frame->patterns,
			    count * sizeof(struct pattern *));
		free(frame->patterns);
		frame->patterns = patterns;
	}
	patterns[frame->pattern_slots++] = pattern;
	frame->pattern_count++;
}

/* Removes the next that is this one, or any if it is NULL; there is one. */
static struct pattern *
remove_pattern(struct frame *frame, const struct pattern *wanted)
{
	struct pattern *found;
	unsigned        i = frame->pattern_next;

	do {
		i = i < frame->pattern_slots ? i : 0;
		found = frame->patterns[i++];
	} while (wanted == NULL ? found == NULL : found != wanted);
	frame->patterns[i - 1] = NULL;
	frame->pattern_count--;
	frame->pattern_next = i;
	return found;
}

void
frame_remove_pattern(struct frame *frame, const struct pattern *pattern)
{
	remove_pattern(frame, pattern);
}

struct pattern *
frame_take_pattern(struct frame *frame)
{
	return frame->pattern_count == 0 ? NULL : remove_pattern(frame, NULL);
}

void
frame_ref(struct frame *frame)
{
	frame->ref_count++;
}

void
frame_unref(struct frame *frame)
{
	assert(frame->ref_count > 0);
	if (--frame->ref_count > 0)
		return;
	free(frame->patterns);
	free(frame);
}
