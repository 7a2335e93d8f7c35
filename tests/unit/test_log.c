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

/* "2026-11-20T19:55:01.123Z" */
#define TIME_LEN 24

/* What a value may be before it is cut. */
#define VALUE_BYTES_MAX 1024

static char dir[64];
static char log_path[96];
static char other_path[96];

static int
set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_log.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(log_path, sizeof(log_path), "%s/log", dir);
	snprintf(other_path, sizeof(other_path), "%s/other", dir);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	log_deinit();
	(void)remove(log_path);
	(void)remove(other_path);
	return rmdir(dir);
}

/* Reads all that is there now, from a file or from a pipe without waiting. */
static void
read_fd(int fd, struct buf *text)
{
	char    bytes[4096];
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		buf_append(text, bytes, (size_t)n);
	buf_append(text, "", 1);
	text->len_bytes--;
}

static void
read_file(const char *path, struct buf *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_int_not_equal(fd, -1);
	text->len_bytes = 0;
	read_fd(fd, text);
	close(fd);
}

static void
assert_file(const char *path, const char *expected)
{
	struct buf text = { 0 };

	read_file(path, &text);
	assert_string_equal(text.data, expected);
	buf_deinit(&text);
}

static void
assert_is_time(const char *text)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ";

	for (size_t i = 0; i < TIME_LEN; i++) {
		if (shape[i] == 'd')
			assert_in_range(text[i], '0', '9');
		else
			assert_int_equal(text[i], shape[i]);
	}
}

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

