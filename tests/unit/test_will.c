/* What a process with one stream leaves to others, and what they make of it. */

#include "lease_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "presence/announcement.h"
#include "presence/lease_record.h"
#include "presence/subscriber.h"
#include "presence/will.h"
#include "store/wills.h"

static char folder[96];

static int
set_up(void **state)
{
	if (lease_set_up(state) != 0)
		return -1;
	snprintf(folder, sizeof(folder), "%s/wills", store_dir);
	return 0;
}

/* The folder is empty when all is well. */
static int
tear_down(void **state)
{
	int removed = access(folder, F_OK) == 0 ? rmdir(folder) : 0;

	return lease_tear_down(state) == 0 && removed == 0 ? 0 : -1;
}

/* One as by CGI. */
static struct process *
start_lean(size_t number)
{
	struct process *process = process_start(number);

	process->lease.is_lean = true;
	/* Such a process reads nothing of what others had. */
	process_forget(process);
	process->lease.is_hello_due = false;
	process->presence.wills = wills_new(folder, process->presence.process);
	process->lease.heir.wills = process->presence.wills;
	return process;
}

static void
kill_lean(struct process *process)
{
	struct wills *wills = process->presence.wills;

	process_kill(process);
	wills_free(wills);
}

static void
test_a_killed_one_is_found_at_once(void **state)
{
	struct process *witness = process_start(0);
	struct process *a = start_lean(1), *b = start_lean(2);

	(void)state;
	witness->presence.shapes = 0;
	process_join(a, "z");
	lease_settle();
	b->presence.shapes = ANNOUNCEMENT_07 | ANNOUNCEMENT_08;
	process_join(b, "x");
	lease_pass_ms(1000);
	lease_assert_told("+z+x+x");
	kill_lean(b);
	/* Not after a lease, but when it speaks next. */
	lease_pass_ms(LEASE_MS / 3);
	lease_assert_told("-x-x");
	lease_pass_ms(4 * LEASE_MS);
	lease_assert_told("");
	kill_lean(a);
	/* Who comes next, whenever that is. */
	lease_hand_us += INT64_C(86400000000) * 30;
	a = start_lean(3);
	lease_pass_ms(1000);
	lease_assert_told("");
	process_join(a, "w");
	lease_settle();
	lease_pass_ms(1000);
	lease_assert_told("+w-z");
	presence_leave(list_entry(a->presence.there.next, struct subscriber,
	    entry.node));
	lease_pass_ms(1000);
	lease_assert_told("-w");
	kill_lean(a);
}

/* One that has left before is not told again. */
static void
test_what_was_taken_back_is_not_in_it(void **state)
{
	struct process    *a = start_lean(0), *b = start_lean(1);
	struct subscriber *one = process_join(b, "x");

	(void)state;
	lease_settle();
	process_join_as(b, "192.0.2.2", "y");
	lease_pass_ms(1000);
	presence_leave(one);
	lease_pass_ms(1000);
	lease_assert_told("+x+y-x");
	kill_lean(b);
	one = process_join(a, "z");
	lease_pass_ms(1000);
	lease_assert_told("+z-y");
	presence_leave(one);
	lease_pass_ms(1000);
	lease_assert_told("-z");
	kill_lean(a);
}

/* It hears nobody: when it stood still for a lease it begins anew. */
static void
test_who_stood_still_begins_anew(void **state)
{
	struct process      *a = process_start(0), *b = start_lean(1);
	struct subscriber   *one = process_join(b, "x");
	struct subscriber_id id = one->number;

	(void)state;
	lease_pass_ms(10 * LEASE_MS);
	lease_assert_told("+x");
	b->is_stopped = true;
	lease_pass_ms(LEASE_MS / 2);
	b->is_stopped = false;
	lease_pass_ms(4 * LEASE_MS);
	lease_assert_told("");
	/* Whether or not another one has ended it, that is told once. */
	b->is_stopped = true;
	lease_pass_ms(4 * LEASE_MS);
	lease_assert_told("-x");
	b->is_stopped = false;
	lease_pass_ms(4 * LEASE_MS);
	lease_assert_told("+x");
	assert_true(id.high != one->number.high);
	assert_int_equal(process_known(a, "x"), 1);
	a->is_stopped = b->is_stopped = true;
	lease_pass_ms(4 * LEASE_MS);
	b->is_stopped = false;
	lease_pass_ms(2000);
	lease_assert_told("-x+x");
	a->is_stopped = false;
	lease_pass_ms(4 * LEASE_MS);
	lease_assert_told("");
	assert_int_equal(process_known(a, "x"), 1);
	presence_leave(one);
	lease_pass_ms(1000);
	kill_lean(b);
}

/* Whoever has no room for it leaves it to others. */
static void
test_no_room(void **state)
{
	struct process        *a = start_lean(0), *b = start_lean(1);
	struct subscriber     *one;
	struct roster         *roster = &a->lease.roster;
	struct roster_process *full;
	struct roster_fact     fact = {
		    .shape = ANNOUNCEMENT_07,
		    .selector = "much",
	};

	(void)state;
	process_join(b, "x");
	lease_pass_ms(1000);
	kill_lean(b);
	full = roster_get(roster, 1);
	full->lease_ms = LEASE_MS_MAX;
	for (size_t i = 0; i < roster_limits.entry_count_max; i++) {
		fact.id.high = i;
		roster_add(roster, full, &fact);
	}
	one = process_join(a, "z");
	lease_pass_ms(2 * LEASE_MS);
	lease_assert_told("+x+z");
	roster_forget(roster, full);
	lease_pass_ms(LEASE_MS);
	lease_assert_told("-x");
	presence_leave(one);
	lease_pass_ms(1000);
	kill_lean(a);
}

/* Lines that no process writes. */
static void
test_what_is_damaged(void **state)
{
	struct process        *a = process_start(0);
	struct roster         *roster = &a->lease.roster;
	struct roster_process *dead = roster_get(roster, 0xabc);
	struct subscriber_id   ours = subscriber_id_make(0xabc);
	struct subscriber_id   others = subscriber_id_make(0xabd);
	char                   id[SUBSCRIBER_ID_BYTES], text[2000];
	char                   other_id[SUBSCRIBER_ID_BYTES];

	(void)state;
	subscriber_id_print(&ours, id);
	subscriber_id_print(&others, other_id);
	snprintf(text, sizeof(text),
	    "\n+\n-\n+[\n+[]\n-[]\n+{}\nxyz\n+[\"%s\"]\n+[\"%s\",1,false]\n"
	    "+[\"%s\",4,false,\"a\"]\n+[\"%s\",3,false,\"a\"]\n"
	    "+[\"%s\",1,false,\"a\"]\n-[\"%s\",1,false,\"c\"]\n"
	    "*[\"%s\",1,false,\"a\"]\n[\"%s\",1,false,\"a\"]\n"
	    "+[\"%s\",1,false,\"b\"]\n+[\"%s\",2,false,\"b\",\"{}\"]\n"
	    "+[\"%s\",1,false,\"a\"]",
	    id, id, id, id, other_id, id, id, id, id, id, id);
	assert_true(will_read(roster, dead, text));
	assert_int_equal(roster->entry_count, 1);
	assert_int_equal(process_known(a, "b"), 1);
	assert_int_equal(process_known(a, "a"), 0);
	roster_forget(roster, dead);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_a_killed_one_is_found_at_once),
		TEST(test_what_was_taken_back_is_not_in_it),
		TEST(test_who_stood_still_begins_anew),
		TEST(test_no_room),
		TEST(test_what_is_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
