#ifndef CONFIG_OPTION_CHECK_H
#define CONFIG_OPTION_CHECK_H

#include <stdbool.h>

/* Longest value of an option: with its name it fits a line that inih reads. */
#define OPTION_CHECK_BYTES_MAX 160

/*
 * Whether an ini file can hold the value as it is: not too long, no control
 * characters, no blank at its ends, no ";" at its start or behind a blank,
 * where inih sees a comment. Asked of every value from everywhere, so that
 * what --print-config prints can always be read back.
 */
bool option_check_is_text(const char *);

/* unix:PATH, HOST:PORT or [V6]:PORT; whether the name resolves is not asked. */
bool option_check_is_address(const char *);

/*
 * "*" or an origin as browsers write it (RFC 6454 section 6.2): scheme://host
 * with a port unless it is the scheme's own, all in lower case.
 */
bool option_check_is_origin(const char *);

#endif
