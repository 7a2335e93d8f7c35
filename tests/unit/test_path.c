#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "http/path.h"
#include "http/call.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char mount_app[] = "/app", mount_bc[] = "/b/c/";

/* What a web server says of a path; NULL is a variable that is not there. */
struct said {
	const char *script_name, *path_info, *request_uri;
};

static const struct call *
request_of(struct call *request, const struct said *said, bool is_cgi)
{
	*request = (struct call){ .script = said->script_name,
		.path_info = said->path_info,
		.uri = said->request_uri,
		.is_cgi = is_cgi };
	return request;
}

/* Of the route that the path is to be, and of those that it must not be. */
static void
assert_is_only(const struct path *path, const char *route)
{
	static const char *const routes[] = { "/clock", "/page.css",
		"/server-sent-events", "/.well-known/mercure", "/" };

	for (size_t i = 0; i < COUNT(routes); i++) {
		bool is_route = route != NULL && strcmp(routes[i], route) == 0;

		if (path_is(path, routes[i]) != is_route)
			fail_msg("%s: %s", path->full, routes[i]);
	}
}

/* A path, as said, and what it is; NULL is no route. */
struct path_row {
	struct said said;
	const char *full, *route;
};

static void
assert_rows(const struct path_row *rows, size_t count, char *const *mounts,
    size_t mount_count)
{
	struct call said_call;
	struct path path;

	for (size_t i = 0; i < count; i++) {
		assert_true(path_init(&path,
		    request_of(&said_call, &rows[i].said, false), mounts,
		    mount_count));
		assert_string_equal(path.full, rows[i].full);
		assert_is_only(&path, rows[i].route);
		free(path.full);
	}
}

/*
 * Who puts what where: nginx and Apache's ProxyPass the whole path into
 * SCRIPT_NAME, Caddy and h2o into PATH_INFO, the others part it.
 */
static void
test_routes_behind_what_the_server_says(void **state)
{
	static const struct path_row rows[] = {
		{ { "/app", "/clock", "/app/clock" }, "/app/clock", "/clock" },
		{ { "/cgi-bin/sse.cgi", "/clock", NULL },
		    "/cgi-bin/sse.cgi/clock", "/clock" },
		{ { "/app", "/", NULL }, "/app/", "/" },
		{ { "/app/", "/clock", NULL }, "/app/clock", "/clock" },
		{ { "/clock", "/", NULL }, "/clock/", "/" },
		{ { "/app", "/x/clock", NULL }, "/app/x/clock", NULL },
		{ { "/clock", "/x", NULL }, "/clock/x", NULL },
		{ { "/app", "/x/", NULL }, "/app/x/", NULL },
		{ { "/app", "//clock", NULL }, "/app//clock", NULL },
		{ { "/app", "/clock/", NULL }, "/app/clock/", NULL },
		{ { "/app", "/CLOCK", NULL }, "/app/CLOCK", NULL },
	};

	(void)state;
	assert_rows(rows, COUNT(rows), NULL, 0);
}

static void
test_without_a_mount_point_it_is_the_root(void **state)
{
	static const struct path_row rows[] = {
		{ { "/clock", NULL, NULL }, "/clock", "/clock" },
		{ { "/clock", "", "/clock" }, "/clock", "/clock" },
		{ { NULL, "/clock", NULL }, "/clock", "/clock" },
		{ { "", "/clock", "/clock?x" }, "/clock", "/clock" },
		{ { NULL, NULL, "/clock?x" }, "/clock", "/clock" },
		{ { "/", "", NULL }, "/", "/" },
		{ { "/", "/", NULL }, "/", "/" },
		{ { "", "/", NULL }, "/", "/" },
		{ { "/", "/clock", "/clock" }, "/clock", "/clock" },
		{ { "/", "clock", "/clock" }, "/clock", "/clock" },
		/* Some say the path twice. */
		{ { "/clock", "/clock", NULL }, "/clock", "/clock" },
		/* It ends alike, but is another path. */
		{ { "/app/clock", "", NULL }, "/app/clock", NULL },
		{ { "/app/clock", "/app/clock", NULL }, "/app/clock", NULL },
		{ { "", "/a/b/clock", NULL }, "/a/b/clock", NULL },
		{ { "/app/", "", NULL }, "/app/", NULL },
		{ { "/xclock", "", NULL }, "/xclock", NULL },
		{ { "/app/clockx", "", NULL }, "/app/clockx", NULL },
		{ { "clock", "", NULL }, "clock", NULL },
		{ { "//clock", "", NULL }, "//clock", NULL },
	};

	(void)state;
	assert_rows(rows, COUNT(rows), NULL, 0);
}

