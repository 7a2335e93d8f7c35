#ifndef CONFIG_OPTION_VALUE_H
#define CONFIG_OPTION_VALUE_H

#include <stdbool.h>

struct option_spec;
struct options;

/*
 * Reads the text into the option's field; a list gets one item more. False
 * leaves the field alone: the option does not take that.
 */
bool option_value_set(struct options *, const struct option_spec *,
    const char *text);

/* Frees what the field holds; a string or list is empty then. */
void option_value_clear(struct options *, const struct option_spec *);

#endif
