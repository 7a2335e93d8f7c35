#ifndef TOOL_EVENT_H
#define TOOL_EVENT_H

#include "base/buf.h"
#include "hub/update.h"

struct publication;

/* What a store keeps of a publication. Its texts point into that. */
struct event {
	struct update update;
	struct buf    bytes;
	const char  **topics;
};

/*
 * Makes the update, by the rules that fcgi-sse has for publishers with a key.
 * NULL, or a constant line that says what is wrong. event_deinit is due in both
 * cases.
 */
const char *event_init(struct event *, const struct publication *);
void        event_deinit(struct event *);

#endif
