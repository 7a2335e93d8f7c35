#ifndef STORE_ONCE_KEYS_H
#define STORE_ONCE_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct update;

/* An update that was published under a key. */
struct once {
	struct list node;
	int64_t     until_ms;
	uint64_t    position;
	char       *id; /* the publisher's own; NULL: none */
	char        key[];
};

/*
 * The keys under which updates were published within a day, so that a repeat is
 * recognized: the newest ten thousand.
 */
struct once_keys {
	struct list list; /* oldest first */
	void       *tree; /* by key */
	size_t      count;
};

void once_keys_init(struct once_keys *);
void once_keys_deinit(struct once_keys *);

/* Adds a key that is not there; of a longer one the beginning counts. */
void once_keys_add(struct once_keys *, const char *key, const struct update *,
    int64_t wall_ms);

/* The update before under this key, or NULL. */
const struct once *once_keys_find(struct once_keys *, const char *key,
    int64_t wall_ms);

#endif
