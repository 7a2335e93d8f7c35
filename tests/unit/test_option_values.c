#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "config/option_spec.h"
#include "config/option_value.h"
#include "config/option_value.h"
#include "config/options.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
test_number_and_flag(void **state)
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
		.offset = offsetof(struct options, status) };
	static const struct {
		const char *text;
		bool        value;
	} flags[] = { { "yes", true }, { "no", false }, { "true", true },
		{ "false", false }, { "1", true }, { "0", false } };
	struct options options = { 0 };
	struct buf     text = { 0 };

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
	option_value_append_takes(&text, &number);
	buf_append(&text, "", 1);
	assert_string_equal(text.data, "a number from 10 to 20, 0 is off");

	for (size_t i = 0; i < COUNT(flags); i++) {
		assert_true(option_value_set(&options, &flag, flags[i].text));
		assert_int_equal(options.status, flags[i].value);
	}
	assert_false(option_value_set(&options, &flag, "Yes"));
	assert_false(option_value_set(&options, &flag, ""));
	text.len_bytes = 0;
	option_value_append_takes(&text, &flag);
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
	char                     path[256];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		if (!option_spec_find("listen")->is_valid(good[i]))
			fail_msg("%s", good[i]);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (option_spec_find("listen")->is_valid(bad[i]))
			fail_msg("%s", bad[i]);
	}
	/* As long as a unix address holds, and one byte more. */
	snprintf(path, sizeof(path), "unix:%0107d", 0);
	assert_true(option_spec_find("listen")->is_valid(path));
	snprintf(path, sizeof(path), "unix:%0108d", 0);
	assert_false(option_spec_find("listen")->is_valid(path));
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
		"https://b\xc3\xbc"
		"cher.example",
		"https://a https://b", "http://[::1" };

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		if (!option_spec_find("allow-origin")->is_valid(good[i]))
			fail_msg("%s", good[i]);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (option_spec_find("allow-origin")->is_valid(bad[i]))
			fail_msg("%s", bad[i]);
	}
}

static void
test_mounts(void **state)
{
	static const char *const good[] = { "/", "/sse", "/sse/", "/a/b.c/d-e",
		"/caf\xc3\xa9", "/x=1,y" };
	static const char *const bad[] = { "", "sse", "sse/", "*", "//",
		"/a//b", "/a b", "/a\tb", "/a\x7f", "/a?b", "/a#b", "/a%20b",
		"http://example.org/sse" };

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		if (!option_spec_find("mount")->is_valid(good[i]))
			fail_msg("%s", good[i]);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (option_spec_find("mount")->is_valid(bad[i]))
			fail_msg("%s", bad[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number_and_flag),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_origins),
		cmocka_unit_test(test_mounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
