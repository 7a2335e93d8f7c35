/*
 * Where in the log a subscriber that comes back begins: which position an id
 * stands for, and whether anything behind it was dropped. A part of hub/hub.h.
 */

#include "config.h"

#include <string.h>

#include "hub/cursor.h"
#include "hub/frame.h"
#include "hub/hub.h"
#include "hub/topic.h"
#include "hub/update.h"
#include "pure/event_id.h"

void
hub_lose(struct hub *hub, uint64_t up_to)
{
	if (up_to > hub->lost_position)
		hub->lost_position = up_to;
}

bool
hub_has_come(const struct hub *hub, uint64_t position)
{
	return hub->position >= position || hub->lost_position >= position;
}

/*
 * A hidden update is told no more closely than this. The longer time is for
 * when there is an older one that may be shown, and so nothing between.
 */
#define VAGUE_MS 60000
#define VAGUE_MS_MIN 1000

/*
 * The last position before a time that hardly tells this one. It is the last
 * of a ms, which no update has.
 */
static uint64_t
vague_position(uint64_t position, int64_t vague_ms)
{
	int64_t  ms = position_ms(position);
	uint64_t at = position_at(ms - ms % vague_ms);

	return at > 0 ? at - 1 : 0;
}

/* The same behind it. */
static uint64_t
vague_position_after(uint64_t position)
{
	int64_t ms = position_ms(position);

	return position == 0 ? 0 :
			       position_at(ms - ms % VAGUE_MS + VAGUE_MS) - 1;
}

bool
hub_is_readers(const char *name, const struct update_reader *reader)
{
	if (reader == NULL)
		return true;
	if (reader->reach != UPDATE_REACH_SOME)
		return reader->reach == UPDATE_REACH_ALL;
	return reader->may_have(reader->arg,
	    &(struct update){
		.topics = &name,
		.topic_count = 1,
		.is_private = true,
	    });
}

/* Whether all that the topic has went to one topic's name. */
static bool
has_one_name(const struct topic *topic)
{
	return topic_selector(topic) == NULL &&
	    strcmp(topic_name(topic), HUB_ALL) != 0;
}

/*
 * Whether a reader of some private updates may have each one of the topic.
 */
static bool
is_all_readers(const struct topic *topic, const struct update_reader *reader)
{
	return has_one_name(topic) && hub_is_readers(topic_name(topic), reader);
}

/*
 * Up to which position the topic has dropped something, as far as the reader
 * may know.
 */
static uint64_t
dropped_position(const struct topic *topic, const struct update_reader *reader)
{
	const struct dropped *dropped = topic_dropped(topic);
	uint64_t              others;

	if (reader == NULL || reader->reach == UPDATE_REACH_ALL)
		return dropped->position;
	if (reader->reach == UPDATE_REACH_PUBLIC)
		return dropped->public_position;
	if (is_all_readers(topic, reader))
		return dropped->position;
	/* It may have a right to another topic of a private update. */
	others = has_one_name(topic) ? dropped->shared_position :
				       dropped->position;
	if (others <= dropped->public_position)
		return dropped->public_position;
	return vague_position_after(others);
}

bool
hub_has_all_since(const struct hub *hub, struct topic *const *topics,
    size_t topic_count, uint64_t position, const struct update_reader *reader)
{
	for (size_t i = 0; i < topic_count; i++) {
		if (dropped_position(topics[i], reader) > position)
			return false;
	}
	return (reader == NULL || reader->reach == UPDATE_REACH_ALL ?
		       hub->lost_position :
		       vague_position_after(hub->lost_position)) <= position;
}

/* Whether each id of theirs is known, so that another one is not theirs. */
static bool
have_dropped_nothing(struct topic *const *topics, size_t topic_count,
    const struct update_reader *reader)
{
	for (size_t i = 0; i < topic_count; i++) {
		if (dropped_position(topics[i], reader) > 0)
			return false;
	}
	return true;
}

/* Topics that have a subscriber. */
struct followed {
	struct topic *const *topics;
	size_t               topic_count;
};

static bool
has_frame(const struct topic *topic, uint64_t position)
{
	const struct ring *ring = topic_ring(topic);
	size_t             index = ring_find_after(ring, position - 1);

	return index < ring->frame_count &&
	    ring_slot(ring, index)->position == position &&
	    ring_slot(ring, index)->frame != NULL;
}

static bool
went_to(const struct topic *topic, const struct update *update)
{
	const char *name = topic_name(topic);

	return topic_selector(topic) != NULL ?
	    has_frame(topic, update->position) :
	    update_went_to(update, &name, 1);
}

static bool
went_to_one(const void *arg, const struct update *update)
{
	const struct followed *followed = arg;

	for (size_t i = 0; i < followed->topic_count; i++) {
		if (went_to(followed->topics[i], update))
			return true;
	}
	return false;
}

static bool
has_all(const struct hub *hub, struct topic *const *topics, size_t topic_count)
{
	for (size_t i = 0; i < topic_count; i++) {
		if (topics[i] == hub->all)
			return true;
	}
	return false;
}

