/*
 * fcgi-sse: a Server-Sent Events responder behind the web server that is
 * there already, by FastCGI or CGI.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/help.h"
#include "config/options.h"
#include "edge/cgi.h"
#include "process/engine.h"
#include "process/keys.h"
#include "process/listen.h"
#include "process/remarks.h"
#include "process/server.h"
#include "process/signals.h"
#include "process/store_choice.h"
#include "store/store.h"

#define EXIT_FAILED 1
#define EXIT_USAGE 2

/* A command's name follows. */
#define COMMAND_PROGRAM "/fcgi-sse-"

/* Where the limit of descriptors cannot be read. */
#define DESCRIPTORS_DEFAULT 1024

static const char no_requests[] =
    "nothing to take requests from. Give --listen unix:PATH or --listen "
    "HOST:PORT, or have it started with a listening socket on descriptor 0 "
    "(spawn-fcgi, lighttpd's bin-path, mod_fcgid), by a systemd socket unit, "
    "or by a web server as a CGI program. See fcgi-sse(8).";

/*
 * Says why the process cannot start: in the log that was chosen, and on stderr
 * for a start by hand. Web servers discard stderr.
 */
static void
report(const char *why)
{
	if (!log_is_stderr())
		log_error("start", LOG_STR("error", why));
	log_flush();
	fprintf(stderr, "fcgi-sse: %s\n", why);
}

/* The same for what was collected, which it frees. */
static void
report_problem(struct buf *problem)
{
	buf_append(problem, "", 1);
	report(problem->data);
	buf_deinit(problem);
}

/* fcgi-sse publish, fcgi-sse jwks, fcgi-sse doctor and fcgi-sse store. */

/* A web server makes a CGI program's command line from a query. */
static bool
is_command(int argc, char *const *argv)
{
	static const char *const commands[] = { "publish", "jwks", "doctor",
		"store" };

	if (argc < 2 || getenv("GATEWAY_INTERFACE") != NULL)
		return false;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i]) == 0)
			return true;
	}
	return false;
}

/* The program beside the one that runs; empty where that cannot be told. */
static void
print_path_beside(const char *command, char path[static PATH_MAX])
{
	char    own[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char   *slash;

	path[0] = '\0';
	if (len == -1)
		return;
	own[len] = '\0';
	slash = strrchr(own, '/');
	if (slash == NULL)
		return;
	*slash = '\0';
	if (snprintf(path, PATH_MAX, "%s" COMMAND_PROGRAM "%s", own, command) >=
	    PATH_MAX)
		path[0] = '\0';
}

/*
 * Becomes the program of a command, which is beside this one in a build and
 * otherwise where it was installed. Returns an exit status when it cannot.
 */
static int
exec_command(char **argv)
{
	char        installed[PATH_MAX], beside[PATH_MAX];
	const char *tried = installed;

	snprintf(installed, sizeof(installed), LIBEXECDIR COMMAND_PROGRAM "%s",
	    argv[1]);
	print_path_beside(argv[1], beside);
	execv(beside, argv + 1);
	if (errno == ENOENT)
		execv(installed, argv + 1);
	else
		tried = beside;
	if (errno == ENOENT)
		fprintf(stderr,
		    "fcgi-sse: the program of this command is missing: "
		    "neither %s nor %s is there\n",
		    beside, installed);
	else
		fprintf(stderr, "fcgi-sse: %s: %s\n", tried, strerror(errno));
	return EXIT_FAILED;
}

/* What is set up. */

static void *
zalloc_array(size_t count, size_t size_bytes)
{
	if (size_bytes > 0 && count > SIZE_MAX / size_bytes)
		mem_fail();
	return mem_zalloc(count * size_bytes);
}

/* libuv, too, ends the process when there is no memory. */
static void
set_allocator(void)
{
	mem_tune();
	uv_replace_allocator(mem_alloc, mem_realloc, zalloc_array, free);
}

/* Has the soft limit of descriptors at the hard one. Returns the limit. */
static size_t
raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return DESCRIPTORS_DEFAULT;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	getrlimit(RLIMIT_NOFILE, &limit);
	return (size_t)limit.rlim_cur;
}

