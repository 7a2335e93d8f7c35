#ifndef TOOL_DOCTOR_ARGUMENTS_H
#define TOOL_DOCTOR_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "tool/arguments.h"

/* The command line of fcgi-sse doctor. */
struct doctor_arguments {
	char   *url; /* of the mount point, with a slash at its end */
	bool    is_https;
	bool    is_quick;
	bool    is_insecure;
	bool    is_json;
	bool    is_verbose;
	int64_t watch_ms;
};

/* doctor_arguments_deinit is due in every case. */
enum arguments_verdict doctor_arguments_read(struct doctor_arguments *,
    int argc, char **argv);
void                   doctor_arguments_deinit(struct doctor_arguments *);

#endif
