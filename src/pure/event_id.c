#include "pure/event_id.h"

#include <string.h>

#include "pure/sse.h"

bool
event_id_is_publishers(const char *id, size_t len_bytes)
{
	const size_t earliest_bytes = sizeof(EVENT_ID_EARLIEST) - 1;
	const char  *bare = id + strspn(id, " ");
	const char  *behind = bare + earliest_bytes;

	if (len_bytes > EVENT_ID_BYTES_MAX || *bare == '\0' || *bare == '#' ||
	    !sse_is_field_value(id, len_bytes))
		return false;
	return strncmp(bare, EVENT_ID_EARLIEST, earliest_bytes) != 0 ||
	    behind[strspn(behind, " ")] != '\0';
}
