#ifndef PURE_DATE_H
#define PURE_DATE_H

#include <stddef.h>
#include <stdint.h>

enum date_format {
	DATE_FORMAT_JS,   /* what JavaScript's Date prints, local time */
	DATE_FORMAT_ISO,  /* RFC 3339 in UTC with milliseconds */
	DATE_FORMAT_HTTP, /* IMF-fixdate, RFC 9110 section 5.6.7 */
	DATE_FORMAT_UNIX  /* whole seconds since the epoch */
};
#define DATE_FORMAT_COUNT 4

/* Longest date with its NUL. */
#define DATE_BYTES_MAX 128

/* The format's word, as in a query: js, iso, http, unix. */
const char *date_format_name(enum date_format);

/*
 * Prints the moment, in ms since the epoch, into out, NUL-terminated, and
 * returns its length. The names of days and months are English whatever the
 * locale; local time is that of the last tzset(3).
 */
size_t date_print(char out[static DATE_BYTES_MAX], enum date_format, int64_t);

#endif