bool
hub_find(const struct hub *hub, const char *id, struct topic *const *topics,
    size_t topic_count, const struct update_reader *reader, uint64_t *position)
{
	const struct followed followed = { topics, topic_count };

	if (hub->tag != 0 &&
	    position_from_id(id, strlen(id), hub->tag, position))
		return true;
	if (has_all(hub, topics, topic_count))
		return ids_find(&hub->ids, id, NULL, NULL, reader, position);
	if (ids_find(&hub->ids, id, went_to_one, &followed, reader, position))
		return true;
	return have_dropped_nothing(topics, topic_count, reader) &&
	    ids_find(&hub->ids, id, NULL, NULL, reader, position);
}

/*
 * Whether an update that the store has found for an id which hub_find does not
 * know is the one that the reader has had, by the same rules. A pattern is
 * known to have it only when it has come.
 */
static bool
is_meant(const struct hub *hub, const struct update *found,
    struct topic *const *topics, size_t topic_count,
    const struct update_reader *reader)
{
	const struct followed followed = { topics, topic_count };

	if (found->topic_count == 0)
		return true;
	if (found->is_private && !reader->may_have(reader->arg, found))
		return false;
	return has_all(hub, topics, topic_count) ||
	    went_to_one(&followed, found) ||
	    have_dropped_nothing(topics, topic_count, reader);
}

/* How many updates are looked at for a position that can be shown. */
#define LOOK_COUNT_MAX 256

static bool
is_last_of_ms(uint64_t position)
{
	return position_at(position_ms(position + 1)) == position + 1;
}

void
hub_pass(struct hub *hub, uint64_t position)
{
	position = vague_position(position, VAGUE_MS_MIN);
	if (position > hub->position)
		hub->position = position;
}

uint64_t
hub_shown_position(const struct hub *hub, uint64_t position,
    const struct update_reader *reader)
{
	const struct list   *node = hub->updates.prev;
	const struct update *update;
	uint64_t             vague = vague_position(position, VAGUE_MS);
	bool                 is_hidden = false;

	if (is_last_of_ms(position))
		return position;
	for (int count = 0; node != &hub->updates && count < LOOK_COUNT_MAX;
	     node = node->prev, count++) {
		update = &((const struct frame *)((const char *)node -
			       offsetof(struct frame, node)))
			      ->update;
		if (update->position > position)
			continue;
		/* No update is there. */
		if (!is_hidden && update->position < position)
			return position;
		if (update->position <= vague)
			return vague;
		if (!update->is_private ||
		    reader->may_have(reader->arg, update))
			return update->position;
		is_hidden = true;
	}
	return vague_position(position, VAGUE_MS_MIN);
}

/* How many frames of a topic lie before those that were looked at. */
struct rest {
	const struct ring *ring;
	size_t             count;
};

/* The newest frame of all that are left, or NULL; it is left no more. */
static const struct frame *
take_newest(struct rest *rests, size_t rest_count)
{
	const struct ring_slot *slot, *newest = NULL;

	for (size_t i = 0; i < rest_count; i++) {
		while (rests[i].count > 0 &&
		    ring_slot(rests[i].ring, rests[i].count - 1)->frame == NULL)
			rests[i].count--;
		if (rests[i].count == 0)
			continue;
		slot = ring_slot(rests[i].ring, rests[i].count - 1);
		if (newest == NULL || slot->position > newest->position)
			newest = slot;
	}
	for (size_t i = 0; newest != NULL && i < rest_count; i++) {
		if (rests[i].count > 0 &&
		    ring_slot(rests[i].ring, rests[i].count - 1)->position ==
			newest->position)
			rests[i].count--;
	}
	return newest == NULL ? NULL : newest->frame;
}

uint64_t
hub_last(struct topic *const *topics, size_t topic_count, size_t count,
    const struct update_reader *reader)
{
	struct rest         rests[CURSOR_TOPICS_MAX];
	const struct frame *frame;

	for (size_t i = 0; i < topic_count; i++) {
		rests[i].ring = topic_ring(topics[i]);
		rests[i].count = rests[i].ring->frame_count;
	}
	while ((frame = take_newest(rests, topic_count)) != NULL) {
		if (frame->update.is_private && reader != NULL &&
		    !reader->may_have(reader->arg, &frame->update))
			continue;
		if (--count == 0)
			return frame->update.position - 1;
	}
	return CURSOR_FROM_START;
}

bool
hub_id(const struct hub *hub, uint64_t position,
    char id[static POSITION_ID_BYTES])
{
	if (hub->tag == 0)
		return false;
	position_to_id(position, hub->tag, id);
	return true;
}

uint64_t
hub_now(const struct hub *hub, int64_t wall_ms)
{
	uint64_t now;

	if (hub->is_level)
		return hub->position;
	now = position_at(wall_ms);
	return now > hub->position ? now - 1 : hub->position;
}

uint64_t
hub_resume(const struct hub *hub, const char *id, struct topic *const *topics,
    size_t topic_count, const struct update_reader *reader,
    const struct update *found, const char **from)
{
	uint64_t position;

	*from = EVENT_ID_EARLIEST;
	if (strcmp(id, EVENT_ID_EARLIEST) == 0)
		return CURSOR_FROM_START;
	if (!hub_find(hub, id, topics, topic_count, reader, &position)) {
		if (found == NULL ||
		    !is_meant(hub, found, topics, topic_count, reader))
			return CURSOR_FROM_START;
		position = found->position;
	}
	if (hub_has_all_since(hub, topics, topic_count, position, reader))
		*from = id;
	return position;
}
