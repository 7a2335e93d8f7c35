/*
 * Processes that share a store: who is heard, who is taken for dead, and that
 * the end of what a dead one had is announced once.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "hub/update.h"
#include "lease_fixture.h"
#include "presence/announcement.h"
#include "presence/lease_record.h"
#include "presence/subscriber.h"

static void
test_others_are_heard(void **state)
{
	struct process    *a = process_start(0), *b = process_start(1), *c;
	struct subscriber *one = process_join(a, "x");

	(void)state;
	process_join(b, "x");
	lease_settle();
	c = process_start(2);
	lease_settle();
	assert_int_equal(process_known(a, "x"), 1);
	assert_int_equal(process_known(b, "x"), 1);
	assert_int_equal(process_known(c, "x"), 2);
	presence_leave(one);
	lease_pass_ms(1000);
	assert_int_equal(process_known(a, "x"), 1);
	assert_int_equal(process_known(b, "x"), 0);
	assert_int_equal(process_known(c, "x"), 1);
	lease_assert_told("+x+x-x");
}

static void
test_a_dead_process_is_ended_once(void **state)
{
	struct process *a = process_start(0), *b = process_start(1),
		       *c = process_start(2);

	(void)state;
	process_join(b, "x");
	process_join_as(b, "192.0.2.2", "y");
	lease_settle();
	process_join(c, "x");
	lease_settle();
	lease_assert_told("+x+y+x");
	process_kill(b);
	/* Within its lease it may come back. */
	lease_pass_ms(LEASE_MS - 500);
	lease_assert_told("");
	assert_int_equal(process_known(a, "x"), 2);
	lease_pass_ms(2 * LEASE_MS);
	assert_int_equal(process_known(a, "x"), 1);
	assert_int_equal(process_known(a, "y"), 0);
	assert_int_equal(process_known(c, "x"), 0);
	assert_int_equal(strlen(lease_told()), 4);
	assert_non_null(strstr(lease_told(), "-x"));
	assert_non_null(strstr(lease_told(), "-y"));
	assert_int_equal(a->lease.roster.entry_count, 1);
	assert_int_equal(c->lease.roster.entry_count, 0);
	lease_forget_told();
	lease_pass_ms(4 * LEASE_MS);
	lease_assert_told("");
}

/* Whoever is there is not ended, however long nothing happens. */
static void
test_the_living_stay(void **state)
{
	struct process *a = process_start(0), *b = process_start(1);

	(void)state;
	process_join(a, "x");
	lease_settle();
	process_join(b, "y");
	lease_pass_ms(20 * LEASE_MS);
	assert_int_equal(process_known(a, "y"), 1);
	assert_int_equal(process_known(b, "x"), 1);
	lease_assert_told("+x+y");
	/* Three times a lease each, and a few more at the start. */
	assert_true(lease_record_count <= (size_t)2 * (3 * 20 + 4));
}

/* Where nobody subscribes nothing is written. */
static void
test_silence(void **state)
{
	struct process    *a = process_start(0);
	struct subscriber *one;

	(void)state;
	process_start(1);
	lease_settle();
	assert_int_equal(lease_record_count, 2);
	lease_pass_ms(20 * LEASE_MS);
	assert_int_equal(lease_record_count, 2);
	assert_int_equal(lease_next_ms(&a->lease), INT64_MAX);
	one = process_join(a, "x");
	lease_pass_ms(1000);
	presence_leave(one);
	lease_pass_ms(2 * LEASE_MS);
	lease_record_count = 0;
	lease_pass_ms(20 * LEASE_MS);
	assert_int_equal(lease_record_count, 0);
}

/* If the heir dies before it has told all, the next one goes on. */
static void
test_an_heir_dies(void **state)
{
	struct process *a = process_start(0), *b = process_start(1),
		       *c = process_start(2);
	struct lease_record record = { .lease_ms = LEASE_MS };
	struct buf          event = { 0 };
	const char         *topics[] = { LEASE_TOPIC };
	struct update       update = {
		      .topics = topics,
		      .topic_count = 1,
		      .is_private = true,
	};

	(void)state;
	process_join(b, "x");
	process_join_as(b, "192.0.2.2", "y");
	lease_pass_ms(1000);
	lease_forget_told();
	/* As if c had found it dead, and had died itself at once. */
	record.process = c->presence.process;
	record.ended.numbers[record.ended.count++] = b->presence.process;
	process_kill(b);
	process_kill(c);
	lease_record_append(&record, &event);
	update.bytes = event.data;
	update.len_bytes = event.len_bytes;
	lease_hear(&a->lease, &update);
	buf_deinit(&event);
	assert_int_equal(process_known(a, "x"), 0);
	assert_int_equal(a->lease.roster.ending_count, 2);
	lease_pass_ms(4 * LEASE_MS);
	assert_int_equal(a->lease.roster.entry_count, 0);
	assert_int_equal(strlen(lease_told()), 4);
	assert_non_null(strstr(lease_told(), "-x"));
	assert_non_null(strstr(lease_told(), "-y"));
}

