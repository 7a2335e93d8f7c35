#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "pure/query.h"
#include "router_fixture.h"

#define INTERVAL                                                        \
	"400 Bad Request: interval takes a duration from 100ms to 1h, " \
	"such as 500ms, 2s or 1m"
#define CLOCK_FORMAT "400 Bad Request: format takes js, iso, http or unix"
#define COUNTER_COUNT "400 Bad Request: count takes a number from 1 to 1000000"

static void
test_a_wrong_interval(void **state)
{
	static const char *const values[] = { "", "0", "1", "1000", "99ms",
		"3600001ms", "61m", "2h", "-1s", "1.5s", "1 s", " 1s", "1S",
		"s", "1d", "99999999999999999999s", "1s%00", "1s%0a" };
	static const char *const paths[] = { "/clock", "/server-sent-events",
		"/counter" };
	char                     path[128];

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		snprintf(path, sizeof(path), "%s?interval=%s",
		    paths[i % COUNT(paths)], values[i]);
		ask("GET", path, NO_VARS);
		assert_text("400 Bad Request", INTERVAL);
	}
}

static void
test_a_right_interval(void **state)
{
	static const char *const values[] = { "100ms", "1s", "60m", "1h",
		"3600s", "3600000ms", "%31s", "00001s" };
	char                     path[128];

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		snprintf(path, sizeof(path), "/clock?interval=%s", values[i]);
		assert_true(ask("GET", path, NO_VARS)->is_stream);
	}
}

static void
test_a_wrong_format(void **state)
{
	static const char *const values[] = { "", "x", "JS", "js+", "iso%00",
		"isojs", "sse", "text" };
	char                     path[128];

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		snprintf(path, sizeof(path), "/clock?format=%s", values[i]);
		ask("GET", path, NO_VARS);
		assert_text("400 Bad Request", CLOCK_FORMAT);
	}
	ask("GET", "/counter?format=js", NO_VARS);
	assert_text("400 Bad Request",
	    "400 Bad Request: format takes sse or text");
}

static void
test_a_wrong_count(void **state)
{
	static const char *const values[] = { "", "0", "-1", "+1", "1000001",
		"1e3", "0x10", "99999999999999999999", "1 ", "1%00" };
	char                     path[128];

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		snprintf(path, sizeof(path), "/counter?count=%s", values[i]);
		ask("GET", path, NO_VARS);
		assert_text("400 Bad Request", COUNTER_COUNT);
	}
}

static void
test_a_parameter_twice(void **state)
{
	(void)state;
	ask("GET", "/clock?interval=1s&interval=1s", NO_VARS);
	assert_text("400 Bad Request",
	    "400 Bad Request: interval is given twice");
	ask("GET", "/clock?format=iso&x=1&format=", NO_VARS);
	assert_text("400 Bad Request",
	    "400 Bad Request: format is given twice");
	ask("GET", "/counter?count=1&%63ount=2", NO_VARS);
	assert_text("400 Bad Request", "400 Bad Request: count is given twice");
	assert_true(ask("GET", "/clock?unknown=1&unknown=2", NO_VARS)
			->is_stream);
}

static void
test_a_malformed_query(void **state)
{
	static const char *const paths[] = { "/clock?%", "/clock?x=%zz",
		"/stream?%4", "/counter?a=b&%", "/?%" };

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		ask("GET", paths[i], NO_VARS);
		assert_text("400 Bad Request",
		    "400 Bad Request: the query" QUERY_FAULT);
	}
	ask("GET", "/clock?&&=&", NO_VARS);
	assert_status("200 OK");
}

/* --allow-origin: what one page may read, others may not. */
static int
set_up_origins(void **state)
{
	(void)state;
	engine_set_up(VARS("--allow-origin", "https://one.example",
	    "--allow-origin", "https://two.example:8443"));
	return 0;
}

static int
set_up_any_origin(void **state)
{
	(void)state;
	engine_set_up(VARS("--allow-origin", "*"));
	return 0;
}

static const char *const cors_paths[] = { "/clock", "/counter?count=1", "/",
	"/nope", "/clock?interval=x" };

