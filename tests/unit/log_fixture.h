#ifndef LOG_FIXTURE_H
#define LOG_FIXTURE_H

#include "base/buf.h"

/* "2026-11-20T19:55:01.123Z" */
#define TIME_LEN 24

/* What a value may be before it is cut. */
#define VALUE_BYTES_MAX 1024

/* A folder of its own for each test, and two files in it. */
extern char dir[64];
extern char log_path[96];
extern char other_path[96];

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, log_set_up, log_tear_down)

int log_set_up(void **state);
int log_tear_down(void **state);

/* Reads all that is there now, from a file or from a pipe without waiting. */
void read_fd(int fd, struct buf *text);
void read_file(const char *path, struct buf *text);

void assert_file(const char *path, const char *expected);
void assert_is_time(const char *text);

/* The lines of this text are those of i from first, in order; returns i. */
int assert_numbered(const char *text, int first);

#endif
