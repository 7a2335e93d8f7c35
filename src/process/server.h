#ifndef PROCESS_SERVER_H
#define PROCESS_SERVER_H

struct engine;
struct listeners;
struct options;

/* Where the options are, and where they come from at SIGHUP. */
struct server_config {
	struct options *options;
	int             argc;
	char          **argv;
};

/*
 * Serves FastCGI on the listeners, which it takes over, until SIGTERM, SIGINT
 * or SIGUSR1 has ended all streams. Returns 0, or -1 with *error, a constant
 * line, when it cannot begin.
 */
int server_run(struct engine *, const struct server_config *,
    struct listeners *, const char **error);

/* Answers the one CGI request of the process. Such a signal ends it early. */
void server_run_cgi(struct engine *, const struct options *);

#endif
