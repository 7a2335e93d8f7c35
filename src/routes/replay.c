#include "config.h"

#include "routes/replay.h"

#include <string.h>

#include "http/param.h"
#include "hub/cursor.h"
#include "hub/hub.h"
#include "hub/update.h"
#include "pure/event_id.h"

uint64_t
replay_now(const struct hub *hub, int64_t wall_ms)
{
	uint64_t now;

	if (hub->is_level)
		return hub->position;
	now = position_at(wall_ms);
	return now > hub->position ? now - 1 : hub->position;
}

uint64_t
replay_position(const struct hub *hub, uint64_t now, const struct call *call,
    struct topic *const *topics, size_t topic_count, size_t last_count,
    const struct update_reader *reader, const struct update *found,
    const char **from)
{
	const char *id = param_last_event_id(call);
	uint64_t    position;

	*from = NULL;
	if (id == NULL)
		return last_count == 0 ?
		    now :
		    hub_last(topics, topic_count, last_count, reader);
	*from = EVENT_ID_EARLIEST;
	if (strcmp(id, EVENT_ID_EARLIEST) == 0)
		return CURSOR_FROM_START;
	if (!hub_find(hub, id, topics, topic_count, reader, &position)) {
		if (found == NULL ||
		    !hub_is_meant(hub, found, topics, topic_count, reader))
			return CURSOR_FROM_START;
		position = found->position;
	}
	if (hub_has_all_since(hub, topics, topic_count, position, reader))
		*from = id;
	return position;
}

const char *
replay_id_before(const struct hub *hub, const struct call *call,
    uint64_t position, const struct update_reader *reader,
    char id[static POSITION_ID_BYTES])
{
	if (!param_has_empty_event_id(call))
		return NULL;
	position = hub_shown_position(hub, position, reader);
	return position > 0 && hub_id(hub, position, id) ? id :
							   EVENT_ID_EARLIEST;
}