static void
test_an_allowed_origin(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cors_paths); i++) {
		ask("GET", cors_paths[i],
		    VARS("HTTP_ORIGIN=https://one.example"));
		assert_field("Access-Control-Allow-Origin",
		    "https://one.example");
		assert_field("Vary", "Origin");
		ask("GET", cors_paths[i],
		    VARS("HTTP_ORIGIN=https://two.example:8443"));
		assert_field("Access-Control-Allow-Origin",
		    "https://two.example:8443");
		assert_head_alike(cors_paths[i],
		    VARS("HTTP_ORIGIN=https://one.example"));
	}
}

static void
test_another_origin(void **state)
{
	static const char *const origins[] = { "https://one.example.org",
		"http://one.example", "https://two.example", "null", "",
		"https://one.example\r\nX: y" };
	char                     var[128];

	(void)state;
	for (size_t i = 0; i < COUNT(origins); i++) {
		snprintf(var, sizeof(var), "HTTP_ORIGIN=%s", origins[i]);
		for (size_t j = 0; j < COUNT(cors_paths); j++) {
			ask("GET", cors_paths[j], VARS(var));
			assert_no_field("Access-Control-Allow-Origin");
			assert_field("Vary", "Origin");
		}
	}
	ask("GET", "/clock", NO_VARS);
	assert_no_field("Access-Control-Allow-Origin");
	assert_field("Vary", "Origin");
}

static void
test_any_origin(void **state)
{
	(void)state;
	ask("GET", "/clock", VARS("HTTP_ORIGIN=https://one.example"));
	assert_field("Access-Control-Allow-Origin", "*");
	ask("GET", "/clock", NO_VARS);
	assert_field("Access-Control-Allow-Origin", "*");
}

static void
test_no_origin(void **state)
{
	(void)state;
	ask("GET", "/clock", VARS("HTTP_ORIGIN=https://one.example"));
	assert_no_field("Access-Control-Allow-Origin");
	assert_no_field("Vary");
}

static void
assert_preflight(const char *origin_var, bool is_allowed)
{
	assert_false(ask("OPTIONS", "/clock", VARS(origin_var))->is_stream);
	assert_status("204 No Content");
	assert_field("Allow", "GET, HEAD, OPTIONS");
	assert_field("Vary", "Origin");
	assert_string_equal(body(), "");
	if (!is_allowed) {
		assert_no_field("Access-Control-Allow-Origin");
		assert_no_field("Access-Control-Allow-Methods");
		return;
	}
	assert_field("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
	assert_field("Access-Control-Allow-Headers",
	    "Last-Event-ID, Cache-Control, Authorization, "
	    "Content-Type");
}

static void
test_preflight(void **state)
{
	(void)state;
	assert_preflight("HTTP_ORIGIN=https://one.example", true);
	assert_preflight("HTTP_ORIGIN=https://other.example", false);
	assert_preflight("HTTP_X=", false);
	ask("OPTIONS", "/nope", NO_VARS);
	assert_text("404 Not Found", "404 Not Found: /nope");
}

static void
test_preflight_without_origins(void **state)
{
	(void)state;
	assert_preflight("HTTP_ORIGIN=https://one.example", false);
}

#define CORS_TEST(name, set_up) \
	cmocka_unit_test_setup_teardown(name, set_up, router_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTER_TEST(test_a_wrong_interval),
		ROUTER_TEST(test_a_right_interval),
		ROUTER_TEST(test_a_wrong_format),
		ROUTER_TEST(test_a_wrong_count),
		ROUTER_TEST(test_a_parameter_twice),
		ROUTER_TEST(test_a_malformed_query),
		CORS_TEST(test_an_allowed_origin, set_up_origins),
		CORS_TEST(test_another_origin, set_up_origins),
		CORS_TEST(test_any_origin, set_up_any_origin),
		ROUTER_TEST(test_no_origin),
		CORS_TEST(test_preflight, set_up_origins),
		ROUTER_TEST(test_preflight_without_origins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
