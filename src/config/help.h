#ifndef CONFIG_HELP_H
#define CONFIG_HELP_H

struct buf;
struct options;

/* Appends the text of --help, made from the table of options. */
void help_append(struct buf *);

/* Appends the text of --version. */
void help_append_version(struct buf *);

/*
 * What --store auto is where this process runs, in a line that is to be freed;
 * NULL: that is not known. The configuration that is printed says it.
 */
void help_set_auto(char *(*describe)(const struct options *));

/* Appends a configuration file that gives these options when it is read. */
void help_append_config(struct buf *, const struct options *);

#endif