static char *
describe_auto(const struct options *options)
{
	return store_choice_describe(options->listen_count);
}

/* Reads the options. When they are wrong, it says so. */
static enum options_verdict
load_options(const struct server_config *config)
{
	struct options      *options = config->options;
	struct buf           problem = { 0 };
	enum options_verdict verdict;

	help_set_auto(describe_auto);
	verdict = options_load(options, config->argc, config->argv, &problem);
	if (verdict != OPTIONS_USAGE)
		return verdict;
	options_load_log(options, config->argc, config->argv);
	log_init(options->log, options->log_format, options->log_level);
	report_problem(&problem);
	log_deinit();
	options_deinit(options);
	return verdict;
}

/* Opens all sockets that there are. On failure it has said why. */
static int
open_listeners(struct listeners *listeners, const struct options *options)
{
	char error[LISTEN_ERROR_BYTES_MAX];

	if (listeners_inherit(listeners, error) == -1) {
		report(error);
		return -1;
	}
	for (size_t i = 0; i < options->listen_count; i++) {
		if (listeners_open(listeners, options->listen[i],
			options->socket_mode, error) == -1) {
			listeners_close(listeners);
			report(error);
			return -1;
		}
	}
	return 0;
}

/* Reads all keys. On failure it has said why. */
static int
read_keys(const struct options *options, struct keys *keys)
{
	struct buf problem = { 0 };

	if (keys_read(keys, options, &problem) == 0) {
		buf_deinit(&problem);
		return 0;
	}
	report_problem(&problem);
	return -1;
}

/* Everybody on the machine can read the command line of a process. */
static void
warn_of_password(const struct server_config *config)
{
	const char *url = config->options->store;
	size_t      len_bytes;

	if (store_url_password(url, &len_bytes) == NULL)
		return;
	for (int i = 1; i < config->argc; i++) {
		if (strstr(config->argv[i], url) != NULL)
			log_warn("store-password",
			    LOG_STR("cure",
				"set FCGI_SSE_STORE, or store in the file of "
				"--config"));
	}
}

/* What runs: the engine, until it ends. */

static int
serve(const struct server_config *config, struct listeners *listeners,
    struct keys *keys)
{
	struct engine       engine;
	struct store_choice choice;
	const char         *error;
	int                 status = 0;

	if (listeners->count == 0 && !cgi_is_requested()) {
		report(no_requests);
		return EXIT_USAGE;
	}
	store_choice_init(&choice, config->options->store, listeners);
	warn_of_password(config);
	engine_init(&engine, config->options, &choice, keys,
	    raise_descriptors());
	remarks_log(config->options, &engine);
	if (listeners->count == 0) {
		server_run_cgi(&engine, config->options);
	} else if (server_run(&engine, config, listeners, &error) == -1) {
		report(error);
		status = EXIT_FAILED;
	}
	store_choice_deinit(&choice);
	return status;
}

static int
run(const struct server_config *config)
{
	struct listeners listeners = { 0 };
	struct keys      keys = { 0 };
	int              status = EXIT_FAILED;

	if (read_keys(config->options, &keys) == 0 &&
	    open_listeners(&listeners, config->options) == 0)
		status = serve(config, &listeners, &keys);
	keys_deinit(&keys);
	return status;
}

int
main(int argc, char **argv)
{
	struct options             options;
	const struct server_config config = { &options, argc, argv };
	int                        status = EXIT_FAILED;

	if (is_command(argc, argv))
		return exec_command(argv);
	tzset();
	switch (load_options(&config)) {
	case OPTIONS_EXIT_OK:
		return 0;
	case OPTIONS_USAGE:
		return EXIT_USAGE;
	case OPTIONS_RUN:
		break;
	}
	set_allocator();
	signals_hold();
	if (log_init(options.log, options.log_format, options.log_level) == -1)
		fprintf(stderr,
		    "fcgi-sse: log %s: %s; give a file that this user may "
		    "write, stderr or syslog\n",
		    options.log, strerror(errno));
	else
		status = run(&config);
	log_deinit();
	options_deinit(&options);
	return status;
}
