#include "base/heap.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

#define SIZE_COUNT_MIN 16

void
heap_deinit(struct heap *heap)
{
	assert(heap->count == 0);
	free(heap->nodes);
	*heap = (struct heap){ 0 };
}

/* Places count from 1, so that 0 is none. */
static void
put(struct heap *heap, size_t place, struct heap_node *node)
{
	heap->nodes[place - 1] = node;
	node->place = place;
}

static int64_t
key_at(const struct heap *heap, size_t place)
{
	return heap->nodes[place - 1]->key;
}

static void
rise(struct heap *heap, struct heap_node *node)
{
	size_t place = node->place;

	while (place > 1 && key_at(heap, place / 2) > node->key) {
		put(heap, place, heap->nodes[place / 2 - 1]);
		place /= 2;
	}
	put(heap, place, node);
}

static void
sink(struct heap *heap, struct heap_node *node)
{
	size_t place = node->place, child;

	for (child = 2 * place; child <= heap->count; child = 2 * place) {
		if (child < heap->count &&
		    key_at(heap, child + 1) < key_at(heap, child))
			child++;
		if (key_at(heap, child) >= node->key)
			break;
		put(heap, place, heap->nodes[child - 1]);
		place = child;
	}
	put(heap, place, node);
}

static void
resize(struct heap *heap, size_t size_count)
{
	heap->nodes = mem_realloc(heap->nodes,
	    size_count * sizeof(struct heap_node *));
	heap->size_count = size_count;
}

void
heap_set(struct heap *heap, struct heap_node *node, int64_t key)
{
	node->key = key;
	if (node->place == 0) {
		if (heap->count == heap->size_count)
			resize(heap,
			    heap->count == 0 ? SIZE_COUNT_MIN :
					       2 * heap->count);
		put(heap, ++heap->count, node);
	}
	rise(heap, node);
	sink(heap, node);
}

void
heap_remove(struct heap *heap, struct heap_node *node)
{
	struct heap_node *last;
	size_t            place = node->place;

	if (place == 0)
		return;
	last = heap->nodes[--heap->count];
	node->place = 0;
	if (last != node) {
		put(heap, place, last);
		rise(heap, last);
		sink(heap, last);
	}
	if (heap->size_count > SIZE_COUNT_MIN &&
	    heap->count < heap->size_count / 4)
		resize(heap, heap->size_count / 2);
}

struct heap_node *
heap_first(const struct heap *heap)
{
	return heap->count == 0 ? NULL : heap->nodes[0];
}
