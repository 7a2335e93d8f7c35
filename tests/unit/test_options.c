#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "config/option_spec.h"
#include "config/help.h"
#include "options_fixture.h"

static void
test_defaults(void **state)
{
	(void)state;
	assert_runs(NO_ARGS);
	assert_int_equal(options.listen_count, 0);
	assert_null(options.listen);
	assert_int_equal(options.socket_mode, 0660);
	assert_null(options.config);
	assert_int_equal(options.mount_count, 0);
	assert_int_equal(options.request_timeout_ms, 10000);
	assert_int_equal(options.max_body_bytes, 1048576);
	assert_int_equal(options.heartbeat_ms, 15000);
	assert_int_equal(options.allow_origin_count, 0);
	assert_string_equal(options.log, "stderr");
	assert_int_equal(options.log_format, LOG_FORMAT_TEXT);
	assert_int_equal(options.log_level, LOG_LEVEL_INFO);
}

static const struct {
	const char *name;
	const char *variable;
	const char *text;
	const char *printed; /* NULL: as the text */
} values[] = {
	{ "listen", "FCGI_SSE_LISTEN", "unix:/run/x.sock", NULL },
	{ "listen", "FCGI_SSE_LISTEN", "127.0.0.1:9000", NULL },
	{ "listen", "FCGI_SSE_LISTEN", "[::1]:9000", NULL },
	{ "socket-mode", "FCGI_SSE_SOCKET_MODE", "0600", NULL },
	{ "socket-mode", "FCGI_SSE_SOCKET_MODE", "777", "0777" },
	{ "socket-mode", "FCGI_SSE_SOCKET_MODE", "0", "0000" },
	{ "mount", "FCGI_SSE_MOUNT", "/sse", NULL },
	{ "mount", "FCGI_SSE_MOUNT", "/", NULL },
	{ "request-timeout", "FCGI_SSE_REQUEST_TIMEOUT", "100ms", NULL },
	{ "request-timeout", "FCGI_SSE_REQUEST_TIMEOUT", "60m", "1h" },
	{ "max-body", "FCGI_SSE_MAX_BODY", "1024", "1K" },
	{ "max-body", "FCGI_SSE_MAX_BODY", "1025", NULL },
	{ "max-body", "FCGI_SSE_MAX_BODY", "2048K", "2M" },
	{ "max-body", "FCGI_SSE_MAX_BODY", "64M", NULL },
	{ "heartbeat", "FCGI_SSE_HEARTBEAT", "1s", NULL },
	{ "heartbeat", "FCGI_SSE_HEARTBEAT", "1500ms", NULL },
	{ "heartbeat", "FCGI_SSE_HEARTBEAT", "120s", "2m" },
	{ "heartbeat", "FCGI_SSE_HEARTBEAT", "1h", NULL },
	{ "max-streams", "FCGI_SSE_MAX_STREAMS", "4000", NULL },
	{ "max-streams-per-client", "FCGI_SSE_MAX_STREAMS_PER_CLIENT", "0",
	    NULL },
	{ "stall-timeout", "FCGI_SSE_STALL_TIMEOUT", "1m", NULL },
	{ "stream-lifetime", "FCGI_SSE_STREAM_LIFETIME", "0ms", "0" },
	{ "stream-lifetime", "FCGI_SSE_STREAM_LIFETIME", "280s", NULL },
	{ "turns", "FCGI_SSE_TURNS", "16", NULL },
	{ "turn-min", "FCGI_SSE_TURN_MIN", "50ms", NULL },
	{ "turn-max", "FCGI_SSE_TURN_MAX", "120s", "2m" },
	{ "padding", "FCGI_SSE_PADDING", "0", NULL },
	{ "padding", "FCGI_SSE_PADDING", "2049", NULL },
	{ "padding", "FCGI_SSE_PADDING", "128K", NULL },
	{ "drain-spread", "FCGI_SSE_DRAIN_SPREAD", "0", NULL },
	{ "drain-timeout", "FCGI_SSE_DRAIN_TIMEOUT", "60s", "1m" },
	{ "allow-origin", "FCGI_SSE_ALLOW_ORIGIN", "*", NULL },
	{ "allow-origin", "FCGI_SSE_ALLOW_ORIGIN", "https://a.example:8443",
	    NULL },
	{ "log", "FCGI_SSE_LOG", "syslog", NULL },
	{ "log", "FCGI_SSE_LOG", "/var/log/a=b:c;d#e.log", NULL },
	{ "log-format", "FCGI_SSE_LOG_FORMAT", "json", NULL },
	{ "log-level", "FCGI_SSE_LOG_LEVEL", "error", NULL },
	{ "log-level", "FCGI_SSE_LOG_LEVEL", "debug", NULL },
};

