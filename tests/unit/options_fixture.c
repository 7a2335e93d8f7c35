#include "options_fixture.h"

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

#include "base/buf.h"

#define ARGS_MAX 12

char        fixture_dir[64];
char        fixture_file[96];
static char output_path[96];

struct options options;
char           problem[1024];

extern char **environ;

/* Takes out what options are read from. */
static void
clear_environment(void)
{
	char   name[128];
	size_t i = 0;

	unsetenv("GATEWAY_INTERFACE");
	unsetenv("QUERY_STRING");
	while (environ[i] != NULL) {
		snprintf(name, sizeof(name), "%.*s",
		    (int)strcspn(environ[i], "="), environ[i]);
		if (strncmp(name, "FCGI_SSE_", strlen("FCGI_SSE_")) == 0 &&
		    unsetenv(name) == 0)
			i = 0;
		else
			i++;
	}
}

int
fixture_set_up(void **state)
{
	(void)state;
	clear_environment();
	snprintf(fixture_dir, sizeof(fixture_dir), "/tmp/test_options.XXXXXX");
	if (mkdtemp(fixture_dir) == NULL)
		return -1;
	snprintf(fixture_file, sizeof(fixture_file), "%s/x.ini", fixture_dir);
	snprintf(output_path, sizeof(output_path), "%s/output", fixture_dir);
	return 0;
}

int
fixture_tear_down(void **state)
{
	(void)state;
	options_deinit(&options);
	(void)unlink(fixture_file);
	(void)unlink(output_path);
	return rmdir(fixture_dir);
}

enum options_verdict
fixture_load(const char *const *args)
{
	struct buf           text = { 0 };
	enum options_verdict verdict;
	char                 copies[ARGS_MAX][256], *argv[ARGS_MAX + 1];
	int                  argc = 1;

	snprintf(copies[0], sizeof(copies[0]), "fcgi-sse");
	argv[0] = copies[0];
	for (; *args != NULL; args++, argc++) {
		assert_true(argc < ARGS_MAX);
		snprintf(copies[argc], sizeof(copies[argc]), "%s", *args);
		argv[argc] = copies[argc];
	}
	argv[argc] = NULL;
	options_deinit(&options);
	verdict = options_load(&options, argc, argv, &text);
	snprintf(problem, sizeof(problem), "%.*s", (int)text.len_bytes,
	    text.len_bytes > 0 ? text.data : "");
	buf_deinit(&text);
	if (verdict != OPTIONS_USAGE)
		assert_string_equal(problem, "");
	return verdict;
}

void
assert_runs(const char *const *args)
{
	if (fixture_load(args) != OPTIONS_RUN)
		fail_msg("%s", problem);
}

void
assert_refused(const char *const *args, const char *expected)
{
	struct buf text = { 0 };

	assert_int_equal(fixture_load(args), OPTIONS_USAGE);
	for (const char *c = expected; *c != '\0'; c++) {
		if (*c == '@')
			buf_append_str(&text, fixture_file);
		else
			buf_append(&text, c, 1);
	}
	buf_append(&text, "", 1);
	assert_string_equal(problem, text.data);
	buf_deinit(&text);
	assert_int_equal(options.listen_count, 0);
	assert_null(options.log);
}

void
fixture_write(const char *bytes, size_t len_bytes)
{
	FILE *file = fopen(fixture_file, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len_bytes, file), len_bytes);
	assert_int_equal(fclose(file), 0);
}

void
fixture_write_text(const char *text)
{
	fixture_write(text, strlen(text));
}

enum options_verdict
fixture_load_printing(const char *const *args, struct buf *out)
{
	enum options_verdict verdict;
	int                  saved_fd, fd;
	char                 bytes[4096];
	ssize_t              n;

	fflush(stdout);
	saved_fd = dup(STDOUT_FILENO);
	fd = open(output_path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_int_not_equal(fd, -1);
	dup2(fd, STDOUT_FILENO);
	verdict = fixture_load(args);
	fflush(stdout);
	dup2(saved_fd, STDOUT_FILENO);
	close(saved_fd);
	lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		buf_append(out, bytes, (size_t)n);
	buf_append(out, "", 1);
	out->len_bytes--;
	close(fd);
	return verdict;
}
