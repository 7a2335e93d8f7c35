/* What is remembered of the subscriptions of other processes. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "presence/announcement.h"
#include "presence/roster.h"

#define BOTH (ANNOUNCEMENT_07 | ANNOUNCEMENT_08)

static struct roster          roster;
static struct roster_process *one, *other;

static int
set_up(void **state)
{
	(void)state;
	roster_init(&roster);
	one = roster_get(&roster, 1);
	other = roster_get(&roster, 2);
	return 0;
}

/* Nothing is left behind, nor counted. */
static int
tear_down(void **state)
{
	(void)state;
	roster_clear(&roster);
	assert_int_equal(roster.entry_count, 0);
	assert_int_equal(roster.ending_count, 0);
	assert_int_equal(roster.process_count, 0);
	assert_int_equal(roster.byte_count, 0);
	assert_null(roster.process_tree);
	assert_null(roster.selector_tree);
	assert_null(roster.entry_tree);
	return 0;
}

static struct roster_fact
fact(uint64_t process, uint64_t number, unsigned shape, const char *selector)
{
	return (struct roster_fact){
		.id = { .high = number, .low = process },
		.shape = shape,
		.selector = selector,
	};
}

static void
add(struct roster_process *process, uint64_t number, unsigned shape,
    const char *selector)
{
	const struct roster_fact added = fact(process->number, number, shape,
	    selector);

	assert_true(roster_add(&roster, process, &added));
}

static void
take_out(struct roster_process *process, uint64_t number, unsigned shape,
    const char *selector)
{
	const struct roster_fact gone = fact(process->number, number, shape,
	    selector);

	roster_remove(&roster, &gone);
}

static void
on_found(void *arg, const struct roster_entry *entry)
{
	char *text = arg;

	sprintf(text + strlen(text), "%s%llu", entry->selector->text,
	    (unsigned long long)entry->id.high);
}

static void
assert_found(const struct roster_wish *wish, const char *expected)
{
	char text[200] = "";

	roster_each(&roster, wish, on_found, text);
	assert_string_equal(text, expected);
}

static void
test_who_is_there(void **state)
{
	const struct subscriber_id id = { .high = 3, .low = 2 };

	(void)state;
	add(one, 1, ANNOUNCEMENT_07, "a");
	add(one, 2, BOTH, "b");
	add(other, 3, ANNOUNCEMENT_08, "a");
	add(other, 3, ANNOUNCEMENT_08, "a");
	assert_found(&(struct roster_wish){ BOTH, NULL, false, NULL },
	    "a1b2a3");
	assert_found(&(struct roster_wish){ ANNOUNCEMENT_07, NULL, false,
			 NULL },
	    "a1b2");
	assert_found(&(struct roster_wish){ BOTH, "a", false, NULL }, "a1a3");
	assert_found(&(struct roster_wish){ BOTH, "a", false, &id }, "a3");
	assert_found(&(struct roster_wish){ BOTH, "b", false, &id }, "");
	assert_found(&(struct roster_wish){ BOTH, "a", true, NULL }, "");
	assert_found(&(struct roster_wish){ BOTH, "c", false, NULL }, "");
	assert_int_equal(roster_count(&roster, "a", false, BOTH), 2);
	assert_int_equal(roster_count(&roster, "a", false, ANNOUNCEMENT_08), 1);
	take_out(one, 1, BOTH, "b");
	take_out(one, 1, BOTH, "a");
	take_out(one, 2, ANNOUNCEMENT_07, "b");
	assert_found(&(struct roster_wish){ BOTH, NULL, false, NULL }, "b2a3");
	assert_int_equal(one->entry_count, 1);
	assert_int_equal(roster_count(&roster, "b", false, ANNOUNCEMENT_07), 0);
}

/* The same whatever the way to it. */
static void
test_digest(void **state)
{
	uint64_t digest;

	(void)state;
	add(one, 1, BOTH, "a");
	digest = one->digest;
	assert_true(digest != 0);
	add(one, 2, ANNOUNCEMENT_07, "b");
	add(one, 2, ANNOUNCEMENT_08, "b");
	assert_true(one->digest != digest);
	take_out(one, 2, ANNOUNCEMENT_08, "b");
	take_out(one, 1, ANNOUNCEMENT_07, "a");
	take_out(one, 2, ANNOUNCEMENT_07, "b");
	assert_true(one->digest != digest);
	add(one, 1, ANNOUNCEMENT_07, "a");
	assert_true(one->digest == digest);
	take_out(one, 1, BOTH, "a");
	assert_true(one->digest == 0);
}

