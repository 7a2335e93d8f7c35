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
#include "process/option_check.h"
#include "process/option_spec.h"
#include "process/option_text.h"
#include "process/option_value.h"
#include "process/options.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ARGS_MAX 12

/* A NULL-terminated list of arguments, in a table or in a call. */
#define ARGS(...)                 \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}
#define NO_ARGS ((const char *const[]){ NULL })

static const char *const variables[] = { "FCGI_SSE_LISTEN",
	"FCGI_SSE_SOCKET_MODE", "FCGI_SSE_REQUEST_TIMEOUT",
	"FCGI_SSE_MAX_BODY", "FCGI_SSE_HEARTBEAT", "FCGI_SSE_ALLOW_ORIGIN",
	"FCGI_SSE_LOG", "FCGI_SSE_LOG_FORMAT", "FCGI_SSE_LOG_LEVEL",
	"FCGI_SSE_CONFIG", "FCGI_SSE_HELP", "FCGI_SSE_SERVICE_HOST",
	"GATEWAY_INTERFACE", "QUERY_STRING" };

static char dir[64];
static char file_path[96];
static char output_path[96];

static struct options options;
static char           problem[1024];

static int
set_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(variables); i++)
		unsetenv(variables[i]);
	snprintf(dir, sizeof(dir), "/tmp/test_options.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(file_path, sizeof(file_path), "%s/x.ini", dir);
	snprintf(output_path, sizeof(output_path), "%s/output", dir);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	options_deinit(&options);
	(void)unlink(file_path);
	(void)unlink(output_path);
	return rmdir(dir);
}

/* Loads `options`, and `problem` from what it says. */
static enum options_verdict
load(const char *const *args)
{
	struct buf           text = { 0 };
	enum options_verdict verdict;
	char                 copies[ARGS_MAX][256], *argv[ARGS_MAX + 1];
	int                  argc = 1;

	snprintf(copies[0], sizeof(copies[0]), "fcgi-sse");
	argv[0] = copies[0];
	for (; *args != NULL; args++, argc++) {
		assert_true(argc < ARGS_MAX);
		snprintf(copies[argc], sizeof(copies[argc]), "%s", *args);
		argv[argc] = copies[argc];
	}
	argv[argc] = NULL;
	options_deinit(&options);
	verdict = options_load(&options, argc, argv, &text);
	snprintf(problem, sizeof(problem), "%.*s", (int)text.len_bytes,
	    text.len_bytes > 0 ? text.data : "");
	buf_deinit(&text);
	if (verdict != OPTIONS_USAGE)
		assert_string_equal(problem, "");
	return verdict;
}

static void
assert_runs(const char *const *args)
{
	if (load(args) != OPTIONS_RUN)
		fail_msg("%s", problem);
}

/* "@" at the start of the expected text stands for the file's path. */
static void
assert_refused(const char *const *args, const char *expected)
{
	char text[1024];

	assert_int_equal(load(args), OPTIONS_USAGE);
	if (expected[0] == '@')
		snprintf(text, sizeof(text), "%s%s", file_path, expected + 1);
	else
		snprintf(text, sizeof(text), "%s", expected);
	assert_string_equal(problem, text);
	assert_int_equal(options.listen_count, 0);
	assert_null(options.log);
}

static void
write_file(const char *bytes, size_t len_bytes)
{
	FILE *file = fopen(file_path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len_bytes, file), len_bytes);
	assert_int_equal(fclose(file), 0);
}