/* The lines of this text are those of i from first, in order; returns i. */
static int
assert_numbered(const char *text, int first)
{
	char expected[32];
	int  i = first;

	for (; *text != '\0'; text = strchr(text, '\n') + 1) {
		assert_is_time(text);
		snprintf(expected, sizeof(expected), " info e n=%d\n", i++);
		assert_memory_equal(text + TIME_LEN, expected,
		    strlen(expected));
	}
	return i;
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

/* Lost lines. */

static void
test_full_disk(void **state)
{
	struct buf text = { 0 };
	char      *line;

	(void)state;
	assert_int_equal(log_init("/dev/full", LOG_FORMAT_TEXT, LOG_LEVEL_INFO),
	    0);
	for (int i = 0; i < 3; i++)
		log_info("e", LOG_INT("n", i));
	log_flush();
	log_info("e", LOG_INT("n", 3));
	log_error("e", LOG_INT("n", 4));
	log_flush();
	assert_int_equal(log_init(log_path, LOG_FORMAT_TEXT, LOG_LEVEL_INFO),
	    0);
	log_info("e", LOG_INT("n", 5));
	log_flush();
	log_info("e", LOG_INT("n", 6));
	log_flush();
	read_file(log_path, &text);
	assert_is_time(text.data);
	line = text.data + TIME_LEN;
	assert_memory_equal(line, " warn log-lost lines=5\n", 23);
	assert_int_equal(assert_numbered(line + 23, 5), 7);
	buf_deinit(&text);
}

/* Adds up the lines of a pipe's text: those that are there, and those lost. */
static void
count_lines(const char *text, uint64_t *there_count, uint64_t *lost_count)
{
	static const char lost[] = " warn log-lost lines=";
	static const char good[] = " info e n=";
	const char       *end;

	for (; *text != '\0'; text = end + 1) {
		end = strchr(text, '\n');
		assert_non_null(end);
		if (end - text > TIME_LEN &&
		    strncmp(text + TIME_LEN, lost, strlen(lost)) == 0)
			*lost_count += strtoull(text + TIME_LEN + strlen(lost),
			    NULL, 10);
		else if (end - text > TIME_LEN &&
		    strncmp(text + TIME_LEN, good, strlen(good)) == 0)
			++*there_count;
		else
			fail_msg("a cut line: %.*s", (int)(end - text), text);
	}
}

/* Reads until nothing is left to be written. */
static void
drain(int fd, struct buf *text)
{
	do {
		read_fd(fd, text);
		log_flush();
	} while (log_is_waiting());
	read_fd(fd, text);
}

/* A reader that stops costs lines, and no time. */
static void
test_full_pipe(void **state)
{
	enum { LINES = 10000 };
	struct buf text = { 0 };
	uint64_t   there_count = 0, lost_count = 0;
	int        fd;

	(void)state;
	assert_int_equal(mkfifo(log_path, 0600), 0);
	fd = open(log_path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_not_equal(fd, -1);
	assert_int_equal(log_init(log_path, LOG_FORMAT_TEXT, LOG_LEVEL_INFO),
	    0);
	for (int i = 0; i < LINES; i++) {
		log_info("e", LOG_INT("n", i));
		/* The pipe shall not be full where a whole buffer ends. */
		if (i == 0)
			log_flush();
	}
	log_flush();
	read_fd(fd, &text);
	assert_true(text.len_bytes > 0);
	log_info("e", LOG_INT("n", LINES));
	drain(fd, &text);
	count_lines(text.data, &there_count, &lost_count);
	assert_true(lost_count > 0);
	assert_int_equal(there_count + lost_count, LINES + 1);
	buf_deinit(&text);
	close(fd);
}

static void
test_pipe_without_reader(void **state)
{
	struct buf text = { 0 };
	uint64_t   there_count = 0, lost_count = 0;
	int        fd;

	(void)state;
	assert_int_equal(mkfifo(log_path, 0600), 0);
	assert_int_equal(log_init(log_path, LOG_FORMAT_TEXT, LOG_LEVEL_INFO),
	    -1);
	assert_int_equal(errno, ENXIO);
	fd = open(log_path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(log_init(log_path, LOG_FORMAT_TEXT, LOG_LEVEL_INFO),
	    0);
	close(fd);
	for (int i = 0; i < 3; i++) {
		log_info("e", LOG_INT("n", i));
		log_flush();
	}
	fd = open(log_path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	log_flush();
	read_fd(fd, &text);
	count_lines(text.data, &there_count, &lost_count);
	assert_int_equal(there_count, 0);
	assert_int_equal(lost_count, 3);
	buf_deinit(&text);
	close(fd);
}

/* What a full pipe does not take waits: no line is cut. */
static void
test_full_pipe_loses_nothing_at_first(void **state)
{
	struct buf text = { 0 };
	int        fd, i;

	(void)state;
	assert_int_equal(mkfifo(log_path, 0600), 0);
	fd = open(log_path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(log_init(log_path, LOG_FORMAT_TEXT, LOG_LEVEL_INFO),
	    0);
	for (i = 0; !log_is_waiting(); i++) {
		log_info("e", LOG_INT("n", i));
		log_flush();
	}
	for (int more = 0; more < 100; more++, i++)
		log_info("e", LOG_INT("n", i));
	drain(fd, &text);
	assert_int_equal(assert_numbered(text.data, 0), i);
	buf_deinit(&text);
	close(fd);
}

/*
 * A line that went out in part is ended before the next one starts, when its
 * rest is lost.
 */
static void
test_cut_line(void **state)
{
	char       value[VALUE_BYTES_MAX + 1], *second;
	struct buf text = { 0 };
	int        fd;

	(void)state;
	/* Each byte becomes four: a line is longer than a pipe takes whole. */
	memset(value, '\x01', VALUE_BYTES_MAX);
	value[VALUE_BYTES_MAX] = '\0';
	assert_int_equal(mkfifo(log_path, 0600), 0);
	fd = open(log_path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(log_init(log_path, LOG_FORMAT_TEXT, LOG_LEVEL_INFO),
	    0);
	for (int i = 0; i < 10; i++) {
		log_info("long", LOG_STR("a", value), LOG_STR("b", value),
		    LOG_STR("c", value), LOG_STR("d", value));
		log_flush();
	}
	read_fd(fd, &text);
	assert_int_not_equal(text.data[text.len_bytes - 1], '\n');
	text.len_bytes = 0;
	close(fd);
	log_flush();
	assert_false(log_is_waiting());
	fd = open(log_path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	log_info("e", LOG_INT("n", 0));
	log_flush();
	read_fd(fd, &text);
	assert_int_equal(text.data[0], '\n');
	assert_is_time(text.data + 1);
	assert_memory_equal(text.data + 1 + TIME_LEN,
	    " warn log-lost lines=", strlen(" warn log-lost lines="));
	second = strchr(text.data + 1, '\n') + 1;
	assert_int_equal(assert_numbered(second, 0), 1);
	buf_deinit(&text);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
		TEST(test_full_disk),
		TEST(test_full_pipe),
		TEST(test_pipe_without_reader),
		TEST(test_full_pipe_loses_nothing_at_first),
		TEST(test_cut_line),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
