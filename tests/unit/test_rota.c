/*
 * Turns among processes that share seats, with one stream each or with several:
 * who ends, and for whom.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/seats.h"
#include "stream/rota.h"
#include "stream/rota_notes.h"

#include "file_fixture.h"

enum { OLD, YOUNG, NEW, OTHER, PROCESS_COUNT };

#define SEATS 2
#define STEP_MS 50
#define TURN_MS_MAX 3000
#define SILENT_MS_MAX 5000

static struct process {
	struct seats *seats;
	struct rota  *rota;
} processes[PROCESS_COUNT];

static char    streams[100]; /* of which only the address counts */
static size_t  stream_count;
static int64_t now_ms;

static int
set_up(void **state)
{
	const struct places_limits limits = {
		.count = SEATS,
		.turn_ms_min = 100,
		.turn_ms_max = TURN_MS_MAX,
	};

	if (file_set_up(state) != 0)
		return -1;
	now_ms = 1000000;
	stream_count = 0;
	for (uint64_t i = 0; i < PROCESS_COUNT; i++) {
		processes[i].seats = seats_open(file_path, SEATS);
		processes[i].rota = rota_new(processes[i].seats, 100 - i, 0);
		rota_set_limits(processes[i].rota, &limits);
	}
	return 0;
}

static int
tear_down(void **state)
{
	for (size_t i = 0; i < PROCESS_COUNT; i++) {
		rota_free(processes[i].rota);
		seats_close(processes[i].seats);
	}
	return file_tear_down(state);
}

static bool
take(void *arg)
{
	return seats_take(arg);
}

/* Whether a client of that number has a stream of the process. */
static bool
enter(size_t i, long *return_ms)
{
	struct process *process = &processes[i];

	if (!rota_admit(process->rota, i, now_ms, take, process->seats,
		return_ms))
		return false;
	rota_open(process->rota, &streams[stream_count++], i, now_ms);
	return true;
}

static bool
look(size_t i)
{
	long return_ms = -1;

	if (!rota_look(processes[i].rota, now_ms, &return_ms))
		return false;
	assert_true(return_ms > 0);
	seats_leave(processes[i].seats);
	return true;
}

static void
fill_seats(void)
{
	long return_ms = -1;

	assert_true(enter(OLD, &return_ms));
	now_ms += STEP_MS;
	assert_true(enter(YOUNG, &return_ms));
	now_ms += STEP_MS;
}

static void
test_the_oldest_stream_ends_for_who_is_due(void **state)
{
	long    return_ms = -1;
	int64_t due_ms;
	bool    old_has_ended = false;

	(void)state;
	fill_seats();
	now_ms += TURN_MS_MAX; /* both have had their turn */
	assert_false(look(YOUNG));
	assert_false(look(OLD));
	assert_false(enter(NEW, &return_ms));
	assert_in_range(return_ms, 1, TURN_MS_MAX);
	due_ms = now_ms + return_ms;
	for (; now_ms < due_ms; now_ms += STEP_MS) {
		/* The younger one looks first, and leaves it to the older. */
		assert_false(look(YOUNG));
		old_has_ended = look(OLD) || old_has_ended;
	}
	assert_true(old_has_ended);
	assert_int_equal(seats_taken(processes[NEW].seats), 1);
	assert_true(enter(NEW, &return_ms));
}

static void
test_nobody_ends_while_nobody_waits(void **state)
{
	int64_t end_ms;

	(void)state;
	fill_seats();
	for (end_ms = now_ms + 3 * TURN_MS_MAX; now_ms < end_ms;
	     now_ms += STEP_MS) {
		assert_false(look(OLD));
		assert_false(look(YOUNG));
	}
}