static void
write_text(const char *text)
{
	write_file(text, strlen(text));
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

/* Loads with stdout in a file; out is then what was printed. */
static enum options_verdict
load_printing(const char *const *args, struct buf *out)
{
	enum options_verdict verdict;
	int                  saved_fd, fd;
	char                 bytes[4096];
	ssize_t              n;

	fflush(stdout);
	saved_fd = dup(STDOUT_FILENO);
	fd = open(output_path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_int_not_equal(fd, -1);
	dup2(fd, STDOUT_FILENO);
	verdict = load(args);
	fflush(stdout);
	dup2(saved_fd, STDOUT_FILENO);
	close(saved_fd);
	lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		buf_append(out, bytes, (size_t)n);
	buf_append(out, "", 1);
	out->len_bytes--;
	close(fd);
	return verdict;
}

/* Values. */

static void
test_defaults(void **state)
{
	(void)state;
	assert_runs(NO_ARGS);
	assert_int_equal(options.listen_count, 0);
	assert_null(options.listen);
	assert_int_equal(options.socket_mode, 0660);
	assert_null(options.config);
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

	option_text_append_config(&config, &options);
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
		write_text(text);
		assert_runs(ARGS("--config", file_path));
		assert_in_config(values[i].name, printed);
	}
}

static void
test_types_without_a_row(void **state)
{
	static const struct option_spec number = { .name = "number",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct options, max_body_bytes),
		.min = 10,
		.max = 20,
		.has_off = true,
		.fallback = "0" };
	static const struct option_spec flag = { .name = "flag",
		.type = OPTION_FLAG,
		.offset = offsetof(struct options, socket_mode) };
	static const struct {
		const char *text;
		bool        value;
	} flags[] = { { "yes", true }, { "no", false }, { "true", true },
		{ "false", false }, { "1", true }, { "0", false } };
	struct buf text = { 0 };

	(void)state;
	assert_true(option_value_set(&options, &number, "10"));
	assert_int_equal(options.max_body_bytes, 10);
	assert_true(option_value_set(&options, &number, "20"));
	assert_false(option_value_set(&options, &number, "9"));
	assert_false(option_value_set(&options, &number, "21"));
	assert_false(option_value_set(&options, &number, "10s"));
	assert_int_equal(options.max_body_bytes, 20);
	assert_true(option_value_set(&options, &number, "0"));
	assert_int_equal(options.max_body_bytes, 0);
	option_text_append_takes(&text, &number);
	buf_append(&text, "", 1);
	assert_string_equal(text.data, "a number from 10 to 20, 0 is off");

	for (size_t i = 0; i < COUNT(flags); i++) {
		assert_true(option_value_set(&options, &flag, flags[i].text));
		assert_int_equal(
		    *(bool *)&options.socket_mode, flags[i].value);
	}
	assert_false(option_value_set(&options, &flag, "Yes"));
	assert_false(option_value_set(&options, &flag, ""));
	text.len_bytes = 0;
	option_text_append_takes(&text, &flag);
	buf_append(&text, "", 1);
	assert_string_equal(text.data, "yes or no");
	buf_deinit(&text);
}

static void
test_addresses(void **state)
{
	static const char *const good[] = { "unix:/run/x.sock", "unix:x",
		"unix:/with space", "unix:unix:x", "localhost:1",
		"127.0.0.1:65535", "my-host.example_1:9000", "[::1]:9000",
		"[::]:1", "[::ffff:10.0.0.1]:80", "[2001:DB8::1]:9000" };
	static const char *const bad[] = { "", "unix:", "unix", "/run/x.sock",
		":9000", "9000", "localhost", "localhost:", "localhost:0",
		"localhost:65536", "localhost:080", "localhost:+80",
		"localhost:80 ", "localhost:http", "localhost:100000",
		"::1:9000", "[::1]", "[::1]:", "[]:80", "[:]:80", "[::1:80",
		"[g::]:80", "[::1]x:80", "http://localhost:80", "a b:80" };
	char path[256];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		if (!option_check_is_address(good[i]))
			fail_msg("%s", good[i]);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (option_check_is_address(bad[i]))
			fail_msg("%s", bad[i]);
	}
	/* As long as a unix address holds, and one byte more. */
	snprintf(path, sizeof(path), "unix:%0107d", 0);
	assert_true(option_check_is_address(path));
	snprintf(path, sizeof(path), "unix:%0108d", 0);
	assert_false(option_check_is_address(path));
}

static void
test_origins(void **state)
{
	static const char *const good[] = { "*", "https://example.org",
		"http://localhost", "http://localhost:8080",
		"https://example.org:80", "http://example.org:443",
		"http://127.0.0.1:3000", "http://[::1]", "http://[::1]:8080",
		"https://xn--bcher-kva.example", "chrome-extension://abc",
		"capacitor://localhost" };
	static const char *const bad[] = { "", "null", "**", "*.example.org",
		"https://*.example.org", "example.org", "//example.org",
		"://example.org", "https:/example.org", "https://",
		"https://example.org/", "https://example.org/path",
		"https://example.org?", "https://user@example.org",
		"https://example.org:", "https://example.org:443",
		"http://example.org:80", "http://[::1]:80",
		"https://example.org:0", "https://Example.org",
		"HTTPS://example.org", "http://[::AB]", "1http://a",
		"https://b\xc3\xbc" "cher.example", "https://a https://b",
		"http://[::1" };

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		if (!option_check_is_origin(good[i]))
			fail_msg("%s", good[i]);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (option_check_is_origin(bad[i]))
			fail_msg("%s", bad[i]);
	}
}

