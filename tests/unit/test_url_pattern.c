#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include <stdlib.h>

#include "pure/url_pattern.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BASE "https://hub.example/.well-known/mercure"
#define COST_MAX 1000000
#define LONG_BYTES 4096

struct row {
	const char *pattern;
	const char *topic;
	bool        matches;
};

static const struct row rows[] = {
	{ "https://example.com/books/:id", "https://example.com/books/1",
	    true },
	{ "https://example.com/books/:id", "https://example.com/books/1?x=2#y",
	    true },
	{ "https://example.com/books/:id", "https://u:p@example.com/books/1",
	    true },
	{ "https://example.com/books/:id", "https://EXAMPLE.com/books/1",
	    true },
	{ "https://example.com/books/:id", "https://example.com:443/books/1",
	    true },
	{ "https://example.com/books/:id", "https://example.com/books/",
	    false },
	{ "https://example.com/books/:id", "https://example.com/books/1/2",
	    false },
	{ "https://example.com/books/:id", "https://example.com/Books/1",
	    false },
	{ "https://example.com/books/:id", "http://example.com/books/1",
	    false },
	{ "/books/:id", "/books/1", true },
	{ "/books/:id/a", "/books/1/a", true },
	{ "/books/:id/a", "/books//a", false },
	{ "/books/:id/a", "/books/a", false },
	{ "/books/:id/a", "/books/1/2/a", false },
	{ "/books/:id/a", "/books/1/b", false },
	{ "/b/{x:id}y", "/b/xay", true },
	{ "/b/{x:id}y", "/b/xy", false },
	{ "/b/{x:id.}y", "/b/xa.y", true },
	{ "/b/{x:id.}y", "/b/xay", false },
	{ "/a*a", "/a", false },
	{ "/a*a", "/aa", true },
	{ "/a*a", "/a/b/a", true },
	{ "/books/:id", "https://hub.example/books/1", true },
	{ "/books/:id", "https://other.example/books/1", false },
	{ "/books/:id", "books/1", false },
	{ "books/:id", "books/1", true },
	{ "books/:id", "/.well-known/books/1", true },
	{ "https://example.com", "https://example.com/x/y?z", true },
	{ "https://example.com", "https://example.com:81/", false },
	{ "https://example.com/a?x=:v", "https://example.com/a?x=1#h", true },
	{ "https://example.com/a?x=:v", "https://example.com/a", false },
	{ "?x=1", "?x=1", true },
	{ "?x=1", "/.well-known/mercure?x=1#y", true },
	{ "?x=1", "/?x=1", false },
	{ "#h", "#h", true },
	{ "#h", "?x#h", false },
	{ "http{s}?://example.com/*", "http://example.com/a/b", true },
	{ "http{s}?://example.com/*", "https://example.com/", true },
	{ "http{s}?://example.com/*", "ws://example.com/", false },
	{ "https://*.example.com/*", "https://a.b.example.com/x", true },
	{ "https://*.example.com/*", "https://example.com/x", false },
	{ "https://example.com:8443/*", "https://example.com:8443/x", true },
	{ "https://example.com:8443/*", "https://example.com/x", false },
	{ "https://EXAMPLE.com/\u00c9 x", "https://example.com/%C3%89%20x",
	    true },
	{ "foo", "/.well-known/foo", true },
	{ "urn:example::x", "urn:example:a", false },
	{ "urn:*", "urn:example:x", false },
	{ "urn\\:example\\:x", "urn:example:x", false },
	{ "urn:/x/*", "urn:/x/1", true },
	{ "/a/:rest*", "/a", true },
	{ "/a/:rest*", "/a/", false },
	{ "/a/:rest*", "/a/b/c", true },
	{ "/a/:rest+", "/a", false },
	{ "/a{/:b}?", "/a", true },
	{ "/a{/:b}?", "/a/b", true },
	{ "/a/*", "/a/", true },
	{ "/a/*", "/a", false },
	{ "/*", "/a/../b", true },
	{ "/a/:x", "/a/%C3%A9", true },
	{ "/a/:x", "/a/\u00e9", true },
	{ "/a/\u00e9", "/a/%C3%A9", true },
	{ "/a/\u00e9", "/a/\u00e9", true },
	{ "/a/%62", "/a/b", false },
	{ "/a/%62", "/a/%62", true },
	{ "/.well-known/mercure/subscriptions/exact/:m/:s",
	    "/.well-known/mercure/subscriptions/exact/https%3A%2F%2Fe%2F1/"
	    "urn%3Auuid%3A1",
	    true },
	{ "/*", "http://[bad", false },
	{ "*://*/*", "http://[bad", false },
	{ "https://[\\:\\:1]/x", "https://[0::1]/x", true },
	{ "https://[*]/x", "https://[::1]/x", true },
	{ "https://example.com:0443/x", "https://example.com/x", true },
	{ "https://example.com:08443/x", "https://example.com:8443/x", true },
	{ "/:a-:b", "/1-2", true },
	{ "/{x:a y}+", "/x1 yx2 y", true },
	{ "/{x:a y}+", "/x1 y2", false },
	{ "/x/(.*)", "/x/y/z", true },
	{ "/x/([^\\/]+?)", "/x/y", true },
	{ "/x/([^\\/]+?)", "/x/y/z", false },
	{ "/x/{ab}*c", "/x/ababc", true },
	{ "/x/{ab}*c", "/x/abac", false },
#ifdef HAVE_PCRE2
	{ "/(\\d+)", "/12", true },
	{ "/(\\d+)", "/1x", false },
	{ "/:id(\\d+)?", "/", false },
	{ "/:id(\\d+)?", "/12", true },
	{ "/:id(a|ab)/:n(\\d{2})", "/ab/12", true },
	{ "/:id(a|ab)/:n(\\d{2})", "/ab/123", false },
	{ "/:p(\\d)+", "/1/2/3", true },
	{ "/:p(\\d)+", "/1/2/x", false },
#endif
};

