/* Seats that processes share, and the locks that they are made of. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/file_lock.h"
#include "store/files.h"
#include "store/seats.h"

#include "file_fixture.h"

static void
test_seats_are_taken_and_left(void **state)
{
	struct seats *a = seats_open(file_path, 3);
	struct seats *b = seats_open(file_path, 3);
	struct stat   status;

	(void)state;
	assert_int_equal(stat(file_path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_true(seats_take(a));
	assert_true(seats_take(b));
	assert_true(seats_take(b));
	assert_false(seats_take(a));
	assert_false(seats_take(b));
	assert_int_equal(seats_taken(a), 3);
	assert_int_equal(seats_taken(b), 3);
	seats_leave(a);
	assert_int_equal(seats_taken(b), 2);
	assert_true(seats_take(b));
	seats_close(b);
	assert_int_equal(seats_taken(a), 0);
	seats_close(a);
}

/* Two processes that have many each, and leave some. */
static void
test_all_of_many_are_found(void **state)
{
	struct seats *a = seats_open(file_path, 1000);
	struct seats *b = seats_open(file_path, 1000);

	(void)state;
	for (int i = 0; i < 500; i++) {
		assert_true(seats_take(a));
		assert_true(seats_take(b));
	}
	assert_false(seats_take(a));
	assert_false(seats_take(b));
	assert_int_equal(seats_taken(b), 1000);
	for (int i = 0; i < 100; i++)
		seats_leave(a);
	assert_int_equal(seats_taken(b), 900);
	for (int i = 0; i < 100; i++)
		assert_true(seats_take(b));
	assert_false(seats_take(b));
	assert_int_equal(seats_taken(a), 1000);
	seats_close(a);
	seats_close(b);
}

static void
test_their_number_changes(void **state)
{
	struct seats *a = seats_open(file_path, 1);
	struct seats *b = seats_open(file_path, 3);

	(void)state;
	assert_true(seats_take(a));
	assert_false(seats_take(a));
	seats_set_count(a, 3);
	assert_true(seats_take(a));
	assert_true(seats_take(a));
	assert_false(seats_take(b));
	/* Those beyond the number stay, and are the first to be left. */
	seats_set_count(a, 1);
	seats_set_count(b, 1);
	assert_int_equal(seats_taken(a), 3);
	assert_int_equal(seats_taken(b), 3);
	seats_leave(a);
	seats_leave(a);
	assert_false(seats_take(b));
	seats_leave(a);
	assert_true(seats_take(b));
	assert_false(seats_take(a));
	seats_close(b);
	seats_close(a);
}

