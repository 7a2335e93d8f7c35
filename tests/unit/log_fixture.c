#include "log_fixture.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

char dir[64];
char log_path[96];
char other_path[96];

int
log_set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_log.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(log_path, sizeof(log_path), "%s/log", dir);
	snprintf(other_path, sizeof(other_path), "%s/other", dir);
	return 0;
}

int
log_tear_down(void **state)
{
	(void)state;
	log_deinit();
	(void)remove(log_path);
	(void)remove(other_path);
	return rmdir(dir);
}

void
read_fd(int fd, struct buf *text)
{
	char    bytes[4096];
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		buf_append(text, bytes, (size_t)n);
	buf_append(text, "", 1);
	text->len_bytes--;
}

void
read_file(const char *path, struct buf *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_int_not_equal(fd, -1);
	text->len_bytes = 0;
	read_fd(fd, text);
	close(fd);
}

void
assert_file(const char *path, const char *expected)
{
	struct buf text = { 0 };

	read_file(path, &text);
	assert_string_equal(text.data, expected);
	buf_deinit(&text);
}

void
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

int
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
