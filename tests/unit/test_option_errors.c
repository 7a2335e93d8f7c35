#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "options_fixture.h"

#define NO_COMMAND                                                            \
	" is no option, and no command in the first place: publish, doctor, " \
	"store, jwks; see --help"

/* What is refused. */

#define TAKES_ADDRESS "takes unix:PATH, HOST:PORT or [V6]:PORT"
#define TAKES_MODE "takes an octal mode from 0000 to 0777, such as 0660"
#define TAKES_MOUNT \
	"takes the path of a URL that begins with /, such as /sse, decoded"
#define TAKES_TIMEOUT "takes a duration from 100ms to 1h, such as 10s"
#define TAKES_BODY "takes a size in bytes from 1K to 64M, such as 1M"
#define TAKES_HEARTBEAT "takes a duration from 1s to 1h, such as 15s"
#define TAKES_COUNT "takes a number from 1 to 10000000, 0 is off"
#define TAKES_LIFETIME "takes a duration from 1s to 7d, 0 is off"
#define TAKES_ORIGIN                                                       \
	"takes * or an origin as browsers send it, such as "               \
	"https://example.org: in lower case, without a path, without the " \
	"scheme's own port"
#define TAKES_LOG "takes stderr, syslog or a file's path"
#define TAKES_FORMAT "takes text or json"
#define TAKES_LEVEL "takes error, warn, info or debug"
#define TAKES_CONFIG "takes a file's path"
#define NOT_TEXT                                                          \
	": a value has no control characters, and no blank at its start " \
	"or end"

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
	{ "max-streams", "FCGI_SSE_MAX_STREAMS", "-1",
	    TAKES_COUNT "; not \"-1\"" },
	{ "max-streams", "FCGI_SSE_MAX_STREAMS", "1K",
	    TAKES_COUNT "; not \"1K\"" },
	{ "max-streams", "FCGI_SSE_MAX_STREAMS", "18446744073709551616",
	    TAKES_COUNT "; not \"18446744073709551616\"" },
	{ "stream-lifetime", "FCGI_SSE_STREAM_LIFETIME", "999ms",
	    TAKES_LIFETIME "; not \"999ms\"" },
	{ "turns", "FCGI_SSE_TURNS", "1000001",
	    "takes a number from 1 to 1000000, 0 is off; not \"1000001\"" },
	{ "turn-min", "FCGI_SSE_TURN_MIN", "49ms",
	    "takes a duration from 50ms to 2m, such as 200ms; "
	    "not \"49ms\"" },
	{ "turn-max", "FCGI_SSE_TURN_MAX", "999ms",
	    "takes a duration from 1s to 2m, 0 is off, such as 5s; "
	    "not \"999ms\"" },
	{ "mount", "FCGI_SSE_MOUNT", "sse", TAKES_MOUNT "; not \"sse\"" },
	{ "allow-origin", "FCGI_SSE_ALLOW_ORIGIN", "https://a/",
	    TAKES_ORIGIN "; not \"https://a/\"" },
	{ "public-topic", "FCGI_SSE_PUBLIC_TOPIC", "*",
	    "takes the name of one topic; * is none; not \"*\"" },
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
		fixture_write_text(arg);
		snprintf(message, sizeof(message), "@:3: %s %s",
		    bad_values[i].name, bad_values[i].message);
		assert_refused(ARGS("--config", fixture_file), message);
	}
}

