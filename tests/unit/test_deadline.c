#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/deadline.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct deadline_list list;
static struct deadline      deadlines[3];

static int
set_up(void **state)
{
	(void)state;
	deadline_list_init(&list, 100);
	for (size_t i = 0; i < COUNT(deadlines); i++)
		deadline_init(&deadlines[i]);
	return 0;
}

static void
test_nothing_is_due_in_an_empty_list(void **state)
{
	(void)state;
	assert_true(deadline_next_ms(&list) == INT64_MAX);
	assert_null(deadline_take_due(&list, INT64_MAX - 1));
}

static void
test_the_oldest_is_the_next(void **state)
{
	(void)state;
	deadline_set(&list, &deadlines[0], 1000);
	deadline_set(&list, &deadlines[1], 1001);
	deadline_set(&list, &deadlines[2], 1001);
	assert_int_equal(deadline_next_ms(&list), 1100);
	assert_null(deadline_take_due(&list, 1099));
	assert_ptr_equal(deadline_take_due(&list, 1100), &deadlines[0]);
	assert_null(deadline_take_due(&list, 1100));
	assert_int_equal(deadline_next_ms(&list), 1101);
	assert_ptr_equal(deadline_take_due(&list, 5000), &deadlines[1]);
	assert_ptr_equal(deadline_take_due(&list, 5000), &deadlines[2]);
	assert_null(deadline_take_due(&list, 5000));
	assert_true(deadline_next_ms(&list) == INT64_MAX);
}

static void
test_set_starts_it_again(void **state)
{
	(void)state;
	deadline_set(&list, &deadlines[0], 1000);
	deadline_set(&list, &deadlines[1], 1010);
	deadline_set(&list, &deadlines[0], 1020);
	assert_int_equal(deadline_next_ms(&list), 1110);
	assert_ptr_equal(deadline_take_due(&list, 1119), &deadlines[1]);
	assert_null(deadline_take_due(&list, 1119));
	assert_ptr_equal(deadline_take_due(&list, 1120), &deadlines[0]);
	deadline_set(&list, &deadlines[0], 2000);
	assert_int_equal(deadline_next_ms(&list), 2100);
}

static void
test_set_takes_it_from_another_list(void **state)
{
	struct deadline_list other;

	(void)state;
	deadline_list_init(&other, 7);
	deadline_set(&list, &deadlines[0], 1000);
	deadline_set(&other, &deadlines[0], 1000);
	assert_true(deadline_next_ms(&list) == INT64_MAX);
	assert_int_equal(deadline_next_ms(&other), 1007);
	assert_ptr_equal(deadline_take_due(&other, 1007), &deadlines[0]);
}

/* Not sooner for those that were set before. */
static void
test_a_list_of_less_time(void **state)
{
	(void)state;
	deadline_set(&list, &deadlines[0], 1000);
	deadline_set(&list, &deadlines[1], 1001);
	list.after_ms = 10;
	deadline_set(&list, &deadlines[2], 1020);
	assert_int_equal(deadline_next_ms(&list), 1030);
	assert_ptr_equal(deadline_take_due(&list, 1030), &deadlines[2]);
	assert_int_equal(deadline_next_ms(&list), 1100);
}

static void
test_clear(void **state)
{
	(void)state;
	deadline_clear(&deadlines[0]);
	deadline_set(&list, &deadlines[0], 1000);
	deadline_set(&list, &deadlines[1], 1000);
	deadline_clear(&deadlines[0]);
	assert_ptr_equal(deadline_take_due(&list, 1100), &deadlines[1]);
	assert_null(deadline_take_due(&list, 1100));
	deadline_clear(&deadlines[0]);
	deadline_clear(&deadlines[1]);
}

/* And what is set there no longer runs elsewhere. */
static void
test_a_list_without_time_has_no_deadlines(void **state)
{
	struct deadline_list never;

	(void)state;
	deadline_list_init(&never, 0);
	deadline_set(&never, &deadlines[0], 1000);
	assert_true(deadline_next_ms(&never) == INT64_MAX);
	assert_null(deadline_take_due(&never, INT64_MAX - 1));
	deadline_set(&list, &deadlines[0], 1000);
	deadline_set(&never, &deadlines[0], 1000);
	assert_true(deadline_next_ms(&list) == INT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing_is_due_in_an_empty_list,
		    set_up),
		cmocka_unit_test_setup(test_the_oldest_is_the_next, set_up),
		cmocka_unit_test_setup(test_set_starts_it_again, set_up),
		cmocka_unit_test_setup(test_set_takes_it_from_another_list,
		    set_up),
		cmocka_unit_test_setup(test_a_list_of_less_time, set_up),
		cmocka_unit_test_setup(test_clear, set_up),
		cmocka_unit_test_setup(
		    test_a_list_without_time_has_no_deadlines, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
