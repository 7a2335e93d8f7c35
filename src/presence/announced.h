#ifndef PRESENCE_ANNOUNCED_H
#define PRESENCE_ANNOUNCED_H

#include <stdbool.h>

#include "presence/roster.h"

struct json_t;
struct update;

/* What an announcement says that came from the store. */
struct announced {
	struct roster_fact fact; /* its texts live with the rest */
	bool               is_active;
	struct json_t     *json;
	char              *payload;
};

/*
 * Reads an update. True, and announced_deinit is due: a process of ours may
 * have published it, as it is, at that path of the hub's. Whatever else is
 * there is ignored: whoever can write to the store can write what he likes.
 */
bool announced_read(struct announced *, const struct update *,
    const char *hub_path);
void announced_deinit(struct announced *);

#endif