static void
assert_in_config(const char *name, const char *value)
{
	struct buf config = { 0 };
	char       line[256];

	help_append_config(&config, &options);
	buf_append(&config, "", 1);
	snprintf(line, sizeof(line), "\n%s = %s\n", name, value);
	if (strstr(config.data, line) == NULL)
		fail_msg("no %s = %s in\n%s", name, value, config.data);
	buf_deinit(&config);
}

/* Each source reads each value alike. */
static void
test_sources(void **state)
{
	const char *printed;
	char        text[256];

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		printed = values[i].printed != NULL ? values[i].printed :
						      values[i].text;
		snprintf(text, sizeof(text), "--%s=%s", values[i].name,
		    values[i].text);
		assert_runs(ARGS(text));
		assert_in_config(values[i].name, printed);

		snprintf(text, sizeof(text), "--%s", values[i].name);
		assert_runs(ARGS(text, values[i].text));
		assert_in_config(values[i].name, printed);

		setenv(values[i].variable, values[i].text, 1);
		assert_runs(NO_ARGS);
		assert_in_config(values[i].name, printed);
		unsetenv(values[i].variable);

		snprintf(text, sizeof(text), "%s = %s\n", values[i].name,
		    values[i].text);
		fixture_write_text(text);
		assert_runs(ARGS("--config", fixture_file));
		assert_in_config(values[i].name, printed);
	}
}

static void
assert_list(char *const *list, size_t count, const char *const *expected)
{
	size_t i;

	for (i = 0; expected[i] != NULL; i++) {
		assert_true(i < count);
		assert_string_equal(list[i], expected[i]);
	}
	assert_int_equal(count, i);
}

static void
test_flag(void **state)
{
	static const struct {
		const char *text;
		bool        value;
	} rows[] = { { "yes", true }, { "true", true }, { "1", true },
		{ "no", false }, { "false", false }, { "0", false } };
	char line[64];

	(void)state;
	assert_runs(NO_ARGS);
	assert_false(options.status);
	assert_runs(ARGS("--status"));
	assert_true(options.status);
	for (size_t i = 0; i < COUNT(rows); i++) {
		setenv("FCGI_SSE_STATUS", rows[i].text, 1);
		assert_runs(NO_ARGS);
		assert_int_equal(options.status, rows[i].value);
		assert_runs(ARGS("--status"));
		assert_true(options.status);
		unsetenv("FCGI_SSE_STATUS");

		snprintf(line, sizeof(line), "status = %s\n", rows[i].text);
		fixture_write_text(line);
		assert_runs(ARGS("--config", fixture_file));
		assert_int_equal(options.status, rows[i].value);
	}
}

/* Which source counts. */

static void
test_precedence(void **state)
{
	(void)state;
	fixture_write_text(
	    "heartbeat = 2s\nlog-level = debug\nlog-format = json\n"
	    "request-timeout = 9s\n");
	setenv("FCGI_SSE_HEARTBEAT", "3s", 1);
	setenv("FCGI_SSE_LOG_LEVEL", "warn", 1);
	setenv("FCGI_SSE_MAX_BODY", "2M", 1);
	assert_runs(ARGS("--config", fixture_file, "--heartbeat", "4s"));
	assert_int_equal(options.heartbeat_ms, 4000);
	assert_int_equal(options.log_level, LOG_LEVEL_WARN);
	assert_int_equal(options.log_format, LOG_FORMAT_JSON);
	assert_int_equal(options.request_timeout_ms, 9000);
	assert_int_equal(options.max_body_bytes, 2097152);
	assert_int_equal(options.socket_mode, 0660);
	assert_string_equal(options.config, fixture_file);
}

static void
test_lists_replace_lists(void **state)
{
	(void)state;
	fixture_write_text("listen = unix:/f1\nlisten = unix:/f2\n"
			   "allow-origin = https://f\n");
	assert_runs(ARGS("--config", fixture_file));
	assert_list(options.listen, options.listen_count,
	    ARGS("unix:/f1", "unix:/f2"));

	setenv("FCGI_SSE_LISTEN", " unix:/e1  unix:/e2\tunix:/e3 ", 1);
	assert_runs(ARGS("--config", fixture_file));
	assert_list(options.listen, options.listen_count,
	    ARGS("unix:/e1", "unix:/e2", "unix:/e3"));

	assert_runs(ARGS("--listen", "unix:/c1", "--config", fixture_file,
	    "--listen=unix:/with space"));
	assert_list(options.listen, options.listen_count,
	    ARGS("unix:/c1", "unix:/with space"));
	assert_list(options.allow_origin, options.allow_origin_count,
	    ARGS("https://f"));
}

