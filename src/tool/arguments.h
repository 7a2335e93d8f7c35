#ifndef TOOL_ARGUMENTS_H
#define TOOL_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "tool/update.h"

/* What the events are made from. */
enum source {
	SOURCE_ARGUMENT, /* update.data */
	SOURCE_STDIN,
	SOURCE_LINES,
	SOURCE_NDJSON,
};

/* The command line. All texts point into it or into the environment. */
struct arguments {
	const char   *to;
	const char   *key_file; /* NULL: none */
	struct update update;
	enum source   source;
	int64_t       timeout_ms;
	bool          is_quiet;
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