static void
test_the_option_says_what_the_server_does_not(void **state)
{
	static const struct path_row rows[] = {
		{ { "/app/clock", NULL, NULL }, "/app/clock", "/clock" },
		{ { "/app/clock", "", "/app/clock" }, "/app/clock", "/clock" },
		{ { "", "/app/clock", NULL }, "/app/clock", "/clock" },
		{ { NULL, NULL, "/app/clock?x" }, "/app/clock", "/clock" },
		{ { "/app", "/clock", NULL }, "/app/clock", "/clock" },
		{ { "/app/", NULL, NULL }, "/app/", "/" },
		{ { "/b/c/clock", NULL, NULL }, "/b/c/clock", "/clock" },
		/* Apache parts the path behind the first folder. */
		{ { "/b", "/c/clock", "/b/c/clock" }, "/b/c/clock", "/clock" },
		/* Its Action names a program that acts for the URL. */
		{ { "/cgi-bin/sse.fcgi", "/app/clock", "/app/clock?x" },
		    "/app/clock", "/clock" },
		{ { "/app/x/clock", NULL, NULL }, "/app/x/clock", NULL },
		{ { "/app", "/x/clock", NULL }, "/app/x/clock", NULL },
		{ { "/x/app/clock", NULL, NULL }, "/x/app/clock", NULL },
		{ { "/x", "/app/clock", "/x/app/clock" }, "/x/app/clock",
		    NULL },
		{ { "/x", "/clock", NULL }, "/x/clock", NULL },
		{ { "/clock", NULL, NULL }, "/clock", NULL },
		{ { "/apple/clock", NULL, NULL }, "/apple/clock", NULL },
		{ { "/app//clock", NULL, NULL }, "/app//clock", NULL },
		{ { "/app", NULL, NULL }, "/app", NULL },
		{ { "/b/clock", NULL, NULL }, "/b/clock", NULL },
	};
	char *const mounts[] = { mount_app, mount_bc };

	(void)state;
	assert_rows(rows, COUNT(rows), mounts, COUNT(mounts));
}

static void
test_a_well_known_uri_is_at_the_root_too(void **state)
{
	static const char            uri[] = "/.well-known/mercure";
	static const struct path_row rows[] = {
		{ { uri, NULL, NULL }, uri, uri },
		{ { "", uri, NULL }, uri, uri },
		{ { "/.well-known", "/mercure", uri }, uri, uri },
		{ { "/x", "/.well-known/mercure", NULL },
		    "/x/.well-known/mercure", NULL },
		{ { "/.well-known/mercure/", NULL, NULL },
		    "/.well-known/mercure/", NULL },
		{ { "/app/.well-known/mercure", NULL, NULL },
		    "/app/.well-known/mercure", uri },
	};
	char *const mounts[] = { mount_app };

	(void)state;
	assert_rows(rows, COUNT(rows), mounts, COUNT(mounts));
	assert_rows(rows, 3, NULL, 0);
}

static void
test_what_follows_a_well_known_uri(void **state)
{
	static const char route[] = "/.well-known/mercure/x/*";
	static const struct {
		struct said said;
		const char *rest;
	} rows[] = {
		{ { "/.well-known/mercure/x/a/b", NULL, NULL }, "a/b" },
		{ { "/app/.well-known/mercure/x/a", NULL, NULL }, "a" },
		{ { "/app/.well-known/mercure/x/", NULL, NULL }, "" },
		{ { "/.well-known/mercure/x", NULL, NULL }, NULL },
		{ { "/b/.well-known/mercure/x/a", NULL, NULL }, NULL },
	};
	char *const mounts[] = { mount_app };
	struct call said_call;
	struct path path;
	const char *rest;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		path_init(&path, request_of(&said_call, &rows[i].said, false),
		    mounts, COUNT(mounts));
		rest = path_rest(&path, route);
		if (rows[i].rest == NULL)
			assert_null(rest);
		else
			assert_string_equal(rest, rows[i].rest);
		free(path.full);
	}
}