/* While the store does not hand over anything nobody is found dead. */
static void
test_the_store_stands_still(void **state)
{
	struct process *a = process_start(0), *b = process_start(1);

	(void)state;
	process_join(b, "x");
	lease_settle();
	process_set_deaf(a, true);
	lease_settle();
	lease_forget_told();
	lease_pass_ms(10 * LEASE_MS);
	assert_int_equal(process_known(a, "x"), 1);
	assert_false(list_is_empty(&a->lease.roster.heard));
	process_set_deaf(a, false);
	lease_settle();
	lease_pass_ms(4 * LEASE_MS);
	assert_int_equal(process_known(a, "x"), 1);
	lease_assert_told("");
}

/* It stood still for long: the others have ended it, and then it is there. */
static void
test_a_process_comes_back(void **state)
{
	struct process *a = process_start(0), *b = process_start(1),
		       *c = process_start(2);

	(void)state;
	process_join(b, "x");
	lease_settle();
	process_join(c, "y");
	lease_settle();
	process_set_deaf(b, true);
	b->is_stopped = true;
	lease_pass_ms(4 * LEASE_MS);
	assert_int_equal(process_known(a, "x"), 0);
	lease_assert_told("+x+y-x");
	b->is_stopped = false;
	process_set_deaf(b, false);
	lease_settle();
	lease_pass_ms(2 * LEASE_MS);
	lease_assert_told("+x");
	assert_int_equal(process_known(a, "x"), 1);
	assert_int_equal(process_known(b, "y"), 1);
	assert_int_equal(process_known(c, "x"), 1);
	lease_pass_ms(4 * LEASE_MS);
	lease_assert_told("");
}

static size_t
count_of(char wanted)
{
	size_t count = 0;

	for (const char *at = lease_told(); *at != '\0'; at++)
		count += *at == wanted;
	return count;
}

/* An heir that stood still in the midst of it goes on beside the next one. */
static void
test_an_heir_comes_back(void **state)
{
	struct process *a = process_start(0), *b = process_start(1),
		       *c = process_start(2);

	(void)state;
	for (size_t i = 0; i < 40; i++)
		process_join(b, "x");
	lease_pass_ms(2000);
	assert_int_equal(process_known(c, "x"), 40);
	lease_forget_told();
	process_kill(b);
	a->is_stopped = true;
	c->lease.heir.next_ms = INT64_MAX;
	lease_pass_ms(3 * LEASE_MS);
	assert_int_equal(c->lease.roster.ending_count, 40);
	c->lease.heir.next_ms = 0;
	heir_run(&c->lease.heir);
	c->is_stopped = true;
	process_set_deaf(c, true);
	a->is_stopped = false;
	lease_pass_ms(4 * LEASE_MS);
	assert_int_equal(count_of('-'), 40);
	assert_int_equal(a->lease.roster.entry_count, 0);
	assert_true(c->lease.roster.ending_count > 0);
	c->is_stopped = false;
	lease_pass_ms(1000);
	assert_int_equal(c->lease.roster.ending_count, 0);
	process_set_deaf(c, false);
	lease_pass_ms(4 * LEASE_MS);
	assert_int_equal(strlen(lease_told()), (size_t)2 * 40);
}

/* The time of all goes on by an hour. */
static void
test_time_jumps(void **state)
{
	struct process *a = process_start(0), *b = process_start(1);

	(void)state;
	process_join(a, "x");
	lease_settle();
	process_join(b, "y");
	lease_settle();
	lease_hand_us += INT64_C(3600000000);
	lease_settle();
	lease_pass_ms(4 * LEASE_MS);
	assert_int_equal(process_known(a, "y"), 1);
	assert_int_equal(process_known(b, "x"), 1);
	lease_assert_told("+x+y");
}