static void
test_last_argument_counts(void **state)
{
	(void)state;
	assert_runs(ARGS("--heartbeat", "2s", "--log", "/a", "--heartbeat=3s",
	    "--log", "/b"));
	assert_int_equal(options.heartbeat_ms, 3000);
	assert_string_equal(options.log, "/b");
}

static void
test_config_from_environment(void **state)
{
	(void)state;
	fixture_write_text("heartbeat = 2s\n");
	setenv("FCGI_SSE_CONFIG", fixture_file, 1);
	assert_runs(NO_ARGS);
	assert_int_equal(options.heartbeat_ms, 2000);
	setenv("FCGI_SSE_CONFIG", "/nonexistent", 1);
	assert_runs(ARGS("--config", fixture_file));
	assert_int_equal(options.heartbeat_ms, 2000);
}

/* A value that does not count must be right all the same. */
static void
test_overruled_is_checked(void **state)
{
	(void)state;
	fixture_write_text("heartbeat = soon\n");
	assert_refused(ARGS("--config", fixture_file, "--heartbeat", "2s"),
	    "@:1: heartbeat takes a duration from 1s to 1h, such as 15s; "
	    "not \"soon\"");
	setenv("FCGI_SSE_LISTEN", "unix:/a b", 1);
	assert_refused(ARGS("--listen", "unix:/c"),
	    "FCGI_SSE_LISTEN takes unix:PATH, HOST:PORT or [V6]:PORT; "
	    "not \"b\"");
}

static void
test_variables_that_do_not_count(void **state)
{
	(void)state;
	setenv("FCGI_SSE_HEARTBEAT", "", 1);
	setenv("FCGI_SSE_LISTEN", "", 1);
	setenv("FCGI_SSE_ALLOW_ORIGIN", "  ", 1);
	setenv("FCGI_SSE_CONFIG", "", 1);
	setenv("FCGI_SSE_HELP", "1", 1);
	setenv("FCGI_SSE_SERVICE_HOST", "10.0.0.1", 1);
	assert_runs(NO_ARGS);
	assert_int_equal(options.heartbeat_ms, 15000);
	assert_int_equal(options.listen_count, 0);
	assert_int_equal(options.allow_origin_count, 0);
}

/* A client's query must set nothing, even if a server hands it over. */
static void
test_cgi_query_is_no_command_line(void **state)
{
	static const char *const args[] = { "--log", "/etc/passwd", NULL };

	(void)state;
	setenv("GATEWAY_INTERFACE", "CGI/1.1", 1);
	setenv("QUERY_STRING", "--log+/etc/passwd", 1);
	setenv("FCGI_SSE_HEARTBEAT", "2s", 1);
	assert_runs(args);
	assert_string_equal(options.log, "stderr");
	assert_int_equal(options.heartbeat_ms, 2000);

	setenv("QUERY_STRING", "%2D%2Dlog+%2Fetc%2fpasswd", 1);
	assert_runs(args);
	assert_string_equal(options.log, "stderr");

	/* Apache quotes for a shell. */
	setenv("QUERY_STRING", "--log+/a;%27%5C%26b", 1);
	assert_runs(ARGS("--log", "/a\\;\\'\\\\\\&b"));
	assert_string_equal(options.log, "stderr");

	/* Apache hands over no more words than it has room for. */
	setenv("QUERY_STRING", "--log+/etc/passwd+a+b", 1);
	assert_runs(args);
	assert_string_equal(options.log, "stderr");

	/* With "=" in the query the arguments are not the client's. */
	setenv("QUERY_STRING", "interval=1s", 1);
	assert_runs(args);
	assert_string_equal(options.log, "/etc/passwd");
	setenv("QUERY_STRING", "", 1);
	assert_runs(args);
	assert_string_equal(options.log, "/etc/passwd");
	unsetenv("GATEWAY_INTERFACE");
	setenv("QUERY_STRING", "--log+/etc/passwd", 1);
	assert_runs(args);
	assert_string_equal(options.log, "/etc/passwd");
}