/* Every option with a value, empty and missing. */
static void
test_no_value(void **state)
{
	static const char *const rows[][2] = {
		{ "listen", TAKES_ADDRESS },
		{ "socket-mode", TAKES_MODE },
		{ "mount", TAKES_MOUNT },
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
	fixture_write_text("status = on\n");
	assert_refused(ARGS("--config", fixture_file),
	    "@:1: status takes yes or no; not \"on\"");
	fixture_write_text("log =\n");
	assert_refused(ARGS("--config", fixture_file),
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
		{ { "--status=yes" }, "--status takes no value" },
		{ { "--version=1" }, "--version takes no value" },
		{ { "foo" }, "\"foo\"" NO_COMMAND },
		{ { "foo", "--help" }, "\"foo\"" NO_COMMAND },
		{ { "--", "foo" }, "\"foo\"" NO_COMMAND },
		{ { "" }, "\"\"" NO_COMMAND },
		{ { "-" }, "\"-\"" NO_COMMAND },
		{ { "--print-config", "doctor" }, "\"doctor\"" NO_COMMAND },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_refused(rows[i].args, rows[i].message);
}

static void
test_texts_no_file_holds(void **state)
{
	static const char *const texts[] = { " /a", "/a ", "/a\nb", "/a\tb",
		"/a\x7f", " " };

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_refused(ARGS("--log", texts[i]), "--log" NOT_TEXT);
		setenv("FCGI_SSE_LOG", texts[i], 1);
		assert_refused(NO_ARGS, "FCGI_SSE_LOG" NOT_TEXT);
		unsetenv("FCGI_SSE_LOG");
	}
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
		{ BYTES("  heartbeat  =  2s  \n") },
		{ BYTES("log-level = warn\n  heartbeat = 2s\n") },
		{ BYTES("log-level = warn\n\theartbeat = 2s\n") },
		{ BYTES("log-level = warn\n  ; comment\nheartbeat = 2s\n") },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		fixture_write(rows[i].bytes, rows[i].len_bytes);
		assert_runs(ARGS("--config", fixture_file));
		assert_int_equal(options.heartbeat_ms, 2000);
	}
	fixture_write_text("");
	assert_runs(ARGS("--config", fixture_file));
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
		    "@:2: unknown section \"other\"" },
		{ BYTES("[x\x1b[m]\nlog = a\n"),
		    "@:2: unknown section \"x?[m\"" },
		{ BYTES("[Fcgi-sse]\nheartbeat = 2s\n"),
		    "@:2: unknown section \"Fcgi-sse\"" },
		{ BYTES("heartbeat\n"), "@:1: the line is not `key = value`" },
		{ BYTES("\n\n[fcgi-sse\n"),
		    "@:3: the line is not `key = value`" },
		{ BYTES("nonsense\nfoo = 1\n"),
		    "@:1: the line is not `key = value`" },
		{ BYTES("log = a\n  b\n"),
		    "@:2: the line is not `key = value`" },
		{ BYTES("heartbeat = 2s\nlog = x\nheartbeat = 2s\n"),
		    "@:3: heartbeat is there twice" },
		{ BYTES("log = a\0b\n"),
		    "@:1: there is a NUL: the file has to be text in UTF-8" },
		{ BYTES("\xff\xfeh\0e\0"),
		    "@:1: there is a NUL: the file has to be text in UTF-8" },
		{ BYTES("heartbeat = 2s ; x\n"),
		    "@:1: heartbeat takes a duration from 1s to 1h, such as "
		    "15s; not \"2s ; x\"" },
		{ BYTES("# a\n\0\n"),
		    "@:2: there is a NUL: the file has to be text in UTF-8" },
		{ BYTES("log = /a\x1b[m\n"), "@:1: log" NOT_TEXT },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		fixture_write(rows[i].bytes, rows[i].len_bytes);
		assert_refused(ARGS("--config", fixture_file), rows[i].message);
	}
}

/* Neither the length of a value nor a ";" in it has a limit. */
static void
test_any_value(void **state)
{
	static const char *const values[] = { "/a ;b", ";a", "#a", "/a=b:c",
		"\"a\"", "[a]" };
	char                     text[5000], path[3000];

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		assert_runs(ARGS("--log", values[i]));
		assert_string_equal(options.log, values[i]);
		snprintf(text, sizeof(text), "log = %s\n", values[i]);
		fixture_write_text(text);
		assert_runs(ARGS("--config", fixture_file));
		assert_string_equal(options.log, values[i]);
	}
	snprintf(path, sizeof(path), "/%02900d", 0);
	snprintf(text, sizeof(text), "%250s;%0500d\n%300s log%300s = %s\n", "",
	    0, "", "", path);
	fixture_write_text(text);
	assert_runs(ARGS("--config", fixture_file));
	assert_string_equal(options.log, path);
}

static void
test_endless_line(void **state)
{
	struct buf line = { 0 };

	(void)state;
	buf_append_str(&line, "heartbeat = 2s\nlog = ");
	while (line.len_bytes <= 1024 * 1024 + 30)
		buf_append_str(&line, "0123456789");
	fixture_write(line.data, line.len_bytes);
	buf_deinit(&line);
	assert_refused(ARGS("--config", fixture_file),
	    "@:2: the line is too long");
}

static void
test_no_file(void **state)
{
	char message[256];

	(void)state;
	assert_refused(ARGS("--config", fixture_file),
	    "config @: No such file or directory");
	snprintf(message, sizeof(message), "config %s: is not a file",
	    fixture_dir);
	assert_refused(ARGS("--config", fixture_dir), message);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		OPTIONS_TEST(test_bad_values),
		OPTIONS_TEST(test_no_value),
		OPTIONS_TEST(test_bad_arguments),
		OPTIONS_TEST(test_texts_no_file_holds),
		OPTIONS_TEST(test_good_files),
		OPTIONS_TEST(test_bad_files),
		OPTIONS_TEST(test_any_value),
		OPTIONS_TEST(test_endless_line),
		OPTIONS_TEST(test_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