static const char *const malformed[] = { "(", "https://example.com/{a",
	"https://[::1]/x", "/:a/:a", "/a}", "/{{a}}", "/()", "/(?:a)", "/((a))",
	"/a\\", "https://a b/", "https://ex%2Fample/", "https://h:99999/",
	"/:\u00e9", "/:a\u00e9", "https://m\u00fcnchen/", "/x/(+)", "/x/(a**)",
	"/x/(a{1)", "/x/(\\q)", "/x/(a{2}+)", "/x/(\\K)", "/x/(*ACCEPT)",
	"/x/((?R))", "/x/((?#a))", "/x/([[:digit:]])", "/x/(\\Qa\\E)",
	"/x/((?>a))", "/x/((?|a))", "/x/([z-a])", "/x/(a++)", "/x/(\\12)",
	"/x/(\\h)", "/x/([a-])",
#ifndef HAVE_PCRE2
	"/(\\d+)"
#endif
};

static int
parse_base(struct url *base)
{
	return url_parse(base, BASE, strlen(BASE), NULL, 0);
}

static bool
matches(const char *pattern_text, const char *topic, uint64_t *cost)
{
	struct url         base = { 0 }, url = { 0 };
	struct url_pattern pattern;
	bool               result;

	assert_int_equal(parse_base(&base), 0);
	assert_int_equal(url_pattern_init(&pattern, pattern_text,
			     strlen(pattern_text), &base),
	    0);
	*cost = 0;
	result = url_parse(&url, topic, strlen(topic), &base, 0) == 0 &&
	    url_pattern_matches(&pattern, &url, cost, COST_MAX);
	url_pattern_deinit(&pattern);
	url_deinit(&url);
	url_deinit(&base);
	return result;
}

static void
test_matches(void **state)
{
	uint64_t cost;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		print_message("%s %s\n", rows[i].pattern, rows[i].topic);
		assert_int_equal(matches(rows[i].pattern, rows[i].topic, &cost),
		    rows[i].matches);
	}
}

/* What stands in the base means just that. */
static void
test_a_base_like_a_pattern(void **state)
{
	static const struct row cases[] = {
		{ "x", "https://hub.example/a*(b)+:c%3F/x", true },
		{ "x", "https://hub.example/ab(b)+:c%3F/x", false },
		{ "#h", "https://hub.example/a*(b)+:c%3F/m#h", true },
	};
	static const char  text[] = "https://hub.example/a*(b)+:c%3F/m";
	struct url         base = { 0 }, url;
	struct url_pattern pattern;
	uint64_t           cost = 0;

	(void)state;
	assert_int_equal(url_parse(&base, text, strlen(text), NULL, 0), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		print_message("%s %s\n", cases[i].pattern, cases[i].topic);
		url = (struct url){ 0 };
		assert_int_equal(url_pattern_init(&pattern, cases[i].pattern,
				     strlen(cases[i].pattern), &base),
		    0);
		assert_int_equal(url_parse(&url, cases[i].topic,
				     strlen(cases[i].topic), &base, 0),
		    0);
		assert_int_equal(url_pattern_matches(&pattern, &url, &cost,
				     COST_MAX),
		    cases[i].matches);
		url_pattern_deinit(&pattern);
		url_deinit(&url);
	}
	url_deinit(&base);
}