static void
test_an_unknown_mount_point_is_guessed(void **state)
{
	static const struct {
		struct said said;
		size_t      bytes;
	} rows[] = {
		{ { "/app/clock", NULL, NULL }, 4 },
		{ { "", "/a/b/clock", NULL }, 4 },
		{ { "/cgi-bin/x", "/app/clock", "/app/clock" }, 4 },
		{ { "/clock", NULL, NULL }, 0 },
		{ { "/app/clockx", NULL, NULL }, 0 },
		{ { "/appclock", NULL, NULL }, 0 },
		{ { "/app", "/x/clock", NULL }, 0 },
	};
	char *const mounts[] = { mount_bc };
	struct call said_call;
	struct path path;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct call *call = request_of(&said_call, &rows[i].said,
		    false);

		path_init(&path, call, NULL, 0);
		assert_int_equal(path_guess_mount(&path, "/clock"),
		    rows[i].bytes);
		free(path.full);
		path_init(&path, call, mounts, COUNT(mounts));
		assert_int_equal(path_guess_mount(&path, "/clock"), 0);
		free(path.full);
	}
}

/* The other two are decoded by the server; this one is as the client sent. */
static void
test_the_uri_is_taken_when_there_is_nothing_else(void **state)
{
	static const char *const rows[][2] = {
		{ "/clock", "/clock" },
		{ "/app/clock?interval=1s&x=/", "/app/clock" },
		{ "/clock#part", "/clock" },
		{ "/clock?a#b", "/clock" },
		{ "/?", "/" },
		{ "/cl%6fc%6B", "/clock" },
		{ "/%2Fclock", "//clock" },
		{ "/a%3Fb%23c%25", "/a?b#c%" },
		{ "/%c3%a9", "/\xc3\xa9" },
		{ "/a+b", "/a+b" },
		{ "/%", "/%" },
		{ "/%4", "/%4" },
		{ "/%4x%x4%%41", "/%4x%x4%A" },
		{ "/%00clock", "/%00clock" },
		{ "http://example.org/clock?x", "/clock" },
		{ "http://example.org:80/", "/" },
		{ "http://example.org", "/" },
		{ "/to/http://example.org/clock",
		    "/to/http://example.org/clock" },
		{ "*", "*" },
	};
	struct call said_call;
	struct path path;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct said said = { NULL, i % 2 == 0 ? NULL : "", rows[i][0] };

		assert_true(path_init(&path,
		    request_of(&said_call, &said, false), NULL, 0));
		assert_string_equal(path.full, rows[i][1]);
		free(path.full);
	}
}

static void
test_without_any_there_is_no_path(void **state)
{
	static const struct said rows[] = {
		{ NULL, NULL, NULL },
		{ "", "", "" },
		{ "", NULL, "?x" },
		{ NULL, NULL, "#x" },
	};
	struct call said_call;
	struct path path;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_false(path_init(&path,
		    request_of(&said_call, &rows[i], false), NULL, 0));
		free(path.full);
	}
}

static void
test_a_program_is_named_without_a_slash(void **state)
{
	static const struct {
		struct said said;
		bool        is_cgi, is_program;
	} rows[] = {
		{ { "/cgi-bin/sse", NULL, NULL }, true, true },
		{ { "/cgi-bin/sse", "", NULL }, true, true },
		{ { "/cgi-bin/sse", "/", NULL }, true, false },
		{ { "/cgi-bin/sse", "/clock", NULL }, true, false },
		{ { "/cgi-bin/sse", "", NULL }, false, false },
		{ { "/sse.cgi", "", NULL }, false, true },
		{ { "/sse.fcgi", "", NULL }, false, true },
		{ { "/sse.fcgi", "/", NULL }, false, false },
		{ { "/sse.fcgi/", "", NULL }, false, false },
		{ { "/sse.fcgi/clock", "", NULL }, false, false },
		{ { "/clock", "", NULL }, false, false },
		{ { "/page.css", "", NULL }, false, false },
		{ { "/.cgid", "", NULL }, false, false },
	};
	struct call said_call;
	struct path path;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct call *request = request_of(&said_call,
		    &rows[i].said, rows[i].is_cgi);

		assert_true(path_init(&path, request, NULL, 0));
		assert_int_equal(path_is_mount(&path, request),
		    rows[i].is_program);
		free(path.full);
	}
}

