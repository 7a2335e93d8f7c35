#ifndef BASE_LOG_LINE_H
#define BASE_LOG_LINE_H

#include "base/log.h"

struct buf;

/* How one line of the log looks. Only log.c needs to know. */
enum log_line_style {
	LOG_LINE_TEXT,
	LOG_LINE_SYSLOG, /* text; syslog adds the time and the level */
	LOG_LINE_JSON
};

/*
 * Appends the line with its LF. It has no other, and only printable ASCII,
 * whatever bytes the values hold; a value of more than 1024 bytes is cut.
 */
void log_line_append(struct buf *, enum log_line_style, enum log_level,
    const char *event, const struct log_field *);

#endif