static void
test_malformed(void **state)
{
	struct url         base = { 0 };
	struct url_pattern pattern;

	(void)state;
	assert_int_equal(parse_base(&base), 0);
	for (size_t i = 0; i < COUNT(malformed); i++) {
		print_message("%s\n", malformed[i]);
		assert_int_equal(url_pattern_init(&pattern, malformed[i],
				     strlen(malformed[i]), &base),
		    -1);
	}
	url_deinit(&base);
}

/* A slash, and a text so often that LONG_BYTES are not exceeded. */
static char *
repeat(const char *piece)
{
	char *text = calloc(1, LONG_BYTES + 1);

	assert_non_null(text);
	text[0] = '/';
	for (size_t at = 1; at + strlen(piece) <= LONG_BYTES;
	     at += strlen(piece))
		memcpy(text + at, piece, strlen(piece));
	return text;
}

/* What takes other matchers for ever takes us a bounded number of steps. */
static void
test_cost(void **state)
{
	static const char *const pieces[] = { "{*}", "{a}?", "{a}*", "{aa}+",
		"{*a}?", "{a*a}*", "*?" };
	char                    *topic = repeat("a");
	uint64_t                 cost;

	(void)state;
	for (size_t i = 0; i < COUNT(pieces); i++) {
		char *pattern = repeat(pieces[i]);

		print_message("%s\n", pieces[i]);
		matches(pattern, topic, &cost);
		free(pattern);
		assert_in_range(cost, LONG_BYTES, COST_MAX + 8 * LONG_BYTES);
	}
	free(topic);
}

static void
test_regex_cost(void **state)
{
	static const char *const patterns[] = { "/((?:a+)+$)",
		"/((?:a|a)*[bc])", "/((?:a*)*[bc])", "/(a*a*a*a*a*a*a*[bc])",
		"/((?:.*.*)*[bc])" };
	char                    *topic;
	uint64_t                 cost;

	(void)state;
#ifndef HAVE_PCRE2
	skip();
#endif
	topic = repeat("a");
	topic[LONG_BYTES - 1] = '!';
	for (size_t i = 0; i < COUNT(patterns); i++) {
		print_message("%s\n", patterns[i]);
		assert_false(matches(patterns[i], topic, &cost));
		assert_in_range(cost, COST_MAX, COST_MAX + LONG_BYTES);
		topic[40] = '!';
		topic[41] = '\0';
		assert_false(matches(patterns[i], topic, &cost));
		assert_in_range(cost, COST_MAX / 10, COST_MAX + LONG_BYTES);
		topic[40] = topic[41] = 'a';
	}
	free(topic);
}

static void
test_prefix(void **state)
{
	static const char *const cases[][2] = {
		{ "https://a/b/:c", "https\na\n\n/b" },
		{ "https://a:81/b/c", "https\na\n81\n/b/c" },
		{ "https://*.a/b", "https\n" },
		{ "http{s}?://a/b", "http" },
		{ "/a{/b}?", "https\nhub.example\n\n/a" },
		{ "{/b}?", "https\nhub.example\n\n" },
	};
	struct url         base = { 0 };
	struct url_pattern pattern;
	struct buf         prefix = { 0 };

	(void)state;
	assert_int_equal(parse_base(&base), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		print_message("%s\n", cases[i][0]);
		assert_int_equal(url_pattern_init(&pattern, cases[i][0],
				     strlen(cases[i][0]), &base),
		    0);
		prefix.len_bytes = 0;
		url_pattern_append_prefix(&pattern, &prefix);
		buf_append(&prefix, "", 1);
		assert_string_equal(prefix.data, cases[i][1]);
		url_pattern_deinit(&pattern);
	}
	buf_deinit(&prefix);
	url_deinit(&base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_a_base_like_a_pattern),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_regex_cost),
		cmocka_unit_test(test_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
