/* What a process says at most, keeps at most, and how it waits. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "lease_fixture.h"
#include "presence/announcement.h"
#include "presence/heir.h"
#include "presence/lease_record.h"

/* Whoever has no room for what another has does not ask for it all the time. */
static void
test_no_room(void **state)
{
	struct process    *a = process_start(0), *b = process_start(1);
	struct roster     *roster = &a->lease.roster;
	struct roster_fact fact = {
		.shape = ANNOUNCEMENT_07,
		.selector = "much",
	};
	struct roster_process *forged = roster_get(roster, 1);
	size_t                 count;

	(void)state;
	/* Its lease is long. */
	forged->lease_ms = LEASE_MS_MAX;
	for (count = 0; count < roster_limits.entry_count_max; count++) {
		fact.id.high = count;
		roster_add(roster, forged, &fact);
	}
	for (count = 0; count < 20; count++)
		process_join(b, "x");
	lease_pass_ms(2000);
	assert_int_equal(process_known(a, "x"), 0);
	assert_true(roster->unheard_count >= 20);
	lease_list_count = lease_record_count = 0;
	lease_pass_ms(10 * LEASE_MS);
	assert_int_equal(lease_list_count, 0);
	assert_true(lease_record_count <= (size_t)2 * (3 * 10 + 1));
	/* When there is, it learns of it. */
	roster_forget(roster, forged);
	lease_pass_ms(2 * LEASE_MS);
	assert_int_equal(process_known(a, "x"), 20);
}

/* Who asks again in a lease has the whole list by then, or is told later. */
static void
test_a_list_is_told_once_in_a_lease(void **state)
{
	struct process *a = process_start(1), *b = process_start(0);
	static char     address[17][20];

	(void)state;
	for (size_t i = 0; i < 17; i++) {
		sprintf(address[i], "10.0.0.%zu", i);
		process_join_as(a, address[i], "x");
	}
	lease_pass_ms(2 * LEASE_MS);
	lease_asking_count = lease_list_count = 0;
	process_forget(b);
	for (int i = 0; i < 20 && lease_list_count == 0; i++)
		lease_pass_ms(500);
	assert_int_equal(lease_list_count, 1);
	process_forget(b);
	for (int i = 0; i < 4 && lease_asking_count < 2; i++)
		lease_pass_ms(500);
	assert_int_equal(lease_asking_count, 2);
	lease_pass_ms(1000);
	assert_int_equal(lease_list_count, 1);
	lease_pass_ms(3 * LEASE_MS);
	assert_int_equal(process_known(b, "x"), 17);
	lease_forget_told();
}

/* More at once than one record names. */
static void
test_many_die_at_once(void **state)
{
	struct process        *a = process_start(0);
	struct roster         *roster = &a->lease.roster;
	struct roster_process *forged;
	struct roster_fact     fact = {
		    .shape = ANNOUNCEMENT_07,
		    .selector = "x",
	};

	(void)state;
	for (uint64_t i = 1; i <= 40; i++) {
		forged = roster_get(roster, i);
		forged->lease_ms = LEASE_MS;
		forged->heard_ms = lease_hand_us / 1000;
		fact.id.high = i;
		assert_true(roster_add(roster, forged, &fact));
	}
	lease_pass_ms(12 * LEASE_MS);
	assert_int_equal(roster->process_count, 1);
	assert_int_equal(roster->entry_count, 0);
	lease_forget_told();
}

/* What the store does not take is tried again after a time. */
static void
test_an_heir_waits_for_the_store(void **state)
{
	struct process *a = process_start(0), *b = process_start(1);
	uint64_t        number = b->presence.process;
	FILE           *stream;

	(void)state;
	process_join(b, "x");
	lease_settle();
	process_kill(b);
	store_remove_file("");
	stream = fopen(store_file(""), "w");
	for (int i = 0; i < 100; i++)
		fputs("this is somebody's letter\n", stream);
	fclose(stream);
	roster_adopt(&a->lease.roster, a->lease.own,
	    roster_find(&a->lease.roster, number));
	heir_run(&a->lease.heir);
	assert_int_equal(a->lease.heir.flying_count, 1);
	store_wait(a->lease.heir.flying_count == 0);
	assert_true(heir_next_ms(&a->lease.heir) >=
	    lease_hand_us / 1000 + 1000);
	/* Nor does the process fall silent itself. */
	a->lease.due_ms = 0;
	lease_run(&a->lease);
	assert_true(a->lease.is_flying);
	store_wait(!a->lease.is_flying);
	assert_int_equal(a->lease.due_ms,
	    lease_hand_us / 1000 + lease_period_ms(&a->lease));
	store_remove_file("");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, lease_set_up, lease_tear_down)
		TEST(test_no_room),
		TEST(test_a_list_is_told_once_in_a_lease),
		TEST(test_many_die_at_once),
		TEST(test_an_heir_waits_for_the_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
