#ifndef CONFIG_HELP_H
#define CONFIG_HELP_H

struct buf;

/* Appends the text of --help, made from the table of options. */
void help_append(struct buf *);

/* Appends the text of --version. */
void help_append_version(struct buf *);

#endif
