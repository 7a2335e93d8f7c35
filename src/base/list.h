#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A ring of nodes that live inside what they link; the head is a node too.
 * Unlike in a TAILQ a node is removed without naming its list, so two lists can
 * be joined in one step.
 */
struct list {
	struct list *prev;
	struct list *next;
};

/* The struct that holds the node as its member. */
#define list_entry(node, type, member) \
	((type *)(void *)((char *)(node)-offsetof(type, member)))

/*
 * A loop over the nodes of a list. The body may remove the node that it has
 * from the list, and free it; it may remove no other one.
 */
/* clang-format off */
/* NOLINTBEGIN(bugprone-macro-parentheses): it declares the node. */
#define list_for_each(node, head)					\
	for (struct list *node = (head)->next, *node##_next = node->next; \
	    node != (head); node = node##_next, node##_next = node->next)
/* NOLINTEND(bugprone-macro-parentheses) */
/* clang-format on */

/* Makes an empty list, or a node that stands alone. */
static inline void
list_init(struct list *node)
{
	node->prev = node->next = node;
}

/* Of a head: nothing in the list. Of a node: it is in no list. */
static inline bool
list_is_empty(const struct list *node)
{
	return node->next == node;
}

static inline void
list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* Puts the node, which is in no list, at the end. */
static inline void
list_append(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

/* Takes the node from where it is to the end of this list. */
static inline void
list_move(struct list *head, struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_append(head, node);
}

/* Appends all of from, which is empty afterwards. */
static inline void
list_join(struct list *head, struct list *from)
{
	if (list_is_empty(from))
		return;
	from->next->prev = head->prev;
	head->prev->next = from->next;
	from->prev->next = head;
	head->prev = from->prev;
	list_init(from);
}

#endif
