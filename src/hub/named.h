#ifndef HUB_NAMED_H
#define HUB_NAMED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/list.h"

struct frame;
struct hub;
struct own_id;
struct share;
struct topic;

/*
 * A topic that has a name, as the hub keeps it. For the hub's own files.
 *
 * Who pays for it must not tell whether it has private updates to those who may
 * not have them. So is_known changes as if there were none: it is whether the
 * topic would be there for the sake of its followers and its public updates.
 * Somebody who asks for one that is not known pays for it, whatever it has.
 */
struct named {
	struct list     node;       /* in hub->idle, or alone */
	struct list     named_node; /* in hub->named */
	struct list     size_node;  /* in hub->by_size, or alone */
	struct deadline backlog; /* in hub->backlogs while beyond its count */
	struct hub     *hub;
	struct topic   *topic;
	struct share   *share;        /* pays for it, see below; or NULL */
	bool            is_matched;   /* pattern.c's, while it fills one */
	bool            is_announced; /* below the hub\'s path */
	bool            is_known;
	bool            is_payers;    /* who pays may have its private ones */
	size_t          update_count; /* updates that went to it */
	size_t          public_count; /* of these */
	size_t          kept_bytes;   /* of those that its ring has */
	unsigned        size;         /* its place in hub->by_size */
	struct own_id *dropped_id; /* of the newest that was dropped, or NULL */
	const char    *name_of_gone;
	char           name[];
};

/*
 * For so long a topic keeps events beyond its count for those who have yet to
 * take them: some socket buffers' worth of time, not a slow reader's.
 */
#define NAMED_PATIENCE_MS 2000

/* The one of that name, or NULL. */
struct named *named_find(const struct hub *, const char *name);

/* Makes it; it is freed in the hub's next run unless it is used until then. */
struct named *named_new(struct hub *, const char *name);
void          named_free(struct named *);

/*
 * The client that asks for the topic makes it known, and pays for it: but not
 * if the topic is there for updates that this client may have. named: the one
 * of that name, or NULL, if it is to be made. NULL: the client has too many.
 */
struct named *named_make_known(struct hub *, struct named *, const char *name,
    const char *client, bool is_readers);

/* The topic whose name it is; a frame's names are those of its topics. */
struct named *named_of(const char *name);

/* What a topic of that name takes when it has no updates. */
size_t named_cost_bytes(const char *name);

/* The topic's part of the history is so much now. */
void named_resize(struct named *, size_t kept_bytes);

/* The topic has an update more, or one fewer. */
void named_add_update(struct named *, bool is_private);
void named_forget_update(struct named *, bool is_private);

/* Nobody pays for it any more. */
void named_unshare(struct named *);

/* The hub's: no ring of a named topic has it; if no other does, it is freed. */
void hub_let_go(struct hub *, struct frame *);

#endif
