/*
 * fcgi-sse-doctor: looks at fcgi-sse through its web server, as fcgi-sse
 * doctor. A program of its own, so that the responder need not load libcurl.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "tool/diagnosis.h"
#include "tool/doctor_arguments.h"
#include "tool/examine.h"
#include "tool/report.h"

#define EXIT_WELL 0
#define EXIT_FOUND 1
#define EXIT_USAGE 2
#define EXIT_UNREACHED 3

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
