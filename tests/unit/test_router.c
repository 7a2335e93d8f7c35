#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer_check.h"
#include "page/page_data.h"
#include "router_fixture.h"

static void
test_the_clock(void **state)
{
	(void)state;
	assert_true(ask("GET", "/clock", NO_VARS)->is_stream);
	assert_stream("data: Fri Nov 20 2026 19:56:10 GMT+0000 "
		      "(Coordinated Universal Time)\n\n");
	assert_true(ask("GET", "/server-sent-events", NO_VARS)->is_stream);
	assert_stream("data: Fri Nov 20 2026 19:56:10 GMT+0000 "
		      "(Coordinated Universal Time)\n\n");
	engine_wall_ms += 345;
	ask("GET", "/clock?format=iso", NO_VARS);
	assert_stream("data: 2026-11-20T19:56:10.345Z\n\n");
	ask("GET", "/clock?format=http&interval=100ms", NO_VARS);
	assert_stream("data: Fri, 20 Nov 2026 19:56:10 GMT\n\n");
	ask("GET", "/clock?interval=1h&unknown=1&format=unix", NO_VARS);
	assert_stream("data: 1795204570\n\n");
	ask("GET", "/clock?format=js", NO_VARS);
	assert_stream("data: Fri Nov 20 2026 19:56:10 GMT+0000 "
		      "(Coordinated Universal Time)\n\n");
}

static void
test_the_stream(void **state)
{
	(void)state;
	assert_true(ask("GET", "/stream", NO_VARS)->is_stream);
	assert_stream("retry: 10000\nevent: connecttime\n"
		      "data: Fri Nov 20 2026 19:56:10 GMT+0000 "
		      "(Coordinated Universal Time)\n\n"
		      "data: Fri Nov 20 2026 19:56:10 GMT+0000 "
		      "(Coordinated Universal Time)\n\n");
}

static void
test_the_counter(void **state)
{
	(void)state;
	assert_true(ask("GET", "/counter", NO_VARS)->is_stream);
	assert_stream("id: 1\ndata: {\"num\":1}\n\n");
	assert_false(ask("GET", "/counter?count=1", NO_VARS)->is_stream);
	assert_stream("id: 1\ndata: {\"num\":1}\n\n"
		      "event: end\ndata: {\"count\":1}\n\n");
	assert_true(ask("GET", "/counter?count=1000000&interval=1h", NO_VARS)
			->is_stream);
}

static void
test_the_counter_as_text(void **state)
{
	(void)state;
	assert_true(ask("GET", "/counter?format=text", NO_VARS)->is_stream);
	assert_string_equal(body(), "1\n");
	assert_status("200 OK");
	assert_field("Content-Type", "text/plain; charset=utf-8");
	assert_field("X-Accel-Buffering", "no");
	assert_no_field("Content-Length");
	assert_false(ask("GET", "/counter?format=text&count=1", NO_VARS)
			 ->is_stream);
	assert_string_equal(body(), "1\n");
	ask("GET", "/counter?format=text", VARS("HTTP_LAST_EVENT_ID=7"));
	assert_string_equal(body(), "1\n");
}

static void
test_the_counter_goes_on(void **state)
{
	static const struct {
		const char *last_id, *frame;
	} rows[] = {
		{ "1", "id: 2\ndata: {\"num\":2}\n\n" },
		{ "8", "id: 9\ndata: {\"num\":9}\n\n" },
		{ "9",
		    "id: 10\ndata: {\"num\":10}\n\n"
		    "event: end\ndata: {\"count\":10}\n\n" },
		{ "0", "id: 1\ndata: {\"num\":1}\n\n" },
		{ "", "id: 1\ndata: {\"num\":1}\n\n" },
		{ "x", "id: 1\ndata: {\"num\":1}\n\n" },
		{ "-1", "id: 1\ndata: {\"num\":1}\n\n" },
		{ "3x", "id: 1\ndata: {\"num\":1}\n\n" },
		{ " 3", "id: 1\ndata: {\"num\":1}\n\n" },
	};
	static const char *const done[] = { "10", "11", "999999",
		"99999999999999999999999" };
	char                     var[64];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(var, sizeof(var), "HTTP_LAST_EVENT_ID=%s",
		    rows[i].last_id);
		ask("GET", "/counter", VARS(var));
		assert_stream(rows[i].frame);
	}
	for (size_t i = 0; i < COUNT(done); i++) {
		snprintf(var, sizeof(var), "HTTP_LAST_EVENT_ID=%s", done[i]);
		assert_false(ask("GET", "/counter", VARS(var))->is_stream);
		assert_status("204 No Content");
		assert_string_equal(body(), "");
	}
}

