#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "pure/url.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BASE "https://hub.example/.well-known/mercure"

/* The parts are written "protocol user password host port path search hash". */
struct row {
	const char *text;
	const char *parts; /* NULL: no URL */
};

static const struct row rows[] = {
	{ "https://a/b", "https | | |a| |/b| |" },
	{ "HTTPS://EXAMPLE.com/B", "https | | |example.com| |/B| |" },
	{ " \t https://a/b\x01 ", "https | | |a| |/b| |" },
	{ "ht\ntps://a/\tb\r", "https | | |a| |/b| |" },
	{ "http:foo", "http | | |foo| |/| |" },
	{ "https:foo", "https | | |hub.example| |/.well-known/foo| |" },
	{ "https:/foo", "https | | |hub.example| |/foo| |" },
	{ "https:\\\\x\\y", "https | | |x| |/y| |" },
	{ "https:///a", "https | | |a| |/| |" },
	{ "//x/y", "https | | |x| |/y| |" },
	{ "///x", "https | | |x| |/| |" },
	{ "/", "https | | |hub.example| |/| |" },
	{ "", "https | | |hub.example| |/.well-known/mercure| |" },
	{ "?", "https | | |hub.example| |/.well-known/mercure| |" },
	{ "?a#b", "https | | |hub.example| |/.well-known/mercure|a|b" },
	{ "#b", "https | | |hub.example| |/.well-known/mercure| |b" },
	{ "x?y", "https | | |hub.example| |/.well-known/x|y|" },
	{ "//", NULL },
	{ "https://", NULL },
	{ "https://a:", "https | | |a| |/| |" },
	{ "https://a:0/", "https | | |a|0|/| |" },
	{ "https://a:00443/", "https | | |a| |/| |" },
	{ "https://a:65535/", "https | | |a|65535|/| |" },
	{ "https://a:65536/", NULL },
	{ "https://a:8x/", NULL },
	{ "https://:8/", NULL },
	{ "ws://a:80/", "ws | | |a| |/| |" },
	{ "ftp://a:21/", "ftp | | |a| |/| |" },
	{ "foo://a:21/", "foo | | |a|21|/| |" },
	{ "https://u:p@a/", "https |u|p|a| |/| |" },
	{ "https://u:@a/", "https |u| |a| |/| |" },
	{ "https://@a/", "https | | |a| |/| |" },
	{ "https://a@b@c/", "https |a%40b| |c| |/| |" },
	{ "https://u:p:q@a/", "https |u|p%3Aq|a| |/| |" },
	{ "https://u@/", NULL },
	{ "foo://u@/", NULL },
	{ "https://a%2fb/", NULL },
	{ "https://a%00b/", NULL },
	{ "https://a b/", NULL },
	{ "https://a^b/", NULL },
	{ "https://[bad/", NULL },
	{ "https://m\u00fcnchen.example/", NULL },
	{ "https://m%C3%BCnchen.example/", NULL },
	{ "https://ex%41mple.com/", "https | | |example.com| |/| |" },
	{ "https://a_b/", "https | | |a_b| |/| |" },
	{ "https://a..b/", "https | | |a..b| |/| |" },
	{ "https://1.2.3/", "https | | |1.2.0.3| |/| |" },
	{ "https://0x7f.1/", "https | | |127.0.0.1| |/| |" },
	{ "https://017.0.0.1/", "https | | |15.0.0.1| |/| |" },
	{ "https://4294967295/", "https | | |255.255.255.255| |/| |" },
	{ "https://4294967296/", NULL },
	{ "https://256.1.1.1/", NULL },
	{ "https://1.2.3.4.5/", NULL },
	{ "https://1.2.3.4./", "https | | |1.2.3.4| |/| |" },
	{ "https://a.0x/", NULL },
	{ "https://09/", NULL },
	{ "https://1.a/", "https | | |1.a| |/| |" },
	{ "https://[::1]/", "https | | |[::1]| |/| |" },
	{ "https://[::]:81/", "https | | |[::]|81|/| |" },
	{ "https://[1::2:3.4.5.6]/", "https | | |[1::2:304:506]| |/| |" },
	{ "https://[::FFFF:1.2.3.4]/", "https | | |[::ffff:102:304]| |/| |" },
	{ "https://[1:0:0:4:0:0:0:8]/", "https | | |[1:0:0:4::8]| |/| |" },
	{ "https://[1:2:3:4:5:6:7:0]/", "https | | |[1:2:3:4:5:6:7:0]| |/| |" },
	{ "https://[1:2:3:4:5:6:0:0]/", "https | | |[1:2:3:4:5:6::]| |/| |" },
	{ "https://[::1%25eth]/", NULL },
	{ "https://[1:2]/", NULL },
	{ "https://[]/", NULL },
	{ "foo:///a", "foo | | | | |/a| |" },
	{ "foo://h", "foo | | |h| | | |" },
	{ "foo://", "foo | | | | | | |" },
	{ "foo://H%41/", "foo | | |H%41| |/| |" },
	{ "foo://[::1]/", "foo | | |[::1]| |/| |" },
	{ "foo://a b/", NULL },
	{ "foo:/..", "foo | | | | |/| |" },
	{ "foo:/a/../../b", "foo | | | | |/b| |" },
	{ "foo:a/../b", "foo | | | | |a/../b| |" },
	{ "foo:?x", "foo | | | | | |x|" },
	{ "urn:example:x?q#f", "urn | | | | |example:x|q|f" },
	{ "data:a b", "data | | | | |a b| |" },
	{ "file:x", "file | | | | |/x| |" },
	{ "file://h/x", "file | | |h| |/x| |" },
	{ "file://localhost/x", "file | | | | |/x| |" },
	{ "file:///../x", "file | | | | |/x| |" },
	{ "/a/%2e/b", "https | | |hub.example| |/a/b| |" },
	{ "/a/.%2E/b", "https | | |hub.example| |/b| |" },
	{ "/a/%2e", "https | | |hub.example| |/a/| |" },
	{ "/a/..", "https | | |hub.example| |/| |" },
	{ "/a/..%2f", "https | | |hub.example| |/a/..%2f| |" },
	{ "/a/.../b", "https | | |hub.example| |/a/.../b| |" },
	{ "/a\\b", "https | | |hub.example| |/a/b| |" },
	{ "/\u00e9 \"<>`{}^",
	    "https | | |hub.example| "
	    "|/%C3%A9%20%22%3C%3E%60%7B%7D%5E| |" },
	{ "/?\u00e9'`<", "https | | |hub.example| |/|%C3%A9%27`%3C|" },
	{ "foo:/?'", "foo | | | | |/|'|" },
	{ "/#\u00e9'`<", "https | | |hub.example| |/| |%C3%A9'%60%3C" },
	{ "/%zz%", "https | | |hub.example| |/%zz%| |" },
};

