#ifndef STORE_MEMORY_ENTRY_H
#define STORE_MEMORY_ENTRY_H

#include <stddef.h>

#include "base/list.h"
#include "hub/update.h"

/* An update of the log in memory, in one piece: free(3) frees it. */
struct memory_entry {
	struct list   node;      /* in the log, in the order of positions */
	struct update update;    /* points behind this struct */
	size_t        len_bytes; /* of its texts */
};

/* A copy, with names, id and bytes behind it. */
struct memory_entry *memory_entry_new(const struct update *);

#endif
