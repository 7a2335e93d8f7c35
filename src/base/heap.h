#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stddef.h>
#include <stdint.h>

/*
 * Items by a number, the least first: a binary heap, for times that lie at
 * different distances. Where all lie equally far ahead, base/deadline.h does
 * with less.
 */
struct heap {
	struct heap_node **nodes; /* {0}: empty */
	size_t             count;
	size_t             size_count;
};

/* A place in a heap, within its owner; {0} is in none. */
struct heap_node {
	int64_t key;
	size_t  place; /* from 1; 0: in no heap */
};

/* Without items. */
void heap_deinit(struct heap *);

/* Gives the node this key; it is added if it is in no heap. */
void heap_set(struct heap *, struct heap_node *, int64_t key);

/* Takes it out, if it is in the heap. */
void heap_remove(struct heap *, struct heap_node *);

/* The node with the least key; NULL: there is none. */
struct heap_node *heap_first(const struct heap *);

#endif
