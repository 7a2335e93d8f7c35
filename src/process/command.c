#include "process/command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define PROGRAM "/fcgi-sse-publish"

#define EXIT_FAILED 1

bool
command_is_given(int argc, char **argv)
{
	return argc > 1 && strcmp(argv[1], "publish") == 0 &&
	    getenv("GATEWAY_INTERFACE") == NULL;
}

/* The program beside the one that runs; empty where that cannot be told. */
static void
print_path_beside(char path[static PATH_MAX])
{
	char    own[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char   *slash;

	path[0] = '\0';
	if (len == -1)
		return;
	own[len] = '\0';
	slash = strrchr(own, '/');
	if (slash == NULL || (size_t)(slash - own) + sizeof(PROGRAM) > PATH_MAX)
		return;
	memcpy(path, own, (size_t)(slash - own));
	memcpy(path + (slash - own), PROGRAM, sizeof(PROGRAM));
}

int
command_exec(char **argv)
{
	static const char installed[] = LIBEXECDIR PROGRAM;
	char                                       beside[PATH_MAX];
	const char                                *tried = beside;

	print_path_beside(beside);
	execv(beside, argv + 1);
	if (errno == ENOENT) {
		tried = installed;
		execv(installed, argv + 1);
	}
	if (errno == ENOENT)
		fprintf(stderr,
		    "fcgi-sse: the program of this command is "
		    "missing: neither %s nor %s is there\n",
		    beside, installed);
	else
		fprintf(stderr, "fcgi-sse: %s: %s\n", tried, strerror(errno));
	return EXIT_FAILED;
}