static void
test_the_page_and_its_files(void **state)
{
	static const char *const    paths[] = { "/", "/page.css", "/page.js" };
	char                        tag[ANSWER_VALUE_BYTES_MAX], length[32];
	char                        var[ANSWER_VALUE_BYTES_MAX + 64];
	const struct engine_answer *answer;

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		ask("GET", paths[i], NO_VARS);
		assert_status("200 OK");
		snprintf(length, sizeof(length), "%zu", strlen(body()));
		assert_field("Content-Length", length);
		assert_field("Content-Security-Policy",
		    "default-src 'self'; frame-ancestors 'self'; "
		    "base-uri 'none'; form-action 'self'");
		assert_field("X-Content-Type-Options", "nosniff");
		assert_head_alike(paths[i], NO_VARS);

		answer = ask("GET", paths[i], NO_VARS);
		assert_true(answer_find_field(answer->bytes, answer->len_bytes,
		    "ETag", tag));
		snprintf(var, sizeof(var), "HTTP_IF_NONE_MATCH=\"x\", %s", tag);
		ask("GET", paths[i], VARS(var));
		assert_status("304 Not Modified");
		assert_field("ETag", tag);
		assert_string_equal(body(), "");
		ask("GET", paths[i], VARS("HTTP_IF_NONE_MATCH=\"other\""));
		assert_status("200 OK");
	}
}

static void
test_each_embedded_file_is_served(void **state)
{
	(void)state;
	for (size_t i = 0; i < page_file_count; i++) {
		const struct engine_answer *answer = ask("GET",
		    page_files[i].path, VARS("REMOTE_ADDR=127.0.0.1"));

		assert_status("200 OK");
		assert_field("Content-Type", page_files[i].content_type);
		assert_field("ETag", page_files[i].etag);
		assert_int_equal(answer->len_bytes,
		    (size_t)(body() - answer->bytes) +
			page_files[i].size_bytes);
		assert_memory_equal(body(), page_files[i].bytes,
		    page_files[i].size_bytes);
	}
}

static void
test_head_is_the_head_of_get(void **state)
{
	static const char *const paths[] = { "/", "/clock",
		"/server-sent-events", "/stream", "/counter",
		"/counter?count=1", "/counter?format=text", "/page.css",
		"/nope", "/clock?interval=1", "/counter?count=x&count=y",
		"/clock?%" };

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++)
		assert_head_alike(paths[i], NO_VARS);
	assert_head_alike("/counter", VARS("HTTP_LAST_EVENT_ID=10"));
}

static void
test_routes_below_a_mount_point(void **state)
{
	(void)state;
	ask("GET", "/app", VARS("PATH_INFO=/clock"));
	assert_field("Content-Type", "text/event-stream");
	ask("GET", "/app", VARS("PATH_INFO=/"));
	assert_field("Content-Type", "text/html; charset=utf-8");
	ask("GET", "/app", VARS("PATH_INFO=/nope/clock"));
	assert_text("404 Not Found", "404 Not Found: /app/nope/clock");
}

static void
test_routes_below_a_mount_point_that_nobody_tells(void **state)
{
	(void)state;
	ask("GET", "/app/clock", NO_VARS);
	assert_status("404 Not Found");
	ask("GET", "/a<b/status/events", NO_VARS);
	assert_text("404 Not Found",
	    "404 Not Found: /a%3Cb/status/events. If this is mounted at "
	    "/a%3Cb, have the web server say so by PATH_INFO, or the option "
	    "mount");
	ask("GET", "/app/nope", NO_VARS);
	assert_text("404 Not Found", "404 Not Found: /app/nope");

	engine_tear_down();
	engine_set_up(VARS("--mount", "/app"));
	ask("GET", "/app/clock", NO_VARS);
	assert_field("Content-Type", "text/event-stream");
	ask("GET", "", VARS("PATH_INFO=/app/clock"));
	assert_field("Content-Type", "text/event-stream");
	ask("GET", "", VARS("REQUEST_URI=/app/clock?format=iso"));
	assert_field("Content-Type", "text/event-stream");
	ask("GET", "/app/", NO_VARS);
	assert_field("Content-Type", "text/html; charset=utf-8");
	ask("GET", "/app", NO_VARS);
	assert_status("308 Permanent Redirect");
	ask("GET", "/x/clock", NO_VARS);
	assert_text("404 Not Found", "404 Not Found: /x/clock");
}

