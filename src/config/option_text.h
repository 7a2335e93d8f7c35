#ifndef CONFIG_OPTION_TEXT_H
#define CONFIG_OPTION_TEXT_H

struct buf;
struct option_spec;
struct options;

/* Appends what the option takes: "a duration from 1s to 1h, such as 15s". */
void option_text_append_takes(struct buf *, const struct option_spec *);

/* Appends its limits or words, if it has any: "1s to 1h", "text or json". */
void option_text_append_limits(struct buf *, const struct option_spec *);

/* Appends an ini file that gives these options when it is read. */
void option_text_append_config(struct buf *, const struct options *);

/*
 * Appends what a user wrote in quotes, as far as a message may show it: the
 * start of it, control characters as "?".
 */
void option_text_append_quoted(struct buf *, const char *);

#endif
