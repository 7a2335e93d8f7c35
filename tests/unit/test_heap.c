/* The least is first, whatever was added, changed and removed. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/heap.h"

#define NODES 300

static void
test_order(void **state)
{
	struct heap       heap = { 0 };
	struct heap_node  nodes[NODES] = { 0 };
	struct heap_node *first;
	int64_t           last = INT64_MIN;

	(void)state;
	assert_null(heap_first(&heap));
	for (int i = 0; i < NODES; i++)
		heap_set(&heap, &nodes[i], i * 7919 % 257 - 100);
	for (int i = 0; i < NODES; i++) {
		first = heap_first(&heap);
		assert_true(first->key >= last);
		last = first->key;
		heap_remove(&heap, first);
		heap_remove(&heap, first);
	}
	assert_null(heap_first(&heap));
	heap_deinit(&heap);
}

static int64_t
least_of(const struct heap_node *nodes)
{
	int64_t least = INT64_MAX;

	for (int i = 0; i < NODES; i++) {
		if (nodes[i].place > 0 && nodes[i].key < least)
			least = nodes[i].key;
	}
	return least;
}

static void
test_at_random(void **state)
{
	struct heap      heap = { 0 };
	struct heap_node nodes[NODES] = { 0 };

	(void)state;
	srandom(7);
	for (int i = 0; i < 20000; i++) {
		struct heap_node *node = &nodes[random() % NODES];

		if (random() % 3 == 0)
			heap_remove(&heap, node);
		else
			heap_set(&heap, node, random() % 1000);
		assert_int_equal(heap_first(&heap) == NULL ?
			INT64_MAX :
			heap_first(&heap)->key,
		    least_of(nodes));
	}
	for (int i = 0; i < NODES; i++)
		heap_remove(&heap, &nodes[i]);
	heap_deinit(&heap);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_at_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