static void
test_a_killed_process_is_not_waited_for(void **state)
{
	int64_t end_ms;
	long    return_ms = -1;
	bool    has_ended = false;

	(void)state;
	fill_seats();
	/* The kernel frees the seat; the notes tell of its stream. */
	seats_leave(processes[OLD].seats);
	assert_true(enter(NEW, &return_ms));
	for (end_ms = now_ms + SILENT_MS_MAX; now_ms <= end_ms;
	     now_ms += STEP_MS) {
		assert_false(look(YOUNG));
		assert_false(look(NEW));
	}
	assert_false(enter(OTHER, &return_ms));
	for (end_ms = now_ms + return_ms; now_ms < end_ms; now_ms += STEP_MS) {
		assert_false(look(NEW));
		has_ended = look(YOUNG) || has_ended;
	}
	assert_true(has_ended);
	assert_true(enter(OTHER, &return_ms));
}

/* Whether a client of that number gets a free seat, or the oldest's. */
static bool
replace(size_t i, uint64_t client, long *return_ms)
{
	struct process *process = &processes[i];
	unsigned        taken = seats_taken(process->seats);

	if (!rota_admit(process->rota, client, now_ms, take, process->seats,
		return_ms))
		return false;
	if (seats_taken(process->seats) == taken)
		assert_true(rota_send_away(process->rota, now_ms) > 0);
	rota_open(process->rota, &streams[stream_count++], client, now_ms);
	return true;
}

static void
test_a_process_ends_its_own_stream_at_once(void **state)
{
	long return_ms = -1;

	(void)state;
	assert_true(replace(OLD, 1, &return_ms));
	now_ms += STEP_MS;
	assert_true(replace(OLD, 2, &return_ms));
	now_ms += STEP_MS;
	/* Neither has had its turn. */
	assert_false(replace(OLD, 3, &return_ms));
	assert_in_range(return_ms, 1, TURN_MS_MAX);
	now_ms += TURN_MS_MAX;
	assert_true(replace(OLD, 3, &return_ms));
	assert_int_equal(rota_count_client(processes[NEW].rota, 1, now_ms), 0);
	assert_int_equal(rota_count_client(processes[NEW].rota, 2, now_ms), 1);
	assert_int_equal(rota_count_client(processes[NEW].rota, 3, now_ms), 1);
	assert_int_equal(seats_taken(processes[NEW].seats), 2);
}

static void
test_alone_a_process_ends_no_stream_ahead(void **state)
{
	long    return_ms = -1;
	int64_t end_ms;

	(void)state;
	assert_true(replace(OLD, 1, &return_ms));
	assert_true(replace(OLD, 2, &return_ms));
	assert_false(replace(OLD, 3, &return_ms));
	/* Whoever waits comes to this process, or not at all. */
	for (end_ms = now_ms + 3 * TURN_MS_MAX; now_ms < end_ms;
	     now_ms += STEP_MS)
		assert_false(look(OLD));
	assert_true(replace(OLD, 3, &return_ms));
}

/* A process with all streams, and one to which the clients come. */
static void
test_streams_end_for_who_comes_to_another_process(void **state)
{
	long    return_ms = -1;
	int64_t due_ms;
	int     end_count = 0;

	(void)state;
	assert_true(replace(OLD, 1, &return_ms));
	assert_true(replace(OLD, 2, &return_ms));
	now_ms += TURN_MS_MAX;
	assert_false(look(OLD));
	assert_false(replace(NEW, 3, &return_ms));
	due_ms = now_ms + return_ms;
	for (; now_ms < due_ms; now_ms += STEP_MS)
		end_count += look(OLD);
	assert_int_equal(end_count, 1);
	assert_true(replace(NEW, 3, &return_ms));
	assert_int_equal(rota_count_client(processes[NEW].rota, 1, now_ms), 0);
}

