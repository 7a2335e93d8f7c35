/* Turns among processes that share seats: who ends, and for whom. */

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
	rota_open(process->rota, process, i, now_ms);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
