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

/* Lines that cannot be written: they wait, and are lost and counted. */

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_full_disk),
		TEST(test_full_pipe),
		TEST(test_pipe_without_reader),
		TEST(test_full_pipe_loses_nothing_at_first),
		TEST(test_cut_line),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
