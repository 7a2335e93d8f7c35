/* What processes leave for others to say when they are killed. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <utime.h>
#include <unistd.h>

#include "store/wills.h"

#include "file_fixture.h"

#define NUMBER UINT64_C(0xabcdef012345)

static char folder[80];

static char *
path(const char *name)
{
	static char text[400];

	snprintf(text, sizeof(text), "%s/%s", folder, name);
	return text;
}

static int
set_up(void **state)
{
	if (file_set_up(state) != 0)
		return -1;
	snprintf(folder, sizeof(folder), "%s/wills", file_dir);
	return 0;
}

static int
tear_down(void **state)
{
	DIR           *dir = opendir(folder);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		unlink(path(entry->d_name));
		rmdir(path(entry->d_name));
	}
	if (dir != NULL)
		closedir(dir);
	rmdir(folder);
	unlink(folder);
	return file_tear_down(state);
}

static void
write_file(const char *name, const char *text, size_t len_bytes)
{
	FILE *file = fopen(path(name), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len_bytes, file), len_bytes);
	fclose(file);
	assert_int_equal(chmod(path(name), 0600), 0);
}

/* One that has written these, and is killed; before, it is not taken. */
static void
leave(uint64_t number, const char *line, const char *next)
{
	struct wills *wills, *other = wills_new(folder, 1);
	int           ready[2], status;
	char          byte;
	uint64_t      found;
	pid_t         pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		wills = wills_new(folder, number);
		byte = wills_add(wills, line) && wills_add(wills, next) ? 'y' :
									  'n';
		if (write(ready[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	assert_null(wills_take(other, &found));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	wills_free(other);
	close(ready[0]);
	close(ready[1]);
}

static void
test_a_killed_process_leaves_its_will(void **state)
{
	struct wills *a = wills_new(folder, 1), *b = wills_new(folder, 2);
	struct stat   status;
	uint64_t      number;

	(void)state;
	/* Before there is a folder, too. */
	assert_null(wills_take(a, &number));
	leave(NUMBER, "+one", "+two");
	assert_int_equal(stat(folder, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_int_equal(stat(path("abcdef012345"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_string_equal(wills_take(a, &number), "+one\n+two\n");
	assert_true(number == NUMBER);
	/* Only one has it, and no second one beside it. */
	assert_null(wills_take(a, &number));
	assert_null(wills_take(b, &number));
	/* It dies as well, or cannot: the next one goes on. */
	wills_free(a);
	assert_string_equal(wills_take(b, &number), "+one\n+two\n");
	wills_release(b, false);
	assert_string_equal(wills_take(b, &number), "+one\n+two\n");
	wills_release(b, true);
	assert_null(wills_take(b, &number));
	assert_int_equal(stat(path("abcdef012345"), &status), -1);
	wills_free(b);
}

static void
test_who_lives_has_nothing_left(void **state)
{
	struct wills *a = wills_new(folder, 1), *b = wills_new(folder, 2);
	uint64_t      number;

	(void)state;
	assert_true(wills_add(a, "+one"));
	assert_null(wills_take(b, &number));
	/* Nor does it execute its own. */
	assert_null(wills_take(a, &number));
	wills_clear(a);
	wills_clear(a);
	assert_true(wills_add(a, "+two"));
	wills_clear(a);
	wills_free(a);
	assert_null(wills_take(b, &number));
	/* What was not said when it ends is left. */
	a = wills_new(folder, 1);
	assert_true(wills_add(a, "+three"));
	wills_free(a);
	assert_string_equal(wills_take(b, &number), "+three\n");
	assert_true(number == 1);
	wills_free(b);
	wills_free(NULL);
}

static void
test_many(void **state)
{
	struct wills *a = wills_new(folder, 1);
	uint64_t      number, sum = 0;

	(void)state;
	for (uint64_t i = 2; i < 300; i++) {
		struct wills *dead = wills_new(folder, i);

		assert_true(wills_add(dead, "+x"));
		wills_free(dead);
	}
	while (wills_take(a, &number) != NULL) {
		sum += number;
		wills_release(a, true);
	}
	assert_int_equal(sum, (uint64_t)301 * 298 / 2);
	wills_free(a);
}

/* Whatever is in the folder: what is no will is let be. */
static void
test_what_is_no_will(void **state)
{
	struct wills  *a = wills_new(folder, 1);
	struct utimbuf old = { 0 };
	struct stat    status;
	uint64_t       number;

	(void)state;
	assert_int_equal(mkdir(folder, 0700), 0);
	write_file("0000000000ff0", "+x\n", 3);
	write_file("0000000000FF", "+x\n", 3);
	write_file("00000000000g", "+x\n", 3);
	write_file("000000000001", "+x\n", 3);
	assert_int_equal(mkdir(path("000000000002"), 0700), 0);
	assert_int_equal(mkfifo(path("000000000003"), 0600), 0);
	assert_int_equal(symlink("0000000000FF", path("000000000004")), 0);
	write_file("000000000005", "+x\n", 3);
	assert_int_equal(chmod(path("000000000005"), 0622), 0);
	/* Its process may be about to write to it, but not for a minute. */
	write_file("000000000006", "", 0);
	write_file("000000000007", "", 0);
	assert_int_equal(utime(path("000000000007"), &old), 0);
	assert_null(wills_take(a, &number));
	assert_int_equal(stat(path("000000000006"), &status), 0);
	assert_int_equal(stat(path("000000000007"), &status), -1);
	/* A line that was not written to its end is none. */
	write_file("000000000008", "+x\n+y", 5);
	assert_string_equal(wills_take(a, &number), "+x\n");
	assert_int_equal(number, 8);
	wills_release(a, true);
	write_file("000000000009", "+y\0\n+z\n", 7);
	assert_string_equal(wills_take(a, &number), "+y \n+z\n");
	wills_release(a, true);
	write_file("00000000000a", "+y", 2);
	assert_string_equal(wills_take(a, &number), "");
	wills_release(a, true);
	assert_null(wills_take(a, &number));
	wills_free(a);
}

static void
test_a_folder_that_is_not_ours(void **state)
{
	struct wills *a = wills_new(folder, 2);
	uint64_t      number;

	(void)state;
	assert_int_equal(mkdir(folder, 0700), 0);
	write_file("000000000001", "+x\n", 3);
	assert_int_equal(chmod(folder, 0777), 0);
	assert_null(wills_take(a, &number));
	assert_false(wills_add(a, "+x"));
	assert_int_equal(errno, EPERM);
	assert_int_equal(chmod(folder, 0700), 0);
	unlink(path("000000000001"));
	rmdir(folder);
	assert_int_equal(symlink(file_dir, folder), 0);
	assert_null(wills_take(a, &number));
	assert_false(wills_add(a, "+x"));
	assert_int_equal(errno, EPERM);
	wills_free(a);
}

static void
test_a_will_has_a_limit(void **state)
{
	struct wills *a = wills_new(folder, 1), *b = wills_new(folder, 2);
	char         *line = malloc(WILLS_BYTES_MAX / 2);
	uint64_t      number;

	(void)state;
	memset(line, 'x', WILLS_BYTES_MAX / 2);
	line[WILLS_BYTES_MAX / 2 - 1] = '\0';
	assert_true(wills_add(a, line));
	assert_true(wills_add(a, line));
	assert_false(wills_add(a, "x"));
	assert_int_equal(errno, EFBIG);
	wills_free(a);
	assert_int_equal(strlen(wills_take(b, &number)), WILLS_BYTES_MAX);
	wills_release(b, true);
	wills_free(b);
	free(line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_a_killed_process_leaves_its_will),
		TEST(test_who_lives_has_nothing_left),
		TEST(test_many),
		TEST(test_what_is_no_will),
		TEST(test_a_folder_that_is_not_ours),
		TEST(test_a_will_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
