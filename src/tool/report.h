#ifndef TOOL_REPORT_H
#define TOOL_REPORT_H

#include <stddef.h>
#include <stdio.h>

/*
 * Prints a text. Bytes that a terminal would act on are printed as "?": what a
 * server says may be in it.
 */
void report_print(FILE *, const char *text, size_t len_bytes);

/* The command that reports name, a constant; "publish" unless it is set. */
void report_set_command(const char *);

/*
 * Prints a line on stderr, for the line of the input with that number; 0 is
 * none. Prints it as report_print does.
 */
void report(size_t line_number, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