static void
test_fewer_seats_than_streams(void **state)
{
	const struct places_limits one = { 1, 100, TURN_MS_MAX };
	long                       return_ms = -1;

	(void)state;
	assert_true(replace(OLD, 1, &return_ms));
	now_ms += STEP_MS;
	assert_true(replace(OLD, 2, &return_ms));
	now_ms += TURN_MS_MAX;
	rota_set_limits(processes[OLD].rota, &one);
	seats_set_count(processes[OLD].seats, 1);
	/* Nobody waits; then somebody does, and does not take one over. */
	assert_false(look(OLD));
	assert_false(replace(OLD, 3, &return_ms));
	now_ms += STEP_MS;
	while (!look(OLD))
		now_ms += STEP_MS;
	assert_int_equal(rota_count_client(processes[OLD].rota, 1, now_ms), 0);
	assert_int_equal(seats_taken(processes[NEW].seats), 1);
	now_ms += TURN_MS_MAX;
	assert_true(replace(OLD, 3, &return_ms));
}

/* A stream of 1 ends by itself: its seat is free, and it is not counted. */
static void
test_a_stream_that_ended_is_forgotten(void **state)
{
	long return_ms = -1;

	(void)state;
	/* Both are of one client, and as old as each other. */
	assert_true(replace(OLD, 1, &return_ms));
	assert_true(replace(OLD, 1, &return_ms));
	rota_close(processes[OLD].rota, &streams[0], now_ms);
	assert_int_equal(rota_next_ms(processes[OLD].rota), now_ms);
	assert_false(rota_look(processes[OLD].rota, now_ms, &return_ms));
	assert_int_equal(rota_count_client(processes[NEW].rota, 1, now_ms), 1);
	rota_close(processes[OLD].rota, &streams[0], now_ms);
	rota_flush(processes[OLD].rota, now_ms);
	assert_int_equal(rota_count_client(processes[NEW].rota, 1, now_ms), 1);
	rota_close(processes[OLD].rota, &streams[1], now_ms);
	rota_flush(processes[OLD].rota, now_ms);
	assert_int_equal(rota_count_client(processes[NEW].rota, 1, now_ms), 0);
	assert_false(rota_look(processes[OLD].rota, now_ms, &return_ms));
	assert_true(rota_next_ms(processes[OLD].rota) == INT64_MAX);
}

/* As after damage: a stream that was opened before all time. */
static void
test_a_noted_time_that_cannot_be_is_ignored(void **state)
{
	const size_t      at = sizeof(struct rota_notes_head);
	struct seats     *seats = processes[OTHER].seats;
	struct rota_noted noted;
	long              return_ms = -1;

	(void)state;
	fill_seats();
	assert_false(enter(NEW, &return_ms));
	now_ms += return_ms;
	assert_int_equal(seats_read_notes(seats, at, &noted, sizeof(noted)),
	    sizeof(noted));
	noted.key = 1;
	noted.opened_ms = INT64_MIN;
	noted.looked_ms = now_ms;
	assert_true(seats_write_notes(seats, at, &noted, sizeof(noted)));
	assert_false(enter(NEW, &return_ms));
	assert_in_range(return_ms, 1, 2 * TURN_MS_MAX);
}

/* A process that is stopped, or was killed, counts for seconds. */
static void
test_who_is_silent_is_forgotten(void **state)
{
	(void)state;
	fill_seats();
	now_ms += SILENT_MS_MAX - 2 * STEP_MS;
	assert_int_equal(rota_count_client(processes[NEW].rota, OLD, now_ms),
	    1);
	now_ms += 2 * STEP_MS + 1;
	assert_int_equal(rota_count_client(processes[NEW].rota, OLD, now_ms),
	    0);
}

/* A file of another version of the program. */
static void
test_notes_of_another_kind(void **state)
{
	struct seats          *seats = processes[OTHER].seats;
	struct rota_notes_head head;

	(void)state;
	fill_seats();
	assert_int_equal(seats_read_notes(seats, 0, &head, sizeof(head)),
	    sizeof(head));
	assert_int_equal(head.stream_count, 2);
	head.magic++;
	assert_true(seats_write_notes(seats, 0, &head, sizeof(head)));
	assert_int_equal(rota_count_client(processes[NEW].rota, OLD, now_ms),
	    0);
}