/* The log has not kept what was announced: a few, or many. */
static void
test_what_was_missed_is_asked_for(void **state)
{
	static const size_t counts[] = { 1, 16, 17, 2500 };
	struct process     *a = process_start(0), *b = process_start(1);
	static char         address[2500][20];
	size_t              count = 0;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		for (; count < counts[i]; count++) {
			sprintf(address[count], "10.0.%zu.%zu", count / 256,
			    count % 256);
			process_join_as(b, address[count], "x");
		}
		lease_pass_ms(2000);
		assert_int_equal(process_known(a, "x"), count);
		lease_pass_ms(2 * LEASE_MS);
		process_forget(a);
		lease_pass_ms(2 * LEASE_MS);
		assert_int_equal(process_known(a, "x"), count);
	}
	/* What it has heard too much is forgotten, too. */
	roster_add(&a->lease.roster,
	    list_entry(a->lease.roster.heard.next, struct roster_process,
		heard_node),
	    &(struct roster_fact){
		.id = subscriber_id_make(b->presence.process),
		.shape = ANNOUNCEMENT_07,
		.selector = "z",
	    });
	assert_int_equal(process_known(a, "z"), 1);
	lease_pass_ms(2 * LEASE_MS);
	assert_int_equal(process_known(a, "z"), 0);
	assert_int_equal(process_known(a, "x"), count);
	/* While all is known no process asks again. */
	lease_list_count = 0;
	lease_pass_ms(4 * LEASE_MS);
	assert_int_equal(lease_list_count, 0);
	lease_forget_told();
}
/* What one subscriber has may be more than one record may be. */
static void
test_one_subscriber_has_very_much(void **state)
{
	static char              topics[256][SELECTOR_BYTES_MAX + 1];
	struct presence_selector selectors[256];
	struct process          *a = process_start(1), *b = process_start(2);

	(void)state;
	for (size_t i = 0; i < 256; i++) {
		memset(topics[i], 'x', SELECTOR_BYTES_MAX);
		topics[i][snprintf(topics[i], 8, "%zu", i)] = '-';
		selectors[i] = (struct presence_selector){ SELECTOR_TOPIC,
			topics[i], 0 };
	}
	presence_join(&a->presence, "192.0.2.2", selectors, 256, NULL);
	process_join_as(a, "192.0.2.3", "last");
	lease_pass_ms(2000);
	process_forget(b);
	lease_pass_ms(3 * LEASE_MS);
	assert_int_equal(b->lease.roster.entry_count, 257);
	/* It does not ask again. */
	lease_asking_count = 0;
	lease_pass_ms(3 * LEASE_MS);
	assert_int_equal(lease_asking_count, 0);
}

/* Also where no answer comes, since the other one reads nothing. */
static void
test_a_process_asks_once_in_a_lease(void **state)
{
	struct process *a = process_start(0), *b = process_start(1);
	static char     address[17][20];

	(void)state;
	for (size_t i = 0; i < 17; i++) {
		sprintf(address[i], "10.0.0.%zu", i);
		process_join_as(b, address[i], "x");
	}
	lease_pass_ms(2 * LEASE_MS);
	process_set_deaf(b, true);
	process_forget(a);
	lease_asking_count = 0;
	lease_pass_ms(4 * LEASE_MS);
	assert_in_range(lease_asking_count, 3, 5);
	process_set_deaf(b, false);
	lease_pass_ms(2 * LEASE_MS);
	assert_int_equal(process_known(a, "x"), 17);
	lease_forget_told();
}

/* A process that ends by itself is not waited for. */
static void
test_an_orderly_end(void **state)
{
	struct process    *a = process_start(0), *b = process_start(1);
	struct subscriber *one = process_join(b, "x");

	(void)state;
	process_join_as(b, "192.0.2.2", "y");
	lease_settle();
	lease_forget_told();
	/* One is told, and for the other there was no time. */
	presence_leave(one);
	lease_pass_ms(1000);
	lease_assert_told("-x");
	assert_false(lease_close(&b->lease));
	store_wait(lease_close(&b->lease));
	process_kill(b);
	process_join(a, "z");
	lease_pass_ms(LEASE_MS);
	lease_assert_told("+z-y");
	assert_int_equal(a->lease.roster.process_count, 1);
}

/* A process that serves one stream at a time is heard as well. */
static void
test_a_lean_process(void **state)
{
	struct process *a = process_start(0), *b = process_start(1);

	(void)state;
	b->lease.is_lean = true;
	process_join(b, "x");
	lease_pass_ms(4 * LEASE_MS);
	process_forget(a);
	lease_pass_ms(LEASE_MS);
	assert_int_equal(process_known(a, "x"), 1);
	assert_int_equal(b->lease.roster.process_count, 1);
	lease_forget_told();
	process_kill(b);
	lease_pass_ms(4 * LEASE_MS);
	lease_assert_told("-x");
}

