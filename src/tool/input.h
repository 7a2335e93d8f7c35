#ifndef TOOL_INPUT_H
#define TOOL_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* More for one event is an error; no responder takes as much. */
#define INPUT_EVENT_BYTES_MAX ((size_t)64 * 1024 * 1024)

enum input_result {
	INPUT_READ,
	INPUT_TOO_LONG,
	INPUT_END,
	INPUT_FAILED, /* errno says why */
};

/* Standard input, event by event. */
struct input {
	int        fd;
	size_t     line_number; /* of the line that was returned last */
	struct buf bytes;
	size_t     start_bytes;   /* what was returned */
	size_t     scanned_bytes; /* from there on: known to hold no LF */
	bool       is_at_end;
	bool       is_skipping; /* the rest of a line that is too long */
};

void input_init(struct input *, int fd);
void input_deinit(struct input *);

/*
 * The next line as soon as its end has come; the last one may lack that. The
 * LF, or CRLF, does not belong to it. The text is good until the next call. A
 * line that is too long is left out; there may be more behind it.
 */
enum input_result input_read_line(struct input *, const char **text,
    size_t *len_bytes);

/* All there is, without the LF or CRLF at its end. For the first call only. */
enum input_result input_read_all(struct input *, const char **text,
    size_t *len_bytes);

#endif