static void
test_the_mount_point_needs_its_slash(void **state)
{
	static const struct {
		struct said said;
		bool        is_mount;
	} rows[] = {
		{ { "/app", NULL, NULL }, true },
		{ { "/app", "", "/app" }, true },
		{ { "/cgi-bin/x.cgi", "/app", "/app" }, true },
		{ { "/app/", NULL, NULL }, false },
		{ { "/app", "/", NULL }, false },
		{ { "/appx", NULL, NULL }, false },
		{ { "/app/app", NULL, NULL }, false },
		{ { "/x.cgi", NULL, NULL }, false },
	};
	char *const mounts[] = { mount_app };
	struct call said_call;
	struct path path;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct call *call = request_of(&said_call, &rows[i].said,
		    i % 2 == 0);

		path_init(&path, call, mounts, COUNT(mounts));
		assert_int_equal(path_is_mount(&path, call), rows[i].is_mount);
		free(path.full);
	}
}

static void
assert_safe(const char *path, const char *expected)
{
	struct buf buf = { 0 };

	buf_append_str(&buf, "<");
	path_append_safe(&buf, path);
	assert_int_equal(buf.len_bytes, 1 + strlen(expected));
	assert_memory_equal(buf.data + 1, expected, strlen(expected));
	buf_deinit(&buf);
}

static void
test_what_could_mean_something_is_escaped(void **state)
{
	(void)state;
	assert_safe("", "");
	assert_safe("/plain/path-1.2_3~", "/plain/path-1.2_3~");
	assert_safe("/<script>", "/%3Cscript%3E");
	assert_safe("\"'&%", "%22%27%26%25");
	assert_safe("/a b\tc", "/a%20b%09c");
	assert_safe("\r\nSet-Cookie", "%0D%0ASet-Cookie");
	assert_safe("\x1b[31m\x7f", "%1B[31m%7F");
	assert_safe("/\xc3\xa9\xff", "/%C3%A9%FF");
	for (int c = 1; c < 256; c++) {
		struct buf buf = { 0 };

		path_append_safe(&buf, (char[]){ (char)c, '\0' });
		assert_true(buf.len_bytes == 1 || buf.len_bytes == 3);
		for (size_t i = 0; i < buf.len_bytes; i++)
			assert_true(buf.data[i] > ' ' && buf.data[i] < 0x7f);
		buf_deinit(&buf);
	}
}

static void
test_a_long_path_is_cut(void **state)
{
	char path[5000];

	(void)state;
	for (int c = 'a'; c <= 0xff; c += 0xff - 'a') {
		struct buf buf = { 0 };

		memset(path, c, sizeof(path) - 1);
		path[sizeof(path) - 1] = '\0';
		path_append_safe(&buf, path);
		assert_in_range(buf.len_bytes, 100, 210);
		assert_memory_equal(buf.data + buf.len_bytes - 3, "...", 3);
		buf_deinit(&buf);
	}
	path[100] = '\0';
	memset(path, 'a', 100);
	assert_safe(path, path);
}

static void
test_a_variable_is_found_by_its_whole_name(void **state)
{
	char one[] = "PATH_INFO_X=1", two[] = "PATH=2",
	     three[] = "PATH_INFO=a=b", four[] = "PATH_INFO=4";
	char       *env[] = { one, two, three, four, NULL };
	char       *none[] = { NULL };
	struct call request = { .env = env };

	(void)state;
	assert_string_equal(call_env(&request, "PATH_INFO"), "a=b");
	assert_string_equal(call_env(&request, "PATH"), "2");
	assert_null(call_env(&request, "PATH_INF"));
	assert_null(call_env(&request, "path"));
	request.env = none;
	assert_null(call_env(&request, "PATH"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes_behind_what_the_server_says),
		cmocka_unit_test(test_without_a_mount_point_it_is_the_root),
		cmocka_unit_test(test_the_option_says_what_the_server_does_not),
		cmocka_unit_test(test_a_well_known_uri_is_at_the_root_too),
		cmocka_unit_test(test_what_follows_a_well_known_uri),
		cmocka_unit_test(test_an_unknown_mount_point_is_guessed),
		cmocka_unit_test(test_the_mount_point_needs_its_slash),
		cmocka_unit_test(
		    test_the_uri_is_taken_when_there_is_nothing_else),
		cmocka_unit_test(test_without_any_there_is_no_path),
		cmocka_unit_test(test_a_program_is_named_without_a_slash),
		cmocka_unit_test(test_what_could_mean_something_is_escaped),
		cmocka_unit_test(test_a_long_path_is_cut),
		cmocka_unit_test(test_a_variable_is_found_by_its_whole_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
