#ifndef TOOL_TARGET_H
#define TOOL_TARGET_H

#include <stdbool.h>

/* Where a web server takes what is published. */
struct target {
	char *url;
	char *socket_path; /* NULL: by TCP, to the host of the URL */
};

/*
 * Reads an http or https URL, unix:PATH or unix:PATH:/URL/PATH, where
 * /.well-known/mercure stands for a path that is missing. False leaves nothing
 * to free, and a constant line in *error.
 */
bool target_init(struct target *, const char *to, const char **error);
void target_deinit(struct target *);

#endif