static void
test_doubt(void **state)
{
	(void)state;
	add(one, 1, BOTH, "a");
	add(one, 2, BOTH, "a");
	add(other, 3, BOTH, "a");
	roster_doubt(one);
	add(one, 2, ANNOUNCEMENT_07, "a");
	add(one, 4, ANNOUNCEMENT_07, "a");
	roster_drop_doubtful(&roster, one);
	assert_found(&(struct roster_wish){ BOTH, NULL, false, NULL },
	    "a2a4a3");
}

/* What a dead process had is not there any more, and is the heir's to end. */
static void
test_adoption(void **state)
{
	struct roster_process *third = roster_get(&roster, 3);
	uint64_t               digest;

	(void)state;
	add(one, 1, BOTH, "a");
	add(one, 2, BOTH, "b");
	add(other, 3, BOTH, "a");
	digest = other->digest;
	roster_adopt(&roster, other, one);
	assert_null(roster_find(&roster, 1));
	assert_found(&(struct roster_wish){ BOTH, NULL, false, NULL }, "a3");
	assert_int_equal(roster_count(&roster, "a", false, BOTH), 1);
	assert_int_equal(roster.ending_count, 2);
	assert_true(other->digest == digest);
	/* Nor does a second heir lose one. */
	roster_adopt(&roster, third, other);
	assert_found(&(struct roster_wish){ BOTH, NULL, false, NULL }, "");
	assert_int_equal(roster.ending_count, 3);
	roster_remove(&roster,
	    &(struct roster_fact){ { 2, 1 }, ANNOUNCEMENT_07, false, "b",
		NULL });
	assert_int_equal(roster.ending_count, 3);
	roster_remove(&roster,
	    &(struct roster_fact){ { 2, 1 }, ANNOUNCEMENT_08, false, "b",
		NULL });
	assert_int_equal(roster.ending_count, 2);
	/* The dead one was not dead. */
	one = roster_get(&roster, 1);
	add(one, 1, ANNOUNCEMENT_07, "a");
	assert_int_equal(roster.ending_count, 1);
	assert_found(&(struct roster_wish){ BOTH, NULL, false, NULL }, "a1");
}

/* Whoever tells of an entry learns that it is gone. */
static void
test_tellers(void **state)
{
	struct roster_entry *told, *also_told;

	(void)state;
	add(one, 1, BOTH, "a");
	add(one, 2, BOTH, "a");
	told = list_entry(one->entries.next, struct roster_entry, node);
	told->teller = &told;
	also_told = list_entry(one->entries.prev, struct roster_entry, node);
	also_told->teller = &also_told;
	take_out(one, 1, BOTH, "a");
	assert_null(told);
	roster_forget(&roster, one);
	assert_null(also_told);
}

/* Whoever can write to the store can have many, but not more than so many. */
static void
test_limits(void **state)
{
	static char        text[4001];
	struct roster_fact much = fact(1, 0, BOTH, text);
	size_t             count = 0;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	while (roster.unheard_count == 0) {
		much.id.high++;
		sprintf(text, "%zu", count++);
		text[strlen(text)] = 'x';
		roster_add(&roster, one, &much);
	}
	assert_false(roster_has_room(&roster));
	assert_true(count < 10000);
	assert_true(roster.byte_count <= roster_limits.byte_count_max);
	assert_int_equal(roster.entry_count, count - 1);
	/* What is there may change; and there is room again. */
	much.id.high = 1;
	memset(text, 'x', sizeof(text) - 1);
	text[0] = '0';
	assert_true(roster_add(&roster, one, &much));
	roster_remove(&roster, &much);
	much.payload = text;
	assert_false(roster_add(&roster, other, &much));
	much.payload = NULL;
	assert_true(roster_add(&roster, other, &much));
	roster_forget(&roster, one);
	while (roster_get(&roster, roster.process_count + 10) != NULL)
		;
	assert_true(roster.byte_count <= roster_limits.byte_count_max);
	assert_true(roster.process_count < 500000);
}

static void
test_limit_of_the_count(void **state)
{
	struct roster_fact many = fact(1, 0, BOTH, "a");

	(void)state;
	for (size_t i = 0; i < roster_limits.entry_count_max; i++) {
		many.id.high = i;
		assert_true(roster_add(&roster, one, &many));
	}
	many.id.high++;
	assert_false(roster_add(&roster, other, &many));
	assert_int_equal(roster.unheard_count, 1);
	assert_int_equal(roster_count(&roster, "a", false, BOTH),
	    roster_limits.entry_count_max);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_who_is_there),
		TEST(test_digest),
		TEST(test_doubt),
		TEST(test_adoption),
		TEST(test_tellers),
		TEST(test_limits),
		TEST(test_limit_of_the_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
