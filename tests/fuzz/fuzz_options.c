/*
 * Options: the first byte chooses where the rest goes, a file, a variable or
 * the command line. What is accepted must be printed as a file that gives the
 * same; what is not must be told in one line without control characters.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/help.h"
#include "config/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define ARGS_MAX 16

static char file_path[] = "/tmp/fuzz_options.XXXXXX";
static int  file_fd = -1;

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static void
remove_file(void)
{
	(void)unlink(file_path);
}

static void
write_file(const char *bytes, size_t len_bytes)
{
	if (file_fd == -1) {
		file_fd = mkstemp(file_path);
		require(file_fd != -1);
		(void)atexit(remove_file);
	}
	require(ftruncate(file_fd, 0) == 0);
	require(pwrite(file_fd, bytes, len_bytes, 0) == (ssize_t)len_bytes);
}

static void
check_problem(const struct buf *problem)
{
	require(problem->len_bytes > 0);
	for (size_t i = 0; i < problem->len_bytes; i++)
		require((unsigned char)problem->data[i] >= 0x20 &&
		    problem->data[i] != 0x7f);
}

static bool
load(struct options *options, int argc, char **argv)
{
	struct buf           problem = { 0 };
	enum options_verdict verdict;

	verdict = options_load(options, argc, argv, &problem);
	if (verdict == OPTIONS_USAGE)
		check_problem(&problem);
	else
		require(problem.len_bytes == 0);
	buf_deinit(&problem);
	return verdict == OPTIONS_RUN;
}

/* As a file without the name of the file that was read. */
static void
print(struct options *options, struct buf *text)
{
	char *config = options->config;

	options->config = NULL;
	help_append_config(text, options);
	options->config = config;
}

static void
check_printed(struct options *options)
{
	char           name[] = "fcgi-sse", option[] = "--config";
	char          *argv[] = { name, option, file_path, NULL };
	struct options again;
	struct buf     first = { 0 }, second = { 0 };

	print(options, &first);
	write_file(first.data, first.len_bytes);
	require(load(&again, 3, argv));
	print(&again, &second);
	require(first.len_bytes == second.len_bytes);
	require(memcmp(first.data, second.data, first.len_bytes) == 0);
	options_deinit(&again);
	buf_deinit(&first);
	buf_deinit(&second);
}

/* A variable's name stands before the first "="; a command line has lines. */
static void
load_text(struct options *options, char *text, bool is_variable, bool *is_good)
{
	char *argv[ARGS_MAX + 1] = { text }, *value = strchr(text, '='), *rest;
	char  name[128];
	int   argc = 1;

	if (is_variable) {
		if (value != NULL)
			*value++ = '\0';
		snprintf(name, sizeof(name), "FCGI_SSE_%s", text);
		require(setenv(name, value != NULL ? value : "", 1) == 0);
		*is_good = load(options, argc, argv);
		require(unsetenv(name) == 0);
		return;
	}
	for (char *arg = strtok_r(text, "\n", &rest);
	     arg != NULL && argc < ARGS_MAX;
	     arg = strtok_r(NULL, "\n", &rest)) {
		/* Other files, and what is printed to stdout, are left out. */
		if (strncmp(arg, "--c", 3) == 0 ||
		    strncmp(arg, "--h", 3) == 0 ||
		    strncmp(arg, "--p", 3) == 0 || strncmp(arg, "--v", 3) == 0)
			continue;
		argv[argc++] = arg;
	}
	*is_good = load(options, argc, argv);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char           name[] = "fcgi-sse", option[] = "--config";
	char          *argv[] = { name, option, file_path, NULL }, *text;
	struct options options;
	bool           is_good = false;

	if (size < 1)
		return 0;
	if (data[0] % 4 < 2) {
		write_file((const char *)data + 1, size - 1);
		is_good = load(&options, 3, argv);
	} else {
		text = mem_strndup((const char *)data + 1, size - 1);
		load_text(&options, text, data[0] % 4 == 2, &is_good);
		free(text);
	}
	if (is_good)
		check_printed(&options);
	options_deinit(&options);
	return 0;
}
