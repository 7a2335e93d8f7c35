#ifndef CONFIG_HELP_H
#define CONFIG_HELP_H

struct buf;
struct options;

/* Appends the text of --help, made from the table of options. */
void help_append(struct buf *);

/* Appends the text of --version. */
void help_append_version(struct buf *);

/*
 * Says which store --store auto would choose for this process, in a line that
 * is to be freed; NULL: that is not known. --print-config prints it.
 */
void help_set_auto(char *(*describe)(const struct options *));

/* Appends a configuration file that gives these options when it is read. */
void help_append_config(struct buf *, const struct options *);

#endif
