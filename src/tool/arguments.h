#ifndef TOOL_ARGUMENTS_H
#define TOOL_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "tool/publication.h"

/* What the events are made from. */
enum source {
	SOURCE_ARGUMENT, /* publication.data */
	SOURCE_STDIN,
	SOURCE_LINES,
	SOURCE_NDJSON,
};

/* Where what is published is sent to. */
struct target {
	char *url;         /* NULL: by FastCGI, to the socket */
	char *socket_path; /* NULL: by TCP, to the host of the URL */
};

/* The command line. All texts but those of the target point into it or into the
 * environment. */
struct arguments {
	const char        *to;    /* NULL: to the store */
	const char        *store; /* NULL: to a server */
	struct target      target;
	const char        *key_file; /* NULL: none */
	struct publication publication;
	enum source        source;
	int64_t            timeout_ms;
	int64_t            retry_ms; /* how long to try again; 0: never */
	bool               is_quiet;
};

enum arguments_verdict {
	ARGUMENTS_RUN,
	ARGUMENTS_HELP,  /* was asked for, and printed */
	ARGUMENTS_USAGE, /* is wrong, and was reported */
};

/* arguments_deinit is due in every case. */
enum arguments_verdict arguments_read(struct arguments *, int argc,
    char **argv);
void                   arguments_deinit(struct arguments *);

/*
 * The first key of the file of --key-file, to be given to key_file_free, or
 * NULL after a report.
 */
char *arguments_read_key(const struct arguments *);

#endif