static void
test_a_killed_process_leaves_its_seat(void **state)
{
	struct seats *seats;
	int           ready[2], status;
	char          byte;
	pid_t         pid;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		seats = seats_open(file_path, 1);
		byte = seats != NULL && seats_take(seats) ? 'y' : 'n';
		if (write(ready[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	seats = seats_open(file_path, 1);
	assert_false(seats_take(seats));
	assert_int_equal(seats_taken(seats), 1);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(seats_take(seats));
	seats_close(seats);
	close(ready[0]);
	close(ready[1]);
}

static void
test_what_is_no_file_of_ours(void **state)
{
	char link_path[80];

	(void)state;
	assert_null(seats_open(file_dir, 1));
	snprintf(link_path, sizeof(link_path), "%s/link", file_dir);
	assert_int_equal(symlink("seats", link_path), 0);
	assert_null(seats_open(link_path, 1));
	assert_int_equal(errno, ELOOP);
	unlink(link_path);
	assert_int_equal(chmod(file_path, 0666), 0);
	assert_null(seats_open(file_path, 1));
	assert_int_equal(errno, EPERM);
	assert_int_equal(chmod(file_path, 0600), 0);
}

static void
test_notes_are_shared_and_are_no_seats(void **state)
{
	struct seats *a = seats_open(file_path, 2);
	struct seats *b = seats_open(file_path, 2);
	char          notes[16] = "";

	(void)state;
	assert_true(seats_lock_notes(a, 0));
	assert_false(seats_lock_notes(b, 300));
	assert_true(seats_write_notes(a, 0, "who", 3));
	assert_true(seats_write_notes(a, 5, "when", 4));
	seats_unlock_notes(a);
	assert_true(seats_lock_notes(b, 300));
	assert_int_equal(seats_read_notes(b, 0, notes, sizeof(notes)), 9);
	assert_memory_equal(notes, "who\0\0when", 9);
	assert_int_equal(seats_taken(a), 0);
	assert_true(seats_take(a));
	assert_true(seats_take(a));
	assert_int_equal(seats_taken(b), 2);
	/* Whoever had them is gone, and they are free. */
	seats_close(b);
	assert_true(seats_lock_notes(a, 0));
	seats_close(a);
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
test_a_lock_is_waited_for_so_long(void **state)
{
	int     a = files_open_private(file_path, true);
	int     b = files_open_private(file_path, true);
	int64_t began_ms;
	off_t   end;

	(void)state;
	assert_int_equal(file_lock_take(a, 7, 1000), 0);
	assert_int_equal(file_lock_take(b, 8, 1000), 0);
	began_ms = now_ms();
	assert_int_equal(file_lock_take(b, 7, 60), -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_true(now_ms() - began_ms >= 60);
	assert_true(now_ms() - began_ms < 5000);
	assert_int_equal(file_lock_try(b, 7), -1);
	assert_int_equal(errno, EAGAIN);
	/* Who gave up has not taken it later. */
	file_lock_release(a, 7);
	assert_int_equal(file_lock_find(a, 0, 100, &end), 8);
	assert_int_equal(file_lock_find(a, 9, 100, &end), -1);
	assert_int_equal(file_lock_try(a, 7), 0);
	close(a);
	close(b);
}

/* Whoever has locked which byte, and in whatever order. */
static void
test_all_locks_are_found(void **state)
{
	static const int bytes[] = { 7, 2, 5, 3 };
	int              fds[4], fd = files_open_private(file_path, true);
	off_t            end;

	(void)state;
	for (int i = 0; i < 4; i++) {
		fds[i] = files_open_private(file_path, true);
		assert_int_equal(file_lock_try(fds[i], bytes[i]), 0);
	}
	assert_int_equal(file_lock_find(fd, 0, 100, &end), 2);
	assert_int_equal(file_lock_find(fd, 3, 100, &end), 3);
	assert_int_equal(file_lock_find(fd, 4, 100, &end), 5);
	assert_int_equal(file_lock_find(fd, 6, 100, &end), 7);
	assert_int_equal(file_lock_find(fd, 6, 7, &end), -1);
	assert_int_equal(file_lock_find(fd, 8, 100, &end), -1);
	/* Whose neighbours belong to the same one is found with these. */
	assert_int_equal(file_lock_try(fds[2], 6), 0);
	assert_int_equal(file_lock_find(fd, 4, 100, &end), 5);
	assert_int_equal(end, 7);
	assert_int_equal(file_lock_find(fd, 5, 6, &end), 5);
	assert_int_equal(end, 6);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	close(fd);
}

static void *
release_soon(void *arg)
{
	nanosleep(&(struct timespec){ .tv_nsec = 30000000 }, NULL);
	file_lock_release(*(int *)arg, 7);
	return NULL;
}

static void
test_a_lock_is_had_when_it_is_released(void **state)
{
	int       a = files_open_private(file_path, true);
	int       b = files_open_private(file_path, true);
	pthread_t thread;

	(void)state;
	assert_int_equal(file_lock_take(a, 7, 1000), 0);
	assert_int_equal(pthread_create(&thread, NULL, release_soon, &a), 0);
	assert_int_equal(file_lock_take(b, 7, 10000), 0);
	assert_int_equal(file_lock_try(a, 7), -1);
	pthread_join(thread, NULL);
	close(a);
	close(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seats_are_taken_and_left),
		cmocka_unit_test(test_all_of_many_are_found),
		cmocka_unit_test(test_their_number_changes),
		cmocka_unit_test(test_a_killed_process_leaves_its_seat),
		cmocka_unit_test(test_what_is_no_file_of_ours),
		cmocka_unit_test(test_notes_are_shared_and_are_no_seats),
		cmocka_unit_test(test_a_lock_is_waited_for_so_long),
		cmocka_unit_test(test_all_locks_are_found),
		cmocka_unit_test(test_a_lock_is_had_when_it_is_released),
	};

	return cmocka_run_group_tests(tests, file_set_up, file_tear_down);
}
