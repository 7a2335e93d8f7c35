#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/list.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct item {
	char        name;
	struct list node;
};

static struct item items[4];

static int
set_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(items); i++) {
		items[i].name = (char)('a' + i);
		list_init(&items[i].node);
	}
	return 0;
}

static void
fill(struct list *head, size_t from, size_t count)
{
	list_init(head);
	for (size_t i = from; i < from + count; i++)
		list_append(head, &items[i].node);
}

/* The names of the items forwards; backwards they must be the same. */
static void
assert_list(const struct list *head, const char *names)
{
	size_t count = 0;

	for (const struct list *node = head->next; node != head;
	     node = node->next) {
		assert_ptr_equal(node->next->prev, node);
		assert_int_equal(list_entry(node, struct item, node)->name,
		    names[count]);
		count++;
	}
	assert_ptr_equal(head->next->prev, head);
	assert_int_equal(count, strlen(names));
	assert_int_equal(list_is_empty(head), count == 0);
}

static void
test_append(void **state)
{
	struct list head;

	(void)state;
	list_init(&head);
	assert_list(&head, "");
	for (size_t i = 0; i < COUNT(items); i++) {
		assert_true(list_is_empty(&items[i].node));
		list_append(&head, &items[i].node);
		assert_false(list_is_empty(&items[i].node));
	}
	assert_list(&head, "abcd");
}

static void
test_remove(void **state)
{
	struct list head;

	(void)state;
	fill(&head, 0, 4);
	list_remove(&items[1].node);
	assert_list(&head, "acd");
	assert_true(list_is_empty(&items[1].node));
	list_remove(&items[0].node);
	list_remove(&items[3].node);
	assert_list(&head, "c");
	list_remove(&items[2].node);
	assert_list(&head, "");
	list_remove(&items[2].node);
	assert_true(list_is_empty(&items[2].node));
}

static void
test_move(void **state)
{
	struct list one, other;

	(void)state;
	fill(&one, 0, 3);
	list_init(&other);
	list_move(&one, &items[0].node);
	assert_list(&one, "bca");
	list_move(&one, &items[0].node);
	assert_list(&one, "bca");
	list_move(&other, &items[2].node);
	assert_list(&one, "ba");
	assert_list(&other, "c");
	list_move(&other, &items[3].node);
	assert_list(&other, "cd");
	list_move(&one, &items[1].node);
	list_move(&other, &items[1].node);
	assert_list(&one, "a");
	assert_list(&other, "cdb");
}

static void
test_join(void **state)
{
	struct list one, other;

	(void)state;
	fill(&one, 0, 2);
	fill(&other, 2, 2);
	list_join(&one, &other);
	assert_list(&one, "abcd");
	assert_list(&other, "");
	list_join(&one, &other);
	assert_list(&one, "abcd");
	list_join(&other, &one);
	assert_list(&other, "abcd");
	assert_list(&one, "");
	list_remove(&items[0].node);
	list_append(&one, &items[0].node);
	assert_list(&one, "a");
	assert_list(&other, "bcd");
}

/* Also when it is the only node, and when the node is the struct's first. */
static void
test_entry(void **state)
{
	struct first {
		struct list node;
		int         number;
	} first;

	(void)state;
	assert_ptr_equal(list_entry(&items[2].node, struct item, node),
	    &items[2]);
	assert_ptr_equal(list_entry(&first.node, struct first, node), &first);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_append, set_up),
		cmocka_unit_test_setup(test_remove, set_up),
		cmocka_unit_test_setup(test_move, set_up),
		cmocka_unit_test_setup(test_join, set_up),
		cmocka_unit_test_setup(test_entry, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
