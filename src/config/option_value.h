#ifndef CONFIG_OPTION_VALUE_H
#define CONFIG_OPTION_VALUE_H

#include <stdbool.h>

struct buf;
struct option_spec;
struct options;

/*
 * Whether a line of a configuration file can hold the value: no control
 * characters, no blank at its ends. Every value is checked, wherever it comes
 * from, so that what --print-config prints can be read back.
 */
bool option_value_is_text(const char *);

/*
 * Reads the text into the option's field; a list gets one item more. Returns
 * false, and leaves the field alone, when the option does not take that text.
 */
bool option_value_set(struct options *, const struct option_spec *,
    const char *text);

/* Frees what the field holds; a string or list is empty then. */
void option_value_clear(struct options *, const struct option_spec *);

/* Appends the value of an option that has one and is no list. */
void option_value_append(struct buf *, const struct option_spec *,
    const struct options *);

/* Whether the option, which is no list, has its default. */
bool option_value_is_default(const struct options *,
    const struct option_spec *);

/* Appends what the option takes: "a duration from 1s to 1h, such as 15s". */
void option_value_append_takes(struct buf *, const struct option_spec *);

/* Appends its limits or words, if it has any: "1s to 1h", "text or json". */
void option_value_append_limits(struct buf *, const struct option_spec *);

/*
 * Appends in quotes what a user wrote, as far as a message may show it: its
 * start, with "?" for control characters.
 */
void option_value_append_quoted(struct buf *, const char *);

#endif
