#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "log_fixture.h"

/* The file holds one line, which is this behind its time. */
static void
assert_text_line(const char *expected)
{
	struct buf text = { 0 };

	log_flush();
	read_file(log_path, &text);
	assert_true(text.len_bytes > TIME_LEN);
	assert_is_time(text.data);
	assert_string_equal(text.data + TIME_LEN, expected);
	buf_deinit(&text);
	assert_int_equal(truncate(log_path, 0), 0);
}

/* Levels. */

static int
count_call(int *calls)
{
	return ++*calls;
}

static void
test_levels(void **state)
{
	int calls = 0;

	(void)state;
	log_init(log_path, LOG_FORMAT_TEXT, LOG_LEVEL_WARN);
	assert_true(log_is_on(LOG_LEVEL_ERROR));
	assert_true(log_is_on(LOG_LEVEL_WARN));
	assert_false(log_is_on(LOG_LEVEL_INFO));
	assert_false(log_is_on(LOG_LEVEL_DEBUG));
	log_info("e", LOG_INT("n", count_call(&calls)));
	log_debug("e", LOG_INT("n", count_call(&calls)));
	assert_int_equal(calls, 0);
	log_warn("e", LOG_INT("n", count_call(&calls)));
	assert_text_line(" warn e n=1\n");
	log_init(log_path, LOG_FORMAT_TEXT, LOG_LEVEL_DEBUG);
	log_debug("e", LOG_INT("n", 2));
	assert_text_line(" debug e n=2\n");
}

static void
test_errno_stays(void **state)
{
	(void)state;
	log_init("/dev/full", LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	errno = ERANGE;
	log_error("e", LOG_STR("v", "x"));
	assert_int_equal(errno, ERANGE);
}

/* When lines are written. */

static void
test_lines_wait_for_flush(void **state)
{
	(void)state;
	log_init(log_path, LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	log_info("e", LOG_INT("n", 1));
	assert_file(log_path, "");
	assert_text_line(" info e n=1\n");
	log_flush();
	assert_file(log_path, "");
}

static void
test_error_is_written_at_once(void **state)
{
	struct buf text = { 0 };

	(void)state;
	log_init(log_path, LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	log_info("first", LOG_INT("n", 1));
	log_error("second", LOG_INT("n", 2));
	read_file(log_path, &text);
	assert_non_null(strstr(text.data, " info first n=1\n"));
	assert_non_null(strstr(text.data, " error second n=2\n"));
	buf_deinit(&text);
}

static void
test_full_buffer_is_written(void **state)
{
	struct buf text = { 0 };

	(void)state;
	log_init(log_path, LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	for (int i = 0; i < 5000; i++)
		log_info("e", LOG_INT("n", i));
	read_file(log_path, &text);
	assert_true(text.len_bytes >= 65000);
	log_flush();
	read_file(log_path, &text);
	assert_int_equal(assert_numbered(text.data, 0), 5000);
	buf_deinit(&text);
}

static void
test_deinit_writes(void **state)
{
	(void)state;
	log_init(log_path, LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	log_info("e", LOG_INT("n", 1));
	log_deinit();
	assert_text_line(" info e n=1\n");
}

/* Where lines go. */

static void
test_stderr_is_the_default(void **state)
{
	struct buf text = { 0 };
	int        saved_fd = dup(STDERR_FILENO);
	int        fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	(void)state;
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	log_debug("e", LOG_INT("n", 0));
	log_info("e", LOG_INT("n", 1));
	assert_text_line(" info e n=1\n");
	assert_int_equal(log_init("stderr", LOG_FORMAT_JSON, LOG_LEVEL_INFO),
	    0);
	log_info("e", LOG_INT("n", 2));
	log_flush();
	read_file(log_path, &text);
	assert_int_equal(strncmp(text.data, "{\"time\":", 8), 0);
	assert_int_equal(log_reopen(), 0);
	log_deinit();
	buf_deinit(&text);
	assert_int_equal(dup2(saved_fd, STDERR_FILENO), STDERR_FILENO);
	close(saved_fd);
	close(fd);
}

static void
test_file_is_appended_to(void **state)
{
	struct buf  text = { 0 };
	struct stat st;

	(void)state;
	log_init(log_path, LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	log_info("e", LOG_INT("n", 0));
	log_deinit();
	log_init(log_path, LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	log_info("e", LOG_INT("n", 1));
	log_deinit();
	read_file(log_path, &text);
	assert_int_equal(assert_numbered(text.data, 0), 2);
	assert_int_equal(stat(log_path, &st), 0);
	assert_int_equal(st.st_mode & 0007, 0);
	buf_deinit(&text);
}

static void
test_reopen(void **state)
{
	struct buf text = { 0 };

	(void)state;
	log_init(log_path, LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	log_info("e", LOG_INT("n", 0));
	assert_int_equal(rename(log_path, other_path), 0);
	log_info("e", LOG_INT("n", 1));
	assert_int_equal(log_reopen(), 0);
	log_info("e", LOG_INT("n", 2));
	log_flush();
	read_file(other_path, &text);
	assert_int_equal(assert_numbered(text.data, 0), 2);
	read_file(log_path, &text);
	assert_int_equal(assert_numbered(text.data, 2), 3);
	buf_deinit(&text);
}

static void
test_failed_open_changes_nothing(void **state)
{
	struct buf text = { 0 };

	(void)state;
	assert_int_equal(log_init(log_path, LOG_FORMAT_TEXT, LOG_LEVEL_INFO),
	    0);
	assert_int_equal(log_init("/nonexistent/log", LOG_FORMAT_JSON,
			     LOG_LEVEL_ERROR),
	    -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(log_init(dir, LOG_FORMAT_JSON, LOG_LEVEL_ERROR), -1);
	assert_int_equal(errno, EISDIR);
	log_info("e", LOG_INT("n", 0));

	assert_int_equal(rename(log_path, other_path), 0);
	assert_int_equal(mkdir(log_path, 0700), 0);
	assert_int_equal(log_reopen(), -1);
	assert_int_equal(errno, EISDIR);
	log_info("e", LOG_INT("n", 1));
	log_flush();
	read_file(other_path, &text);
	assert_int_equal(assert_numbered(text.data, 0), 2);
	buf_deinit(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_levels),
		TEST(test_errno_stays),
		TEST(test_lines_wait_for_flush),
		TEST(test_error_is_written_at_once),
		TEST(test_full_buffer_is_written),
		TEST(test_deinit_writes),
		TEST(test_stderr_is_the_default),
		TEST(test_file_is_appended_to),
		TEST(test_reopen),
		TEST(test_failed_open_changes_nothing),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
