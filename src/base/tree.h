#ifndef BASE_TREE_H
#define BASE_TREE_H

/*
 * tsearch(3) without its second indirection and without its failure: items in
 * the order of a comparison, which is as bsearch(3) has it. An empty tree is
 * NULL. The items are the caller's.
 */
typedef int tree_compare_fn(const void *, const void *);

/* Adds the item; returns it, or the equal one that is there already. */
void *tree_add(void **tree, void *item, tree_compare_fn *);

/* The item that is equal to the key, or NULL. */
void *tree_find(void *const *tree, const void *key, tree_compare_fn *);

/* Takes out the item that is equal to the key, which is there. */
void tree_remove(void **tree, const void *key, tree_compare_fn *);

#endif
