#ifndef TOOL_PROBE_H
#define TOOL_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include "tool/sample.h"

#define PROBE_FIELD_COUNT_MAX 4

/* A request to be made. Its texts must not be freed before it was added. */
struct probe_spec {
	const char *path; /* behind the mount point's slash */
	const char *form; /* what is posted; NULL: GET */
	size_t      form_bytes;
	const char *fields[PROBE_FIELD_COUNT_MAX]; /* "Name: value" */
	size_t      event_count_max;   /* it stops with them; 0: it does not */
	size_t      comment_count_max; /* the same */
	long        timeout_ms;        /* it stops then */
	bool        is_coded;          /* takes compression, as browsers do */
	bool        is_http1;          /* by HTTP/1.1 only */
	bool        is_background;     /* probes_wait does not wait for it */
};

/* Where all requests go. */
struct probe_target {
	const char *url; /* the mount point's, with a slash at its end */
	bool        is_insecure; /* any certificate will do */
	bool        is_shared; /* all over one connection, if that is HTTP/2 */
};

/*
 * Requests that run beside each other. The target has to outlive them.
 */
struct probes *probes_new(const struct probe_target *);
void           probes_free(struct probes *);

/*
 * Starts a request. What it sees is in the sample, which is final when
 * probes_wait has returned and is freed by probes_free.
 */
const struct sample *probes_add(struct probes *, const struct probe_spec *);

/* Until all requests have ended that are not in the background. */
void probes_wait(struct probes *);

/* Until those in the background have ended too. */
void probes_wait_all(struct probes *);

#endif
