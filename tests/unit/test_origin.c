#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "http/origin.h"
#include "http/call.h"
#include "pure/address.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What the browser and the web server say; NULL is not there. */
struct said {
	const char *site, *origin, *host, *name, *port;
};

static bool
is_foreign(const struct said *said, struct buf *why)
{
	const char *const names[] = { "HTTP_SEC_FETCH_SITE", "HTTP_HOST",
		"SERVER_NAME", "SERVER_PORT" };
	const char *const values[] = { said->site, said->host, said->name,
		said->port };
	char              bytes[COUNT(names)][512];
	char             *env[COUNT(names) + 1];
	size_t            count = 0;

	for (size_t i = 0; i < COUNT(names); i++) {
		if (values[i] == NULL)
			continue;
		snprintf(bytes[i], sizeof(bytes[i]), "%s=%s", names[i],
		    values[i]);
		env[count++] = bytes[i];
	}
	env[count] = NULL;
	return origin_is_foreign(&(struct call){ .env = env,
				     .origin = said->origin },
	    why);
}

static void
test_pages_of_ours(void **state)
{
	static const struct said rows[] = {
		{ NULL, NULL, NULL, NULL, NULL },
		{ NULL, NULL, "example.org", "x", "80" },
		/* What the browser says decides, whatever proxies made of it.
		 */
		{ "same-origin", "http://a", "b", "c", "80" },
		{ "same-origin", NULL, NULL, NULL, NULL },
		{ "none", "null", "b", NULL, NULL },
		/* Without that, host and port. */
		{ NULL, "http://a.example", "a.example", "x", "80" },
		{ NULL, "https://A.example", "a.EXAMPLE", "x", "443" },
		{ "", "http://a.example", "a.example", "x", "80" },
		{ NULL, "http://a.example:8081", "a.example:8081", "x",
		    "8081" },
		{ NULL, "http://a.example:8081", "a.example:8081", "x", "80" },
		{ NULL, "http://a.example:8081", "a.example", "x", "8081" },
		{ NULL, "http://a.example", "a.example:80", "x", "8081" },
		{ NULL, "http://a.example", "", "a.example", "80" },
		{ NULL, "https://a.example:8443", NULL, "a.example", "8443" },
		{ NULL, "http://[::1]:8080", "[::1]:8080", "x", "80" },
		{ NULL, "http://[::1]:8080", "[::1]", "x", "8080" },
		{ NULL, "http://[::1]", "[::1]", "x", NULL },
		/* TLS ends before the web server, at one of the usual ports. */
		{ NULL, "https://a.example", "a.example", "x", "80" },
		{ NULL, "https://a.example", "a.example", "x", NULL },
		{ NULL, "https://a.example", "a.example", "x", "nonsense" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_false(is_foreign(&rows[i], NULL));
}

static void
test_pages_of_others(void **state)
{
	static const struct said rows[] = {
		{ "cross-site", "http://a", "a", "a", "80" },
		{ "same-site", "https://a", "a", "a", "443" },
		{ "cross-site", NULL, "a", "a", "80" },
		{ "Same-Origin", "http://a", "a", "a", "80" },
		{ "same-origin, cross-site", "http://a", "a", "a", "80" },
		{ NULL, "http://b.example", "a.example", "b.example", "80" },
		{ NULL, "http://a.example", "a.example", "x", "8081" },
		{ NULL, "http://a.example", "a.example:8081", "x", "80" },
		{ NULL, "http://a.example:8081", "a.example", "x", "80" },
		{ NULL, "http://a.example:8081", "a.example", "x", NULL },
		{ NULL, "http://a.example:1", "a.example", "x", "8081" },
		{ NULL, "http://a.example.evil", "a.example", "x", "80" },
		{ NULL, "http://a.exampl", "a.example", "x", "80" },
		{ NULL, "http://a.example", NULL, NULL, "80" },
		{ NULL, "http://a.example", "", "", "80" },
		{ NULL, "null", "null", "null", "80" },
		{ NULL, "", "a.example", "x", "80" },
		{ NULL, "a.example", "a.example", "x", "80" },
		{ NULL, "http://", "", "", "80" },
		{ NULL, "ftp://a.example", "a.example", "x", "80" },
		{ NULL, "http://a.example:", "a.example", "x", "80" },
		{ NULL, "http://a.example:0", "a.example", "x", "80" },
		{ NULL, "http://a.example:65616", "a.example", "x", "80" },
		{ NULL, "http://a.example:80x", "a.example", "x", "80" },
		{ NULL, "http://a.example:+80", "a.example", "x", "80" },
		{ NULL, "http://a.example", "a.example:x", "a.example", "80" },
		{ NULL, "http://[::1]", "[::2]", "x", "80" },
		{ NULL, "http://[::1", "[::1", "x", "99" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf why = { 0 };

		assert_true(is_foreign(&rows[i], NULL));
		assert_true(is_foreign(&rows[i], &why));
		assert_true(why.len_bytes > 0);
		buf_deinit(&why);
	}
}

static void
assert_why(const struct said *said, const char *expected)
{
	struct buf why = { 0 };

	assert_true(is_foreign(said, &why));
	assert_int_equal(why.len_bytes, strlen(expected));
	assert_memory_equal(why.data, expected, why.len_bytes);
	buf_deinit(&why);
}

static void
test_it_says_what_was_compared(void **state)
{
	(void)state;
	assert_why(&(struct said){ "cross-site", "http://a", "b", "c", "80" },
	    "its browser says Sec-Fetch-Site: cross-site");
	assert_why(&(struct said){ NULL, "http://a:1", "[::1]", "c", "80" },
	    "its origin http://a:1 is not the host and port that the web "
	    "server passes, HTTP_HOST [::1], SERVER_PORT 80");
	assert_why(&(struct said){ NULL, "http://a", NULL, "c", NULL },
	    "its origin http://a is not the host and port that the web server "
	    "passes, HTTP_HOST missing, SERVER_NAME c, SERVER_PORT missing");
	assert_why(&(struct said){ NULL, "a b\r\n<\xc3\xa9>", "\"", "c", "1" },
	    "its origin a%20b%0D%0A%3C%C3%A9%3E is not the host and port that "
	    "the web server passes, HTTP_HOST %22, SERVER_PORT 1");
}

static void
test_addresses_of_the_loopback_interface(void **state)
{
	static const char *const ours[] = { "127.0.0.1", "127.255.0.9", "::1",
		"0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::FFFF:7f00:1" };
	static const char *const others[] = { "", "localhost", "127.0.0.1 ",
		" 127.0.0.1", "127.0.0.1.evil.example", "127.0.0.1:80", "127.1",
		"127.", "127.0.0.1/8", "0127.0.0.1", "128.0.0.1", "0.0.0.0",
		"::", "::2", "::ffff:128.0.0.1",
		"::ffff:127.0.0.1.evil.example", "::127.0.0.1", "[::1]",
		"::1%lo", "unix:", "127.0.0.256" };

	(void)state;
	for (size_t i = 0; i < COUNT(ours); i++)
		assert_true(address_is_loopback(ours[i]));
	for (size_t i = 0; i < COUNT(others); i++)
		assert_false(address_is_loopback(others[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages_of_ours),
		cmocka_unit_test(test_pages_of_others),
		cmocka_unit_test(test_it_says_what_was_compared),
		cmocka_unit_test(test_addresses_of_the_loopback_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