/* Which source counts. */

static void
test_precedence(void **state)
{
	(void)state;
	write_text("heartbeat = 2s\nlog-level = debug\nlog-format = json\n"
		   "request-timeout = 9s\n");
	setenv("FCGI_SSE_HEARTBEAT", "3s", 1);
	setenv("FCGI_SSE_LOG_LEVEL", "warn", 1);
	setenv("FCGI_SSE_MAX_BODY", "2M", 1);
	assert_runs(ARGS("--config", file_path, "--heartbeat", "4s"));
	assert_int_equal(options.heartbeat_ms, 4000);
	assert_int_equal(options.log_level, LOG_LEVEL_WARN);
	assert_int_equal(options.log_format, LOG_FORMAT_JSON);
	assert_int_equal(options.request_timeout_ms, 9000);
	assert_int_equal(options.max_body_bytes, 2097152);
	assert_int_equal(options.socket_mode, 0660);
	assert_string_equal(options.config, file_path);
}

static void
test_lists_replace_lists(void **state)
{
	(void)state;
	write_text("listen = unix:/f1\nlisten = unix:/f2\n"
		   "allow-origin = https://f\n");
	assert_runs(ARGS("--config", file_path));
	assert_list(options.listen, options.listen_count,
	    ARGS("unix:/f1", "unix:/f2"));

	setenv("FCGI_SSE_LISTEN", " unix:/e1  unix:/e2\tunix:/e3 ", 1);
	assert_runs(ARGS("--config", file_path));
	assert_list(options.listen, options.listen_count,
	    ARGS("unix:/e1", "unix:/e2", "unix:/e3"));

	assert_runs(ARGS("--listen", "unix:/c1", "--config", file_path,
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
	write_text("heartbeat = 2s\n");
	setenv("FCGI_SSE_CONFIG", file_path, 1);
	assert_runs(NO_ARGS);
	assert_int_equal(options.heartbeat_ms, 2000);
	setenv("FCGI_SSE_CONFIG", "/nonexistent", 1);
	assert_runs(ARGS("--config", file_path));
	assert_int_equal(options.heartbeat_ms, 2000);
}

/* A value that does not count must be right all the same. */
static void
test_overruled_is_checked(void **state)
{
	(void)state;
	write_text("heartbeat = soon\n");
	assert_refused(
	    ARGS("--config", file_path, "--heartbeat", "2s"),
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

	setenv("QUERY_STRING", "%2D%2Dlog+x%3D", 1);
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
	setenv("QUERY_STRING", "x", 1);
	assert_runs(args);
	assert_string_equal(options.log, "/etc/passwd");
}

/* What is refused. */

#define TAKES_ADDRESS "takes unix:PATH, HOST:PORT or [V6]:PORT"
#define TAKES_MODE "takes an octal mode from 0000 to 0777, such as 0660"
#define TAKES_TIMEOUT "takes a duration from 100ms to 1h, such as 10s"
#define TAKES_BODY "takes a size in bytes from 1K to 64M, such as 1M"
#define TAKES_HEARTBEAT "takes a duration from 1s to 1h, such as 15s"
#define TAKES_ORIGIN                                                        \
	"takes * or an origin as browsers send it, such as "                \
	"https://example.org: in lower case, without a path, without the " \
	"scheme's own port"
#define TAKES_LOG "takes stderr, syslog or a file's path"
#define TAKES_FORMAT "takes text or json"
#define TAKES_LEVEL "takes error, warn, info or debug"
#define TAKES_CONFIG "takes a file's path"
#define NOT_TEXT                                                       \
	": a value has at most 160 bytes, no control characters, no " \
	"blank at an end, no \";\" at its start or after a blank"

static const struct {
	const char *name;
	const char *variable;
	const char *text;
	const char *message; /* behind the name */
} bad_values[] = {
	{ "listen", "FCGI_SSE_LISTEN", "x", TAKES_ADDRESS "; not \"x\"" },
	{ "listen", "FCGI_SSE_LISTEN", "a:0", TAKES_ADDRESS "; not \"a:0\"" },
	{ "socket-mode", "FCGI_SSE_SOCKET_MODE", "1000",
	    TAKES_MODE "; not \"1000\"" },
	{ "socket-mode", "FCGI_SSE_SOCKET_MODE", "0688",
	    TAKES_MODE "; not \"0688\"" },
	{ "socket-mode", "FCGI_SSE_SOCKET_MODE", "rw",
	    TAKES_MODE "; not \"rw\"" },
	{ "request-timeout", "FCGI_SSE_REQUEST_TIMEOUT", "99ms",
	    TAKES_TIMEOUT "; not \"99ms\"" },
	{ "request-timeout", "FCGI_SSE_REQUEST_TIMEOUT", "0",
	    TAKES_TIMEOUT "; not \"0\"" },
	{ "max-body", "FCGI_SSE_MAX_BODY", "1023",
	    TAKES_BODY "; not \"1023\"" },
	{ "max-body", "FCGI_SSE_MAX_BODY", "65M", TAKES_BODY "; not \"65M\"" },
	{ "max-body", "FCGI_SSE_MAX_BODY", "M", TAKES_BODY "; not \"M\"" },
	{ "max-body", "FCGI_SSE_MAX_BODY", "1k", TAKES_BODY "; not \"1k\"" },
	{ "max-body", "FCGI_SSE_MAX_BODY", "1MM", TAKES_BODY "; not \"1MM\"" },
	{ "max-body", "FCGI_SSE_MAX_BODY", "-1", TAKES_BODY "; not \"-1\"" },
	{ "max-body", "FCGI_SSE_MAX_BODY", "18014398509481985K",
	    TAKES_BODY "; not \"18014398509481985K\"" },
	{ "max-body", "FCGI_SSE_MAX_BODY", "99999999999999999999",
	    TAKES_BODY "; not \"99999999999999999999\"" },
	{ "heartbeat", "FCGI_SSE_HEARTBEAT", "15",
	    TAKES_HEARTBEAT "; not \"15\"" },
	{ "heartbeat", "FCGI_SSE_HEARTBEAT", "999ms",
	    TAKES_HEARTBEAT "; not \"999ms\"" },
	{ "heartbeat", "FCGI_SSE_HEARTBEAT", "3601s",
	    TAKES_HEARTBEAT "; not \"3601s\"" },
	{ "heartbeat", "FCGI_SSE_HEARTBEAT", "1d",
	    TAKES_HEARTBEAT "; not \"1d\"" },
	{ "allow-origin", "FCGI_SSE_ALLOW_ORIGIN", "https://a/",
	    TAKES_ORIGIN "; not \"https://a/\"" },
	{ "log-format", "FCGI_SSE_LOG_FORMAT", "xml",
	    TAKES_FORMAT "; not \"xml\"" },
	{ "log-level", "FCGI_SSE_LOG_LEVEL", "Info",
	    TAKES_LEVEL "; not \"Info\"" },
	{ "log-level", "FCGI_SSE_LOG_LEVEL",
	    "0123456789012345678901234567890123456789012345678901234567891",
	    TAKES_LEVEL "; not \"01234567890123456789012345678901234567890"
			"1234567890123456789...\"" },
};

static void
test_bad_values(void **state)
{
	char arg[256], message[512];

	(void)state;
	for (size_t i = 0; i < COUNT(bad_values); i++) {
		snprintf(arg, sizeof(arg), "--%s=%s", bad_values[i].name,
		    bad_values[i].text);
		snprintf(message, sizeof(message), "--%s %s",
		    bad_values[i].name, bad_values[i].message);
		assert_refused(ARGS(arg), message);

		setenv(bad_values[i].variable, bad_values[i].text, 1);
		snprintf(message, sizeof(message), "%s %s",
		    bad_values[i].variable, bad_values[i].message);
		assert_refused(NO_ARGS, message);
		unsetenv(bad_values[i].variable);

		snprintf(arg, sizeof(arg), "\n[fcgi-sse]\n%s = %s\n",
		    bad_values[i].name, bad_values[i].text);
		write_text(arg);
		snprintf(message, sizeof(message), "@:3: %s %s",
		    bad_values[i].name, bad_values[i].message);
		assert_refused(ARGS("--config", file_path), message);
	}
}

/* Every option with a value, empty and missing. */
static void
test_no_value(void **state)
{
	static const char *const rows[][2] = {
		{ "listen", TAKES_ADDRESS },
		{ "socket-mode", TAKES_MODE },
		{ "request-timeout", TAKES_TIMEOUT },
		{ "max-body", TAKES_BODY },
		{ "heartbeat", TAKES_HEARTBEAT },
		{ "allow-origin", TAKES_ORIGIN },
		{ "log", TAKES_LOG },
		{ "log-format", TAKES_FORMAT },
		{ "log-level", TAKES_LEVEL },
		{ "config", TAKES_CONFIG },
	};
	char arg[64], message[512];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(arg, sizeof(arg), "--%s", rows[i][0]);
		snprintf(message, sizeof(message), "%s %s", arg, rows[i][1]);
		assert_refused(ARGS(arg), message);
		snprintf(arg, sizeof(arg), "--%s=", rows[i][0]);
		snprintf(message, sizeof(message), "--%s %s; not \"\"",
		    rows[i][0], rows[i][1]);
		assert_refused(ARGS(arg), message);
	}
	write_text("log =\n");
	assert_refused(ARGS("--config", file_path),
	    "@:1: log takes stderr, syslog or a file's path; not \"\"");
}

static void
test_bad_arguments(void **state)
{
	static const struct {
		const char *args[3];
		const char *message;
	} rows[] = {
		{ { "--foo" }, "unknown option \"--foo\"; see --help" },
		{ { "--foo=1" }, "unknown option \"--foo=1\"; see --help" },
		{ { "--lo" }, "unknown option \"--lo\"; see --help" },
		{ { "-h" }, "unknown option \"-h\"; see --help" },
		{ { "-xy" }, "unknown option \"-x\"; see --help" },
		{ { "--a\nb" }, "unknown option \"--a?b\"; see --help" },
		{ { "--help=yes" }, "--help takes no value" },
		{ { "--version=1" }, "--version takes no value" },
		{ { "foo" }, "\"foo\" is not an option; see --help" },
		{ { "foo", "--help" }, "\"foo\" is not an option; see --help" },
		{ { "--", "foo" }, "\"foo\" is not an option; see --help" },
		{ { "" }, "\"\" is not an option; see --help" },
		{ { "-" }, "\"-\" is not an option; see --help" },
		{ { "--print-config", "foo" },
		    "\"foo\" is not an option; see --help" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_refused(rows[i].args, rows[i].message);
}

static void
test_texts_no_file_holds(void **state)
{
	static const char *const texts[] = { " /a", "/a ", "/a ;b", ";a",
		"/a\nb", "/a\tb", "/a\x7f", " " };
	char text[256], arg[300];

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_refused(ARGS("--log", texts[i]), "--log" NOT_TEXT);
		setenv("FCGI_SSE_LOG", texts[i], 1);
		assert_refused(NO_ARGS, "FCGI_SSE_LOG" NOT_TEXT);
		unsetenv("FCGI_SSE_LOG");
	}
	snprintf(text, sizeof(text), "/%0160d", 0);
	assert_refused(ARGS("--log", text), "--log" NOT_TEXT);
	text[160] = '\0';
	assert_runs(ARGS("--log", text));
	snprintf(arg, sizeof(arg), "request-timeout = 1s\nlog = %s\n", text);
	write_text(arg);
	assert_runs(ARGS("--config", file_path));
	assert_string_equal(options.log, text);
}

/* Files. */

#define BYTES(text) (text), sizeof(text) - 1

static void
test_good_files(void **state)
{
	static const struct {
		const char *bytes;
		size_t      len_bytes;
	} rows[] = {
		{ BYTES("heartbeat = 2s") },
		{ BYTES("heartbeat = 2s\n") },
		{ BYTES("heartbeat=2s\r\n") },
		{ BYTES("heartbeat:2s\n") },
		{ BYTES("\xef\xbb\xbfheartbeat = 2s\n") },
		{ BYTES("[fcgi-sse]\nheartbeat = 2s\n") },
		{ BYTES("[other]\n[fcgi-sse]\nheartbeat = 2s\n") },
		{ BYTES("; comment\n# comment\n\n  \t\nheartbeat = 2s\n") },
		{ BYTES("heartbeat = 2s ; comment\n") },
		{ BYTES("  heartbeat  =  2s  \n") },
		{ BYTES("log-level = warn\n  heartbeat = 2s\n") },
		{ BYTES("log-level = warn\n\theartbeat = 2s\n") },
		{ BYTES("log-level = warn\n  ; comment\nheartbeat = 2s\n") },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		write_file(rows[i].bytes, rows[i].len_bytes);
		assert_runs(ARGS("--config", file_path));
		assert_int_equal(options.heartbeat_ms, 2000);
	}
	write_text("");
	assert_runs(ARGS("--config", file_path));
}

static void
test_bad_files(void **state)
{
	static const struct {
		const char *bytes;
		size_t      len_bytes;
		const char *message;
	} rows[] = {
		{ BYTES("foo = 1\n"), "@:1: unknown key \"foo\"" },
		{ BYTES("log = a\nfoo = 1\nbar = 2\n"),
		    "@:2: unknown key \"foo\"" },
		{ BYTES("Heartbeat = 2s\n"), "@:1: unknown key \"Heartbeat\"" },
		{ BYTES("heart\x1b = 2s\n"), "@:1: unknown key \"heart?\"" },
		{ BYTES("= 2s\n"), "@:1: unknown key \"\"" },
		{ BYTES("help = yes\n"), "@:1: unknown key \"help\"" },
		{ BYTES("print-config = yes\n"),
		    "@:1: unknown key \"print-config\"" },
		{ BYTES("config = /x\n"), "@:1: unknown key \"config\"" },
		{ BYTES("[other]\nheartbeat = 2s\n"),
		    "@:2: unknown section [other]" },
		{ BYTES("[Fcgi-sse]\nheartbeat = 2s\n"),
		    "@:2: unknown section [Fcgi-sse]" },
		{ BYTES("heartbeat\n"),
		    "@:1: the line is not `key = value`" },
		{ BYTES("\n\n[fcgi-sse\n"),
		    "@:3: the line is not `key = value`" },
		{ BYTES("nonsense\nfoo = 1\n"),
		    "@:1: the line is not `key = value`" },
		{ BYTES("log = a\n  b\n"),
		    "@:2: the line is not `key = value`" },
		{ BYTES("heartbeat = 2s\nlog = x\nheartbeat = 2s\n"),
		    "@:3: heartbeat is there twice" },
		{ BYTES("log = a\0b\n"), "@:1: there is a NUL" },
		{ BYTES("# a\n\0\n"), "@:2: there is a NUL" },
		{ BYTES("log = /a\x1b[m\n"), "@:1: log" NOT_TEXT },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		write_file(rows[i].bytes, rows[i].len_bytes);
		assert_refused(ARGS("--config", file_path), rows[i].message);
	}
}

static void
test_long_lines(void **state)
{
	char text[1000];

	(void)state;
	/* A value of 160 bytes fits; it is not cut where inih would. */
	snprintf(text, sizeof(text), "heartbeat = 2s\nlog = /%0250d\n", 0);
	write_text(text);
	assert_refused(
	    ARGS("--config", file_path), "@:2: the line is too long");
	snprintf(text, sizeof(text), "heartbeat%250s = 2s\n", "");
	write_text(text);
	assert_refused(
	    ARGS("--config", file_path), "@:1: the line is too long");
	snprintf(text, sizeof(text), "%250s;%0500d\nheartbeat = 2s\n", "", 0);
	write_text(text);
	assert_runs(ARGS("--config", file_path));
	assert_int_equal(options.heartbeat_ms, 2000);
}

static void
test_no_file(void **state)
{
	char message[256];

	(void)state;
	assert_refused(ARGS("--config", file_path),
	    "@: No such file or directory");
	snprintf(message, sizeof(message), "%s: Is a directory", dir);
	assert_refused(ARGS("--config", dir), message);
}

/* What is printed. */

static void
assert_starts_with(const char *text, const char *start)
{
	assert_int_equal(strncmp(text, start, strlen(start)), 0);
}

static void
test_help(void **state)
{
	struct buf  out = { 0 };
	char        text[64];
	const char *line;

	(void)state;
	assert_int_equal(
	    load_printing(ARGS("--help", "--foo"), &out), OPTIONS_EXIT_OK);
	assert_starts_with(out.data, "Usage: fcgi-sse [OPTION]...\n");
	for (size_t i = 0; i < option_spec_count; i++) {
		if (option_specs[i].type == OPTION_HEADING)
			continue;
		snprintf(text, sizeof(text), "\n  --%s ",
		    option_specs[i].name);
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
	assert_int_equal(
	    load_printing(ARGS("--version"), &out), OPTIONS_EXIT_OK);
	assert_starts_with(out.data, "fcgi-sse ");
	assert_non_null(strstr(out.data, "\nlibuv 1."));
	buf_deinit(&out);
}

static void
test_print_config(void **state)
{
	struct buf first = { 0 }, second = { 0 };

	(void)state;
	setenv("FCGI_SSE_LOG_LEVEL", "debug", 1);
	assert_int_equal(
	    load_printing(ARGS("--print-config", "--heartbeat=90s",
			      "--listen=unix:/a", "--listen=[::1]:80"),
		&first),
	    OPTIONS_EXIT_OK);
	assert_string_equal(first.data,
	    "[fcgi-sse]\n"
	    "listen = unix:/a\n"
	    "listen = [::1]:80\n"
	    "socket-mode = 0660\n"
	    "request-timeout = 10s\n"
	    "max-body = 1M\n"
	    "heartbeat = 90s\n"
	    ";allow-origin =\n"
	    "log = stderr\n"
	    "log-format = text\n"
	    "log-level = debug\n");

	/* Read back it prints the same, behind the name of the file. */
	unsetenv("FCGI_SSE_LOG_LEVEL");
	write_file(first.data, first.len_bytes);
	assert_int_equal(
	    load_printing(ARGS("--config", file_path, "--print-config"),
		&second),
	    OPTIONS_EXIT_OK);
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
	verdict = load(ARGS("--help"));
	dup2(saved_fd, STDOUT_FILENO);
	close(saved_fd);
	clearerr(stdout);
	assert_int_equal(verdict, OPTIONS_USAGE);
	assert_string_equal(
	    problem, "standard output: No space left on device");
}

static void
test_problem_on_stderr(void **state)
{
	static const char expected[] = "fcgi-sse: --log-level " TAKES_LEVEL
				       "; not \"x\"\n";
	char  name[] = "fcgi-sse", arg[] = "--log-level=x", text[256] = "";
	char *argv[] = { name, arg, NULL };
	int   saved_fd = dup(STDERR_FILENO);
	int   fd = open(output_path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	(void)state;
	dup2(fd, STDERR_FILENO);
	assert_int_equal(
	    options_load(&options, 2, argv, NULL), OPTIONS_USAGE);
	dup2(saved_fd, STDERR_FILENO);
	close(saved_fd);
	assert_int_equal(pread(fd, text, sizeof(text) - 1, 0),
	    strlen(expected));
	assert_string_equal(text, expected);
	close(fd);
}

/* One load leaves nothing to the next, wherever it stopped. */
static void
test_loads_are_independent(void **state)
{
	(void)state;
	assert_refused(
	    ARGS("-xyz", "--log", "/a"), "unknown option \"-x\"; see --help");
	assert_runs(ARGS("--log", "/b", "--listen", "unix:/x"));
	assert_refused(ARGS("--log", "/c", "foo"),
	    "\"foo\" is not an option; see --help");
	assert_runs(ARGS("--heartbeat", "3s"));
	assert_string_equal(options.log, "stderr");
	assert_int_equal(options.listen_count, 0);
	assert_int_equal(options.heartbeat_ms, 3000);
	options_deinit(&options);
	options_deinit(&options);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_defaults),
		TEST(test_sources),
		TEST(test_types_without_a_row),
		TEST(test_addresses),
		TEST(test_origins),
		TEST(test_precedence),
		TEST(test_lists_replace_lists),
		TEST(test_last_argument_counts),
		TEST(test_config_from_environment),
		TEST(test_overruled_is_checked),
		TEST(test_variables_that_do_not_count),
		TEST(test_cgi_query_is_no_command_line),
		TEST(test_bad_values),
		TEST(test_no_value),
		TEST(test_bad_arguments),
		TEST(test_texts_no_file_holds),
		TEST(test_good_files),
		TEST(test_bad_files),
		TEST(test_long_lines),
		TEST(test_no_file),
		TEST(test_help),
		TEST(test_version),
		TEST(test_print_config),
		TEST(test_full_stdout),
		TEST(test_problem_on_stderr),
		TEST(test_loads_are_independent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
