#ifndef PURE_DURATION_H
#define PURE_DURATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest printed duration with its NUL. */
#define DURATION_BYTES_MAX 32

/*
 * Reads a whole number and a unit, ms, s, m, h or d, with nothing before,
 * between or behind; "0" needs no unit. False leaves *ms alone.
 */
bool duration_parse(const char *text, int64_t *ms);

/* Prints it with the largest unit that loses nothing: 90000 is "90s". */
void duration_print(char out[static DURATION_BYTES_MAX], int64_t ms);

#endif