/* Nobody was left who could tell: whoever begins later finds them dead. */
static void
test_all_were_killed(void **state)
{
	struct process *a = process_start(1), *b = process_start(2), *c;

	(void)state;
	process_join(a, "x");
	lease_settle();
	process_join(b, "y");
	lease_pass_ms(1000);
	process_kill(a);
	process_kill(b);
	c = process_start(0);
	process_start(3);
	lease_settle();
	lease_assert_told("+x+y");
	assert_int_equal(process_known(c, "x"), 1);
	lease_pass_ms(3 * LEASE_MS);
	assert_int_equal(process_known(c, "x"), 0);
	assert_int_equal(strlen(lease_told()), 4);
	assert_non_null(strstr(lease_told(), "-x"));
	assert_non_null(strstr(lease_told(), "-y"));
	assert_int_equal(c->lease.roster.entry_count, 0);
	/* And then there is nothing to do. */
	lease_record_count = 0;
	lease_pass_ms(4 * LEASE_MS);
	assert_int_equal(lease_record_count, 0);
}

/*
 * After a long time in which nobody ran, records that come all at once are no
 * reason to take those for dead who have not run yet.
 */
static void
test_many_records_at_once(void **state)
{
	struct process *a = process_start(0), *b = process_start(1);

	(void)state;
	process_join(b, "x");
	for (size_t i = 0; i < 20; i++)
		process_join(a, "y");
	lease_pass_ms(2 * LEASE_MS);
	lease_hand_us += INT64_C(3600000000);
	b->is_stopped = true;
	for (size_t i = 0; i < 6; i++) {
		a->lease.due_ms = 0;
		lease_settle();
	}
	assert_int_equal(process_known(a, "x"), 1);
	b->is_stopped = false;
	lease_pass_ms(2 * LEASE_MS);
	assert_int_equal(process_known(a, "x"), 1);
	assert_null(strstr(lease_told(), "-"));
}

/* Who knows all that the dead one had is its heir. */
static void
test_who_knows_more_is_the_heir(void **state)
{
	struct process *a = process_start(0), *b = process_start(1),
		       *c = process_start(2);

	(void)state;
	for (size_t i = 0; i < 17; i++)
		process_join(b, "x");
	lease_pass_ms(2000);
	/* It has just spoken, and does not ask before b is dead. */
	a->lease.due_ms = 0;
	lease_settle();
	process_forget(a);
	process_join_as(b, "192.0.2.2", "x");
	lease_settle();
	b->lease.due_ms = 0;
	lease_settle();
	assert_int_equal(process_known(a, "x"), 1);
	assert_true(a->lease.has_wrong);
	process_kill(b);
	/* It speaks before the other one, when the lease has just ended. */
	lease_pass_ms(500);
	a->lease.due_ms = 0;
	lease_pass_ms(500);
	c->lease.due_ms = 0;
	lease_pass_ms(6 * LEASE_MS);
	assert_int_equal(count_of('-'), 18);
}

/* Both shapes of each subscription are ended. */
static void
test_the_end_in_both_shapes(void **state)
{
	struct process *a = process_start(0), *b = process_start(1);

	(void)state;
	b->presence.shapes = ANNOUNCEMENT_07 | ANNOUNCEMENT_08;
	for (size_t i = 0; i < 40; i++)
		process_join(b, "x");
	lease_pass_ms(2000);
	assert_int_equal(process_known(a, "x"), 40);
	assert_int_equal(count_of('+'), 80);
	process_kill(b);
	lease_pass_ms(4 * LEASE_MS);
	assert_int_equal(count_of('-'), 80);
	assert_int_equal(a->lease.roster.entry_count, 0);
}

static void
test_the_option_changes(void **state)
{
	struct process *a = process_start(0), *b = process_start(1);

	(void)state;
	process_join(b, "x");
	lease_settle();
	a->presence.shapes = 0;
	lease_pass_ms(1000);
	assert_int_equal(process_known(a, "x"), 0);
	assert_int_equal(a->lease.roster.process_count, 1);
	a->presence.shapes = ANNOUNCEMENT_07;
	lease_pass_ms(2000);
	assert_int_equal(process_known(a, "x"), 1);
	lease_assert_told("+x");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, lease_set_up, lease_tear_down)
		TEST(test_others_are_heard),
		TEST(test_a_dead_process_is_ended_once),
		TEST(test_the_living_stay),
		TEST(test_silence),
		TEST(test_an_heir_dies),
		TEST(test_the_store_stands_still),
		TEST(test_a_process_comes_back),
		TEST(test_an_heir_comes_back),
		TEST(test_time_jumps),
		TEST(test_what_was_missed_is_asked_for),
		TEST(test_a_process_asks_once_in_a_lease),
		TEST(test_one_subscriber_has_very_much),
		TEST(test_an_orderly_end),
		TEST(test_a_lean_process),
		TEST(test_all_were_killed),
		TEST(test_many_records_at_once),
		TEST(test_who_knows_more_is_the_heir),
		TEST(test_the_end_in_both_shapes),
		TEST(test_the_option_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
