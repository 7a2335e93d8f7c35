/*
 * fcgi-sse: a Server-Sent Events responder behind the web server that is
 * there already, by FastCGI or CGI.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/key_file.h"
#include "base/log.h"
#include "config/options.h"
#include "edge/cgi.h"
#include "process/command.h"
#include "process/engine.h"
#include "process/listen.h"
#include "process/resources.h"
#include "process/server.h"
#include "process/signals.h"

#define EXIT_USAGE 2
#define EXIT_FAILED 1

static const char no_requests[] =
    "fcgi-sse: nothing to take requests from. Give --listen unix:PATH or\n"
    "--listen HOST:PORT, or have it started with a listening socket on\n"
    "descriptor 0 (spawn-fcgi, lighttpd's bin-path, mod_fcgid), by a systemd\n"
    "socket unit, or by a web server as a CGI program. See fcgi-sse(8).\n";

static int
fail(const char *why)
{
	log_flush();
	fprintf(stderr, "fcgi-sse: %s\n", why);
	return EXIT_FAILED;
}

static int
fail_at(const char *what, const char *why)
{
	log_flush();
	fprintf(stderr, "fcgi-sse: %s: %s\n", what, why);
	return EXIT_FAILED;
}

/* Opens all that --listen names; on failure it has said why. */
static int
open_listeners(struct listeners *listeners, const struct options *options)
{
	char   error[LISTEN_ERROR_BYTES_MAX];
	size_t i;

	if (listeners_inherit(listeners, error) == -1)
		return fail(error);
	for (i = 0; i < options->listen_count; i++) {
		if (listeners_open(listeners, options->listen[i],
			options->socket_mode, error) == -1) {
			listeners_close(listeners);
			return fail(error);
		}
	}
	return 0;
}

static int
run(const struct server_config *config)
{
	struct options  *options = config->options;
	struct listeners listeners = { 0 };
	struct engine    engine;
	struct buf       problem = { 0 };
	const char      *error;
	char            *keys = NULL;

	if (options->publish_key_file != NULL) {
		keys = key_file_read(options->publish_key_file, &problem);
		if (keys == NULL) {
			buf_append(&problem, "", 1);
			fail(problem.data);
			buf_deinit(&problem);
			return EXIT_FAILED;
		}
	}
	if (open_listeners(&listeners, options) != 0) {
		key_file_free(keys);
		return EXIT_FAILED;
	}
	if (listeners.count == 0 && !cgi_is_requested()) {
		key_file_free(keys);
		fputs(no_requests, stderr);
		return EXIT_USAGE;
	}
	engine_init(&engine, options, keys, resources_raise_descriptors());
	key_file_free(keys);
	if (listeners.count == 0)
		server_run_cgi(&engine, options);
	else if (server_run(&engine, config, &listeners, &error) == -1)
		return fail(error);
	return 0;
}

int
main(int argc, char **argv)
{
	struct options             options;
	const struct server_config config = { &options, argc, argv };
	int                        status;

	if (command_is_given(argc, argv))
		return command_exec(argv);
	tzset();
	switch (options_load(&options, argc, argv, NULL)) {
	case OPTIONS_EXIT_OK:
		return 0;
	case OPTIONS_USAGE:
		return EXIT_USAGE;
	case OPTIONS_RUN:
		break;
	}
	resources_set_allocator();
	signals_hold();
	if (log_init(options.log, options.log_format, options.log_level) ==
	    -1) {
		status = fail_at(options.log, strerror(errno));
	} else
		status = run(&config);
	log_deinit();
	options_deinit(&options);
	return status;
}