/* A script that calls the program may give options of its own. */
static void
test_cgi_script_has_options(void **state)
{
	static const char *const queries[] = { "x", "--log", "", "+", "%",
		"--log+/var", "/tmp/a+--log", "a+b+c+d" };

	(void)state;
	setenv("GATEWAY_INTERFACE", "CGI/1.1", 1);
	for (size_t i = 0; i < COUNT(queries); i++) {
		setenv("QUERY_STRING", queries[i], 1);
		assert_runs(ARGS("--log", "/var/log/a"));
		assert_string_equal(options.log, "/var/log/a");
	}
	/* The script may hand over the words of the query as well. */
	setenv("QUERY_STRING", "--status+--max-streams+9", 1);
	assert_runs(ARGS("--log", "/var/log/a", "--status", "--max-streams",
	    "9"));
	assert_string_equal(options.log, "/var/log/a");
	assert_false(options.status);
	assert_int_equal(options.max_streams, 0);
}

/* What is printed. */

static void
assert_starts_with(const char *text, const char *start)
{
	assert_int_equal(strncmp(text, start, strlen(start)), 0);
}

static void
assert_prints(struct buf *out, const char *const *args)
{
	assert_int_equal(fixture_load_printing(args, out), OPTIONS_EXIT_OK);
}

static void
test_help(void **state)
{
	struct buf  out = { 0 };
	char        text[64];
	const char *line;

	(void)state;
	assert_prints(&out, ARGS("--help", "--foo"));
	assert_starts_with(out.data, "Usage: fcgi-sse [OPTION]...\n");
	for (size_t i = 0; i < option_spec_count; i++) {
		if (option_specs[i].type == OPTION_HEADING)
			continue;
		snprintf(text, sizeof(text), "\n  --%s ", option_specs[i].name);
		assert_non_null(strstr(out.data, text));
	}
	for (line = out.data; *line != '\0'; line = strchr(line, '\n') + 1)
		assert_in_range(strcspn(line, "\n"), 0, 80);
	assert_null(strstr(out.data, " \n"));
	assert_non_null(strstr(out.data, "(1s to 1h; default 15s)\n"));
	buf_deinit(&out);
}

static void
test_version(void **state)
{
	struct buf out = { 0 };

	(void)state;
	assert_prints(&out, ARGS("--version"));
	assert_starts_with(out.data, "fcgi-sse ");
	assert_non_null(strstr(out.data, "\nlibuv 1."));
	buf_deinit(&out);
}

static void
test_print_config(void **state)
{
	static const char *const lines[] = { "\nlisten = unix:/a\n"
					     "listen = [::1]:80\n",
		"\nsocket-mode = 0660\n", "\nheartbeat = 90s\n",
		"\nmax-body = 1M\n", "\nstatus = no\n",
		"\nstream-lifetime = 0\n", "\n;allow-origin =\n",
		"\nlog-level = debug\n" };
	struct buf               first = { 0 }, second = { 0 };

	(void)state;
	setenv("FCGI_SSE_LOG_LEVEL", "debug", 1);
	assert_prints(&first,
	    ARGS("--print-config", "--heartbeat=90s", "--listen=unix:/a",
		"--listen=[::1]:80"));
	assert_starts_with(first.data, "[fcgi-sse]\n");
	for (size_t i = 0; i < COUNT(lines); i++) {
		if (strstr(first.data, lines[i]) == NULL)
			fail_msg("no %s in %s", lines[i], first.data);
	}

	/* Read back it prints the same, behind the name of the file. */
	unsetenv("FCGI_SSE_LOG_LEVEL");
	fixture_write(first.data, first.len_bytes);
	assert_prints(&second,
	    ARGS("--config", fixture_file, "--print-config"));
	assert_string_equal(strchr(second.data, '\n') + 1, first.data);
	buf_deinit(&first);
	buf_deinit(&second);
}

static void
test_full_stdout(void **state)
{
	enum options_verdict verdict;
	int                  saved_fd, fd;

	(void)state;
	fflush(stdout);
	saved_fd = dup(STDOUT_FILENO);
	fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	dup2(fd, STDOUT_FILENO);
	close(fd);
	verdict = fixture_load(ARGS("--help"));
	dup2(saved_fd, STDOUT_FILENO);
	close(saved_fd);
	clearerr(stdout);
	assert_int_equal(verdict, OPTIONS_USAGE);
	assert_string_equal(problem,
	    "standard output: No space left on device");
}

