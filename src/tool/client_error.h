#ifndef TOOL_CLIENT_ERROR_H
#define TOOL_CLIENT_ERROR_H

#include <stdbool.h>

struct buf;
struct target;

/* A request that had no answer. */
struct client_failure {
	int                  code;     /* a CURLcode */
	long                 os_error; /* an errno, or 0 */
	const char          *what;     /* libcurl's words; may be empty */
	const struct target *target;
	bool                 is_proven; /* an earlier one was accepted */
};

/* Appends what went wrong, and what is likely to be the cause. */
void client_error_append(struct buf *, const struct client_failure *);

#endif
