#ifndef PRESENCE_PRESENCE_CLIENT_H
#define PRESENCE_PRESENCE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/list.h"
#include "pure/address.h"

struct presence;

/* Whose subscribers have a queue. */
struct presence_client {
	struct heap_node due; /* in presence->due if there is something to do */
	struct list      waiting; /* subscribers, the oldest first */
	size_t           subscriber_count;
	size_t           selector_count;
	size_t           byte_count;
	size_t           sent_bytes; /* since the last look */
	int64_t          next_ms;    /* not before is it looked at */
	char             key[ADDRESS_KEY_BYTES];
};

/* The client of that address, which is made if need be. */
struct presence_client *presence_client_get(struct presence *,
    const char *address);

/* When it has no subscribers. */
void presence_client_free(struct presence *, struct presence_client *);

/*
 * Sees to it that the client is looked at, if there is a reason to. When all is
 * over it may be freed.
 */
void presence_client_arm(struct presence *, struct presence_client *);

/* Whether so much more may be remembered of the client. */
bool presence_client_has_room(const struct presence *,
    const struct presence_client *, size_t selector_count, size_t byte_count);

#endif
