#include "base/deadline.h"

void
deadline_list_init(struct deadline_list *list, int64_t after_ms)
{
	list_init(&list->nodes);
	list->after_ms = after_ms;
}

void
deadline_list_change(struct deadline_list *list, int64_t after_ms,
    int64_t now_ms)
{
	struct deadline *deadline;

	list->after_ms = after_ms;
	if (after_ms == 0)
		return;
	list_for_each (node, &list->nodes) {
		deadline = list_entry(node, struct deadline, node);
		if (deadline->due_ms > now_ms + after_ms)
			deadline->due_ms = now_ms + after_ms;
	}
}

void
deadline_init(struct deadline *deadline)
{
	list_init(&deadline->node);
	deadline->due_ms = INT64_MAX;
}

void
deadline_set(struct deadline_list *list, struct deadline *deadline,
    int64_t now_ms)
{
	struct list *behind = &list->nodes;

	if (list->after_ms == 0) {
		deadline_clear(deadline);
		return;
	}
	deadline->due_ms = now_ms + list->after_ms;
	list_remove(&deadline->node);
	/* Others are later only if after_ms has become less meanwhile. */
	while (behind->prev != &list->nodes &&
	    list_entry(behind->prev, struct deadline, node)->due_ms >
		deadline->due_ms)
		behind = behind->prev;
	list_append(behind, &deadline->node);
}

void
deadline_clear(struct deadline *deadline)
{
	list_remove(&deadline->node);
}

struct deadline *
deadline_take_due(struct deadline_list *list, int64_t now_ms)
{
	struct deadline *oldest;

	if (deadline_next_ms(list) > now_ms)
		return NULL;
	oldest = list_entry(list->nodes.next, struct deadline, node);
	list_remove(&oldest->node);
	return oldest;
}

int64_t
deadline_next_ms(const struct deadline_list *list)
{
	if (list_is_empty(&list->nodes))
		return INT64_MAX;
	return list_entry(list->nodes.next, struct deadline, node)->due_ms;
}