/* Where a failed start is to be logged, whatever is wrong. */
static void
test_log_of_wrong_options(void **state)
{
	char  name[] = "fcgi-sse", bad[] = "--heartbeat=x", help[] = "--help";
	char  config[] = "--config", unknown[] = "--nope";
	char *argv[] = { name, bad, help, config, fixture_file, NULL };
	char *stopped[] = { name, unknown, NULL };

	(void)state;
	fixture_write_text("foo = 1\nlog-level = x\nlog = /a\nlog = /b\n");
	options_load_log(&options, 5, argv);
	assert_string_equal(options.log, "/a");
	assert_int_equal(options.log_level, LOG_LEVEL_INFO);
	options_deinit(&options);

	setenv("FCGI_SSE_HISTORY_AGE", "x", 1);
	setenv("FCGI_SSE_LOG", "syslog", 1);
	setenv("FCGI_SSE_LOG_FORMAT", "json", 1);
	options_load_log(&options, 2, stopped);
	assert_string_equal(options.log, "syslog");
	assert_int_equal(options.log_format, LOG_FORMAT_JSON);
}

/* A turn may not be longer than the time in which each client has one. */
static void
test_turns_contradict(void **state)
{
#define CURE                                                                \
	": a turn cannot be longer than the time in which each client has " \
	"one; set turn-min to less, or turn-max to more"

	(void)state;
	assert_refused(ARGS("--turn-min", "10s"),
	    "--turn-min is 10s, and turn-max is 5s (the default)" CURE);
	assert_refused(ARGS("--print-config", "--turn-min", "1001ms",
			   "--turn-max", "1s"),
	    "--turn-min is 1001ms, and --turn-max is 1s" CURE);
	setenv("FCGI_SSE_TURN_MIN", "2m", 1);
	assert_refused(ARGS("--turn-max", "1m"),
	    "FCGI_SSE_TURN_MIN is 2m, and --turn-max is 1m" CURE);
	fixture_write_text("turn-min = 1s\nturn-max = 90s\n");
	assert_refused(ARGS("--config", fixture_file),
	    "FCGI_SSE_TURN_MIN is 2m, and @: turn-max is 90s" CURE);
	unsetenv("FCGI_SSE_TURN_MIN");
	assert_runs(ARGS("--config", fixture_file));
	fixture_write_text("turn-min = 2s\nturn-max = 1s\n");
	assert_refused(ARGS("--config", fixture_file),
	    "@: turn-min is 2s, and @: turn-max is 1s" CURE);
	assert_runs(ARGS("--turn-min", "5s"));
	assert_runs(ARGS("--turn-min", "10s", "--turn-max", "0"));
#undef CURE
}

/* One load leaves nothing to the next, wherever it stopped. */
static void
test_loads_are_independent(void **state)
{
	(void)state;
	assert_refused(ARGS("-xyz", "--log", "/a"),
	    "unknown option \"-x\"; see --help");
	assert_runs(ARGS("--log", "/b", "--listen", "unix:/x"));
	assert_refused(ARGS("--log", "/c", "foo"),
	    "\"foo\" is no option, and no command in the first place: "
	    "publish, doctor, store, jwks; see --help");
	assert_runs(ARGS("--heartbeat", "3s"));
	assert_string_equal(options.log, "stderr");
	assert_int_equal(options.listen_count, 0);
	assert_int_equal(options.heartbeat_ms, 3000);
	options_deinit(&options);
	options_deinit(&options);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		OPTIONS_TEST(test_defaults),
		OPTIONS_TEST(test_sources),
		OPTIONS_TEST(test_flag),
		OPTIONS_TEST(test_precedence),
		OPTIONS_TEST(test_lists_replace_lists),
		OPTIONS_TEST(test_last_argument_counts),
		OPTIONS_TEST(test_config_from_environment),
		OPTIONS_TEST(test_overruled_is_checked),
		OPTIONS_TEST(test_variables_that_do_not_count),
		OPTIONS_TEST(test_cgi_query_is_no_command_line),
		OPTIONS_TEST(test_cgi_script_has_options),
		OPTIONS_TEST(test_help),
		OPTIONS_TEST(test_version),
		OPTIONS_TEST(test_print_config),
		OPTIONS_TEST(test_full_stdout),
		OPTIONS_TEST(test_log_of_wrong_options),
		OPTIONS_TEST(test_turns_contradict),
		OPTIONS_TEST(test_loads_are_independent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
