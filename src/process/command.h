#ifndef PROCESS_COMMAND_H
#define PROCESS_COMMAND_H

#include <stdbool.h>

/*
 * Whether the command line is that of fcgi-sse publish, and from its user: a
 * web server makes a CGI program's command line from a query.
 */
bool command_is_given(int argc, char **argv);

/*
 * Becomes the program fcgi-sse-publish, which is beside this one in a build
 * and otherwise where it was installed. Returns only when it is at neither
 * place, or cannot be run, after saying so: an exit status.
 */
int command_exec(char **argv);

#endif
