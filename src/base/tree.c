#include "base/tree.h"

#include <search.h>
#include <stddef.h>

#include "base/mem.h"

void *
tree_add(void **tree, void *item, tree_compare_fn *compare)
{
	void **found = tsearch(item, tree, compare);

	if (found != NULL)
		return *found;
	mem_fail();
}

void *
tree_find(void *const *tree, const void *key, tree_compare_fn *compare)
{
	void **found = tfind(key, tree, compare);

	return found == NULL ? NULL : *found;
}

void
tree_remove(void **tree, const void *key, tree_compare_fn *compare)
{
	tdelete(key, tree, compare);
}
