/*
 * fcgi-sse-doctor: looks at fcgi-sse through its web server, as fcgi-sse
 * doctor. A program of its own, so that the responder need not load libcurl.
 */
#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "pure/duration.h"
#include "tool/arguments.h"
#include "tool/diagnosis.h"
#include "tool/examine.h"
#include "tool/report.h"

#define EXIT_WELL 0
#define EXIT_FOUND 1
#define EXIT_USAGE 2
#define EXIT_UNREACHED 3

#define WATCH_MS 35000
#define WATCH_MS_MIN 1000
#define WATCH_MS_MAX 3600000

/* The command line. */
struct doctor_arguments {
	char   *url; /* of the mount point, with a slash at its end */
	bool    is_https;
	bool    is_quick;
	bool    is_insecure;
	bool    is_json;
	bool    is_verbose;
	int64_t watch_ms;
};

static const char help[] =
    "Usage: fcgi-sse doctor [OPTION]... URL\n"
    "Looks at fcgi-sse through its web server as a browser does, says what "
    "it saw,\n"
    "and which directive of the web server to change.\n"
    "URL is where fcgi-sse is mounted, such as https://example.org/sse/\n"
    "\n"
    "  --quick       Leave out what takes long: whether streams outlive a "
    "while.\n"
    "  --watch TIME  How long streams are watched (1s to 1h; default 35s).\n"
    "  --insecure    Accept any certificate.\n"
    "  --json        Print the findings as a JSON object.\n"
    "  --verbose     Say on stderr what is being measured, also -v; on a "
    "terminal it\n"
    "                does so anyway.\n"
    "  --help        Print this and exit.\n"
    "\n"
    "Exit status: 0 when nothing is wrong, 1 when something is, 2 for a wrong "
    "option,\n"
    "3 when there is no fcgi-sse to be reached.\n";

enum option_value {
	OPTION_QUICK = 256,
	OPTION_WATCH,
	OPTION_INSECURE,
	OPTION_JSON,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{ "quick", no_argument, NULL, OPTION_QUICK },
	{ "watch", required_argument, NULL, OPTION_WATCH },
	{ "insecure", no_argument, NULL, OPTION_INSECURE },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

static enum arguments_verdict
refuse(const char *what, const char *why)
{
	report(0, "%s %s; see fcgi-sse doctor --help", what, why);
	return ARGUMENTS_USAGE;
}

static enum arguments_verdict
set_watch(struct doctor_arguments *arguments, const char *text)
{
	if (duration_parse(text, &arguments->watch_ms) &&
	    arguments->watch_ms >= WATCH_MS_MIN &&
	    arguments->watch_ms <= WATCH_MS_MAX)
		return ARGUMENTS_RUN;
	return refuse("--watch", "takes a duration from 1s to 1h, such as 35s");
}

static enum arguments_verdict
set_option(struct doctor_arguments *arguments, int option, char **argv)
{
	switch (option) {
	case OPTION_QUICK:
		arguments->is_quick = true;
		return ARGUMENTS_RUN;
	case OPTION_WATCH:
		return set_watch(arguments, optarg);
	case OPTION_INSECURE:
		arguments->is_insecure = true;
		return ARGUMENTS_RUN;
	case OPTION_JSON:
		arguments->is_json = true;
		return ARGUMENTS_RUN;
	case 'v':
		arguments->is_verbose = true;
		return ARGUMENTS_RUN;
	case OPTION_HELP:
		fputs(help, stdout);
		return ARGUMENTS_HELP;
	case ':':
		return refuse(argv[optind - 1], "takes an argument");
	default:
		return refuse(argv[optind - 1],
		    "is not an option, or takes no argument");
	}
}

/* The URL. */

/* A route, or a topic's path: what is before it is the mount point. */
static void
drop_route(char *path)
{
	static const char *const routes[] = { "/.well-known/mercure", "/clock",
		"/counter", "/events", "/healthz", "/metrics",
		"/server-sent-events", "/status", "/stream" };
	size_t                   len_bytes = strlen(path), route_bytes;

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		route_bytes = strlen(routes[i]);
		if (len_bytes >= route_bytes &&
		    strcmp(path + len_bytes - route_bytes, routes[i]) == 0) {
			path[len_bytes - route_bytes] = '\0';
			return;
		}
	}
}

static char *
part_of(CURLU *parsed, CURLUPart part)
{
	char *text;

	return curl_url_get(parsed, part, &text, 0) == CURLUE_OK ? text : NULL;
}

/* Sets the path to that of the mount point, and drops what follows it. */
static void
set_mount(CURLU *parsed)
{
	char      *path = part_of(parsed, CURLUPART_PATH);
	struct buf mount = { 0 };

	if (path == NULL) /* libcurl makes it "/" */
		return;
	drop_route(path);
	buf_append_str(&mount, path);
	if (mount.len_bytes == 0 || mount.data[mount.len_bytes - 1] != '/')
		buf_append_str(&mount, "/");
	buf_append(&mount, "", 1);
	curl_url_set(parsed, CURLUPART_PATH, mount.data, 0);
	curl_url_set(parsed, CURLUPART_QUERY, NULL, 0);
	curl_url_set(parsed, CURLUPART_FRAGMENT, NULL, 0);
	buf_deinit(&mount);
	curl_free(path);
}