/* No more than there is room for, neither read nor written. */
static void
test_more_notes_than_there_may_be(void **state)
{
	const size_t           at = sizeof(struct rota_notes_head);
	struct seats          *seats = processes[OTHER].seats;
	struct rota_notes_head head;
	struct rota_noted      noted = { 1, NEW, now_ms, now_ms };
	long                   return_ms = -1;

	(void)state;
	assert_true(enter(OLD, &return_ms));
	assert_int_equal(seats_read_notes(seats, 0, &head, sizeof(head)),
	    sizeof(head));
	head.stream_count = 1 << 16;
	assert_true(seats_write_notes(seats, 0, &head, sizeof(head)));
	assert_true(seats_write_notes(seats, at + (sizeof(noted) << 16), "",
	    1));
	assert_int_equal(rota_count_client(processes[YOUNG].rota, NEW, now_ms),
	    0);
	head.stream_count = ROTA_NOTES_STREAMS_MAX;
	assert_true(seats_write_notes(seats, 0, &head, sizeof(head)));
	for (size_t i = 0; i < ROTA_NOTES_STREAMS_MAX; i++)
		assert_true(seats_write_notes(seats, at + i * sizeof(noted),
		    &noted, sizeof(noted)));
	assert_int_equal(rota_count_client(processes[OLD].rota, NEW, now_ms),
	    ROTA_NOTES_STREAMS_MAX);
	assert_int_equal(seats_read_notes(seats, 0, &head, sizeof(head)),
	    sizeof(head));
	assert_int_equal(head.stream_count, ROTA_NOTES_STREAMS_MAX);
}

/* Who was there two minutes ago gets no client. */
static void
test_who_was_there_long_ago_is_not_counted_on(void **state)
{
	long    return_ms = -1;
	int64_t end_ms;

	(void)state;
	assert_int_equal(rota_count_client(processes[NEW].rota, 1, now_ms), 0);
	now_ms += 120001;
	assert_true(replace(OLD, 1, &return_ms));
	assert_true(replace(OLD, 2, &return_ms));
	assert_false(replace(OLD, 3, &return_ms));
	for (end_ms = now_ms + 3 * TURN_MS_MAX; now_ms < end_ms;
	     now_ms += STEP_MS)
		assert_false(look(OLD));
}

/* Another process was stopped while it had the notes. */
static void
test_who_keeps_the_notes_holds_up_nobody(void **state)
{
	long return_ms = -1;

	(void)state;
	fill_seats();
	assert_true(seats_lock_notes(processes[OTHER].seats, 0));
	assert_false(enter(NEW, &return_ms));
	assert_in_range(return_ms, 1, 2 * TURN_MS_MAX);
	assert_false(look(OLD));
	assert_int_equal(rota_count_client(processes[YOUNG].rota, OLD, now_ms),
	    1);
	seats_unlock_notes(processes[OTHER].seats);
	/* They are not tried again at once. */
	assert_int_equal(rota_count_client(processes[NEW].rota, OLD, now_ms),
	    0);
	now_ms += 100;
	assert_int_equal(rota_count_client(processes[NEW].rota, OLD, now_ms),
	    1);
	now_ms += TURN_MS_MAX;
	assert_false(enter(NEW, &return_ms));
	while (!look(OLD))
		now_ms += STEP_MS;
	assert_true(enter(NEW, &return_ms));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_the_oldest_stream_ends_for_who_is_due, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    test_nobody_ends_while_nobody_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_killed_process_is_not_waited_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_process_ends_its_own_stream_at_once, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    test_alone_a_process_ends_no_stream_ahead, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    test_streams_end_for_who_comes_to_another_process, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_fewer_seats_than_streams,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_stream_that_ended_is_forgotten, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_noted_time_that_cannot_be_is_ignored, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_who_is_silent_is_forgotten,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_notes_of_another_kind,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_more_notes_than_there_may_be, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_who_was_there_long_ago_is_not_counted_on, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    test_who_keeps_the_notes_holds_up_nobody, set_up,
		    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