static void
parse_base(struct url *base, const char *text)
{
	assert_int_equal(url_parse(base, text, strlen(text), NULL, 0), 0);
}

/* The parts in one line, an empty one as a blank where one may follow. */
static void
append_parts(const struct url *url, struct buf *line)
{
	const struct buf *part;

	for (int i = 0; i < URL_PART_COUNT; i++) {
		part = &url->parts[i];
		buf_append(line, part->data, part->len_bytes);
		if (i == URL_PROTOCOL || (part->len_bytes == 0 && i < URL_HASH))
			buf_append_str(line, " ");
		if (i < URL_HASH)
			buf_append_str(line, "|");
	}
	buf_append(line, "", 1);
}

static void
test_parse(void **state)
{
	struct url base = { 0 }, url = { 0 };
	struct buf line = { 0 };

	(void)state;
	parse_base(&base, BASE);
	for (size_t i = 0; i < COUNT(rows); i++) {
		print_message("%s\n", rows[i].text);
		assert_int_equal(url_parse(&url, rows[i].text,
				     strlen(rows[i].text), &base, 0),
		    rows[i].parts != NULL ? 0 : -1);
		if (rows[i].parts == NULL)
			continue;
		line.len_bytes = 0;
		append_parts(&url, &line);
		assert_string_equal(line.data, rows[i].parts);
	}
	buf_deinit(&line);
	url_deinit(&url);
	url_deinit(&base);
}

static void
test_bases(void **state)
{
	struct url base = { 0 }, url = { 0 };

	(void)state;
	assert_int_equal(url_parse(&url, "/a", 2, NULL, 0), -1);
	parse_base(&base, "urn:a:b?q");
	assert_int_equal(url_parse(&url, "/a", 2, &base, 0), -1);
	assert_int_equal(url_parse(&url, "#a", 2, &base, 0), 0);
	assert_true(url_part_is(&url, URL_PATHNAME, "a:b"));
	assert_true(url_part_is(&url, URL_SEARCH, "q"));
	parse_base(&base, "file://h/a/b");
	assert_int_equal(url_parse(&url, "c", 1, &base, 0), 0);
	assert_true(url_part_is(&url, URL_HOSTNAME, "h"));
	assert_true(url_part_is(&url, URL_PATHNAME, "/a/c"));
	parse_base(&base, "foo://h");
	assert_int_equal(url_parse(&url, "c", 1, &base, 0), 0);
	assert_true(url_part_is(&url, URL_PATHNAME, "/c"));
	url_deinit(&url);
	url_deinit(&base);
}

static bool
is_below(const char *text, const char *hub_text)
{
	struct url hub = { 0 }, url = { 0 };
	bool       result;

	parse_base(&hub, hub_text);
	result = url_parse(&url, text, strlen(text), &hub, URL_ANY_HOST) == 0 &&
	    url_is_below(&url, &hub);
	url_deinit(&url);
	url_deinit(&hub);
	return result;
}

static void
test_below(void **state)
{
	static const char *const below[] = { "/.well-known/mercure",
		"/.well-known/mercure/", "/.well-known/mercure/x", "", "?x",
		"#x", "mercure", "./mercure/a", "../.well-known/mercure",
		"http://other/.well-known/mercure/x",
		"urn:/.well-known/mercure", "/.well-known/%6Dercure",
		"/.well-known/./mercure", "/%2ewell-known/mercure",
		"/a/%2e%2e/.well-known/mercure",
		"https://m\u00fcnchen/.well-known/mercure",
		"\\.well-known/mercure" };
	static const char *const not_below[] = { "/.well-known/mercurex",
		"/.well-known", "/x/.well-known/mercure",
		"/.Well-known/mercure", "urn:.well-known/mercure",
		"http://[bad/.well-known/mercure", "/.well-known%2Fmercure",
		"/" };

	(void)state;
	for (size_t i = 0; i < COUNT(below); i++) {
		print_message("%s\n", below[i]);
		assert_true(is_below(below[i], BASE));
	}
	for (size_t i = 0; i < COUNT(not_below); i++) {
		print_message("%s\n", not_below[i]);
		assert_false(is_below(not_below[i], BASE));
	}
	assert_true(is_below("/a", "https://h/"));
	assert_true(is_below("/a/b", "https://h/a/"));
	assert_false(is_below("/ab", "https://h/a/"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_bases),
		cmocka_unit_test(test_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