static const char other_scheme[] =
    "is neither an http nor an https URL: the doctor asks a web server";

/* Why it will not do, or NULL. */
static const char *
url_problem(CURLU *parsed, bool *is_https)
{
	char       *scheme = part_of(parsed, CURLUPART_SCHEME);
	char       *user = part_of(parsed, CURLUPART_USER);
	const char *problem = NULL;

	*is_https = scheme != NULL && strcmp(scheme, "https") == 0;
	if (scheme == NULL || (!*is_https && strcmp(scheme, "http") != 0))
		problem = other_scheme;
	else if (user != NULL)
		problem = "holds a user, which browsers do not send";
	curl_free(scheme);
	curl_free(user);
	return problem;
}

static enum arguments_verdict
set_url(struct doctor_arguments *arguments, const char *text)
{
	CURLU      *parsed = curl_url();
	CURLUcode   code;
	const char *problem;
	char       *url;

	if (parsed == NULL)
		mem_fail();
	code = curl_url_set(parsed, CURLUPART_URL, text, 0);
	if (code == CURLUE_BAD_SCHEME)
		problem = "has no scheme: it begins with http:// or https://";
	else if (code == CURLUE_UNSUPPORTED_SCHEME)
		problem = other_scheme;
	else if (code != CURLUE_OK)
		problem = curl_url_strerror(code);
	else
		problem = url_problem(parsed, &arguments->is_https);
	if (problem == NULL) {
		set_mount(parsed);
		url = part_of(parsed, CURLUPART_URL);
		if (url == NULL)
			mem_fail();
		arguments->url = mem_strdup(url);
		curl_free(url);
	} else if (code == CURLUE_OK || code == CURLUE_BAD_SCHEME ||
	    code == CURLUE_UNSUPPORTED_SCHEME)
		report(0, "%s %s", text, problem);
	else
		report(0, "%s is no URL: %s", text, problem);
	curl_url_cleanup(parsed);
	return problem == NULL ? ARGUMENTS_RUN : ARGUMENTS_USAGE;
}

/* doctor_arguments_deinit is due in every case. */
static enum arguments_verdict
doctor_arguments_read(struct doctor_arguments *arguments, int argc, char **argv)
{
	enum arguments_verdict verdict = ARGUMENTS_RUN;
	int                    option;

	*arguments = (struct doctor_arguments){ 0 };
	opterr = 0;
	while (verdict == ARGUMENTS_RUN &&
	    (option = getopt_long(argc, argv, ":v", long_options, NULL)) != -1)
		verdict = set_option(arguments, option, argv);
	if (verdict != ARGUMENTS_RUN)
		return verdict;
	if (arguments->is_quick && arguments->watch_ms != 0)
		return refuse("--quick and --watch",
		    "exclude each other: with --quick no stream is watched");
	if (arguments->watch_ms == 0)
		arguments->watch_ms = WATCH_MS;
	if (optind == argc)
		return refuse("URL",
		    "is missing: where fcgi-sse is mounted, such as "
		    "https://example.org/sse/");
	if (argc - optind > 1)
		return refuse(argv[optind + 1], "is one argument too many");
	return set_url(arguments, argv[optind]);
}

static void
doctor_arguments_deinit(struct doctor_arguments *arguments)
{
	free(arguments->url);
	*arguments = (struct doctor_arguments){ 0 };
}

static int
print(const struct doctor_arguments *arguments, const struct seen *seen)
{
	struct diagnosis diagnosis;
	int              status;

	diagnosis_init(&diagnosis, arguments->url, seen);
	status = diagnosis.bad_count > 0 ? EXIT_FOUND : EXIT_WELL;
	if (arguments->is_json)
		diagnosis_print_json(&diagnosis, stdout);
	else
		diagnosis_print(&diagnosis, stdout);
	if (fflush(stdout) == EOF || ferror(stdout)) {
		report(0, "standard output: %s", strerror(errno));
		status = EXIT_UNREACHED;
	}
	diagnosis_deinit(&diagnosis);
	return status;
}

static int
examine(const struct doctor_arguments *arguments)
{
	struct examination examination;
	struct buf         problem = { 0 };
	int                status = EXIT_UNREACHED;

	examine_init(&examination, arguments->url, arguments->is_insecure);
	examination.is_told = arguments->is_verbose || isatty(STDERR_FILENO);
	if (!arguments->is_quick)
		examination.watch_ms = arguments->watch_ms;
	if (!examine_reach(&examination, &problem)) {
		report(0, "%.*s", (int)problem.len_bytes, problem.data);
	} else {
		examine_all(&examination);
		status = print(arguments, &examination.seen);
	}
	buf_deinit(&problem);
	examine_deinit(&examination);
	return status;
}

int
main(int argc, char **argv)
{
	struct doctor_arguments arguments;
	int                     status = EXIT_USAGE;

	signal(SIGPIPE, SIG_IGN);
	report_set_command("doctor");
	switch (doctor_arguments_read(&arguments, argc, argv)) {
	case ARGUMENTS_RUN:
		status = examine(&arguments);
		break;
	case ARGUMENTS_HELP:
		status = EXIT_WELL;
		break;
	case ARGUMENTS_USAGE:
		break;
	}
	doctor_arguments_deinit(&arguments);
	return status;
}