static void
test_another_path_is_named_safely(void **state)
{
	(void)state;
	ask("GET", "/nope", NO_VARS);
	assert_text("404 Not Found", "404 Not Found: /nope");
	ask("GET", "/clock.html", NO_VARS);
	assert_text("404 Not Found", "404 Not Found: /clock.html");
	ask("GET", "/<b>\r\nX: \x1b\xff%", NO_VARS);
	assert_status("404 Not Found");
	assert_null(strchr(body(), '<'));
	assert_null(strchr(body(), '\x1b'));
	assert_null(strchr(body(), '\xff'));
	assert_null(strchr(body(), '\r'));
	assert_non_null(strstr(body(), "/%3Cb%3E%0D%0AX%3A%20%1B%FF%25"));
}

static void
test_another_method_is_told_what_is_allowed(void **state)
{
	static const char *const methods[] = { "POST", "PUT", "DELETE", "get",
		"TRACE", "GETS", "" };
	char                     line[128];

	(void)state;
	for (size_t i = 0; i < COUNT(methods); i++) {
		ask(methods[i], "/clock", NO_VARS);
		snprintf(line, sizeof(line),
		    "405 Method Not Allowed: %s; there are GET, HEAD, OPTIONS",
		    methods[i]);
		assert_text("405 Method Not Allowed", line);
		assert_field("Allow", "GET, HEAD, OPTIONS");
	}
	ask("<X>", "/", NO_VARS);
	assert_text("405 Method Not Allowed",
	    "405 Method Not Allowed: %3CX%3E; there are GET, HEAD, OPTIONS");
	ask("POST", "/nope", NO_VARS);
	assert_text("404 Not Found", "404 Not Found: /nope");
}

static void
test_a_program_without_its_slash_is_redirected(void **state)
{
	struct engine_answer answer;

	(void)state;
	ask("GET", "/cgi-bin/sse.cgi", NO_VARS);
	assert_status("308 Permanent Redirect");
	assert_field("Location", "./sse.cgi/");
	ask("GET", "/a:b<.fcgi", NO_VARS);
	assert_field("Location", "./a%3Ab%3C.fcgi/");
	answer = engine_answer(&(struct engine_request){
	    .env = (char *const *)VARS("REQUEST_METHOD=GET",
		"SCRIPT_NAME=/cgi-bin/clock"),
	    .is_cgi = true });
	assert_null(answer_problem(answer.bytes, answer.len_bytes, false));
	assert_non_null(strstr(answer.bytes, "Location: ./clock/\r\n"));
	engine_answer_free(&answer);
}

/* Every variable may be missing. */
static void
test_a_request_without_its_variables(void **state)
{
	const char *const *const rows[] = { NO_VARS, VARS("REQUEST_METHOD=GET"),
		VARS("SCRIPT_NAME=/clock"),
		VARS("REQUEST_METHOD=GET", "SCRIPT_NAME=", "PATH_INFO="),
		VARS("REQUEST_METHOD=HEAD", "REQUEST_URI=?") };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct engine_answer answer =
		    engine_answer(&(struct engine_request){
			.env = (char *const *)rows[i] });
		char status[ANSWER_VALUE_BYTES_MAX];

		assert_null(answer_problem(answer.bytes, answer.len_bytes,
		    i == COUNT(rows) - 1));
		assert_true(answer_find_field(answer.bytes, answer.len_bytes,
		    "Status", status));
		assert_string_equal(status, "400 Bad Request");
		assert_false(answer.is_stream);
		engine_answer_free(&answer);
	}
	ask("GET", "/clock", NO_VARS);
	assert_field("Content-Type", "text/event-stream");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTER_TEST(test_the_clock),
		ROUTER_TEST(test_the_stream),
		ROUTER_TEST(test_the_counter),
		ROUTER_TEST(test_the_counter_as_text),
		ROUTER_TEST(test_the_counter_goes_on),
		ROUTER_TEST(test_the_page_and_its_files),
		ROUTER_TEST(test_each_embedded_file_is_served),
		ROUTER_TEST(test_head_is_the_head_of_get),
		ROUTER_TEST(test_routes_below_a_mount_point),
		ROUTER_TEST(test_routes_below_a_mount_point_that_nobody_tells),
		ROUTER_TEST(test_another_path_is_named_safely),
		ROUTER_TEST(test_another_method_is_told_what_is_allowed),
		ROUTER_TEST(test_a_program_without_its_slash_is_redirected),
		ROUTER_TEST(test_a_request_without_its_variables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
