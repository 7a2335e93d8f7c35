#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include <stdlib.h>

#include "pure/uri_template.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define COST_MAX 1000000
#define LONG_BYTES 4096

struct row {
	const char *template;
	const char *topic;
	bool        matches;
};

static const struct row rows[] = {
	{ "/books/{id}", "/books/1", true },
	{ "/books/{id}", "/books/", true },
	{ "/books/{id}", "/books/1,2", true },
	{ "/books/{id}", "/books/1/2", false },
	{ "/books/{id}", "/books/a%20b", true },
	{ "/books/{id}", "/books/a%2", false },
	{ "/books/{id}", "/books/a%zz", false },
	{ "/books/{id}", "/books/\u00fc", false },
	{ "/books/{id}", "/books/a=b", false },
	{ "/books/{id}", "/books/{id}", false },
	{ "/books/{id:3}", "/books/12345", true },
	{ "/books/{id*}", "/books/a=b,c=d", true },
	{ "/books/{id}/b", "/books/1/b", true },
	{ "/books/{id}/b", "/books//b", true },
	{ "/books/{id}/b", "/books/b", false },
	{ "/a{x}a", "/a", false },
	{ "/a{x}a", "/aa", true },
	{ "{x}41", "%41", false },
	{ "{x}41", "%4141", true },
	{ "{x}41", "41", true },
	{ "{x}a", "aaa", true },
	{ "/{+x}/b", "/a/b/b", true },
	{ "/{/x}b", "/b", true },
	{ "/{/x}b", "//b", true },
	{ "/{/x}b", "/ab", false },
	{ "{x}", "", true },
	{ "{x}", "a-b.c_d~e", true },
	{ "{x}", "a:b", false },
	{ "{+x}", "a:/?#[]@!$&'()*+,;=b%41", true },
	{ "{+x}", "a b", false },
	{ "{+x}", "a%4", false },
	{ "a{#x}", "a", true },
	{ "a{#x}", "a#", true },
	{ "a{#x}", "a#b/c", true },
	{ "a{#x}", "ab", false },
	{ "a{.x}", "a.b", true },
	{ "a{.x}", "ab", false },
	{ "a{.x,y}", "a.b.c.d", true },
	{ "a{/x}", "a", true },
	{ "a{/x}", "a/", true },
	{ "a{/x}", "a/b", true },
	{ "a{/x}", "a/b/c", false },
	{ "a{/x,y}", "a/b/c", true },
	{ "a{/x,y}", "a/b/c/d", false },
	{ "a{/x*}", "a/b/c/d/e", true },
	{ "a{/x}{/y}", "a/b/c", true },
	{ "a{/x}{/y}", "a/b/c/d", false },
	{ "a{/x,y}z", "a/b/cz", true },
	{ "a{/x}", "a/b=c", false },
	{ "a{/x*}", "a/b=c", true },
	{ "a{/x,y*}", "a/b=c", false },
	{ "a{/x,y*}", "a/b/c=d", true },
	{ "{x,y*}", "a,b=c", true },
	{ "{x,y*}", "a=b,c", false },
	{ "{x,y*}", "a,,b=c", true },
	{ "{x,y}", "a,b=c", false },
	{ "a{;x}", "a;x=1", true },
	{ "a{;x}", "a;x=1;y=2", false },
	{ "a{;x,y}", "a;x=1;y=2", true },
	{ "a{?topic}", "a?anything=x", true },
	{ "a{?topic}", "a?", true },
	{ "a{?topic}", "a?x=1&y=2", false },
	{ "a{?x,y}", "a?x=1&y=2", true },
	{ "a{?x,y}", "a?x=1&y=2&z=3", false },
	{ "a{?x*}", "a?x=1&y=2&z=3", true },
	{ "a{?x}", "a&x=1", false },
	{ "a?b=1{&x}", "a?b=1&c=2", true },
	{ "a?b=1{&x}", "a?b=1", true },
	{ "a?b=1{&x}", "a?b=1?c=2", false },
	{ "\u00fc{x}", "\u00fc1", true },
	{ "\u00fc{x}", "%C3%BC1", false },
	{ "%41{x}", "%41b", true },
	{ "%41{x}", "Ab", false },
	{ "{x}%41", "%41%41", true },
	{ "{x}1", "%41", false },
	{ "https://e/u/{id}/", "https://e/u/1/", true },
	{ "https://e/u/{id}/", "https://e/u/1", false },
	{ "{x}/{y}", "a/b", true },
	{ "{a.b}", "x", true },
	{ "{a%41_1}", "x", true },
	{ "{x:9999}", "x", true },
	{ "[{x}]", "[1]", true },
};

/* What is no template. */
static const char *const plain[] = { "", "/books/1", "*", "{", "}", "a}", "{}",
	"{x", "{x}}", "{{x}}", "{x} ", "<{x}", "{x}\"", "{x}\\", "{x}^", "{x}`",
	"{x}|", "%{x}", "%4{x}", "%zz{x}", "{=x}", "{,x}", "{!x}", "{@x}",
	"{|x}", "{x,}", "{,}", "{x,,y}", "{.}", "{..x}", "{x.}", "{x..y}",
	"{x-y}", "{x%4}", "{x:}", "{x:0}", "{x:01}", "{x:10000}", "{x:1*}",
	"{x*:1}", "{x**}", "{x:a}", "{x y}", "{\u00fc}", "{x}\x01", "{x}\xff",
	"{x}\ufffd", "{x}\ufdd0", "{x}\uffff" };

static struct uri_template *
compile(const char *text)
{
	return uri_template_new(text, strlen(text));
}

static void
test_matches(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct uri_template *template = compile(rows[i].template);
		uint64_t cost = 0;

		print_message("%s %s\n", rows[i].template, rows[i].topic);
		assert_non_null(template);
		assert_int_equal(uri_template_matches(template, rows[i].topic,
				     strlen(rows[i].topic), &cost, COST_MAX),
		    rows[i].matches);
		assert_true(cost > 0);
		uri_template_free(template);
	}
}

static void
test_plain(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(plain); i++) {
		print_message("%s\n", plain[i]);
		assert_null(compile(plain[i]));
	}
}

static void
test_literal_bytes(void **state)
{
	struct uri_template *template = compile("/books/{id}/x");

	(void)state;
	assert_int_equal(uri_template_literal_bytes(template), 7);
	uri_template_free(template);
	template = compile("{id}/x");
	assert_int_equal(uri_template_literal_bytes(template), 0);
	uri_template_free(template);
}

/* Repeats a text until it is LONG_BYTES long. */
static char *
repeat(const char *piece)
{
	char *text = calloc(1, LONG_BYTES + 1);

	assert_non_null(text);
	for (size_t at = 0; at + strlen(piece) <= LONG_BYTES;
	     at += strlen(piece))
		memcpy(text + at, piece, strlen(piece));
	return text;
}

static bool
match_long(const char *piece, const char *topic_piece, uint64_t *cost)
{
	char *text = repeat(piece), *topic = repeat(topic_piece);
	struct uri_template *template = compile(text);
	bool matches;

	assert_non_null(template);
	*cost = 0;
	matches = uri_template_matches(template, topic, strlen(topic), cost,
	    COST_MAX);
	uri_template_free(template);
	free(topic);
	free(text);
	return matches;
}

/* What takes other matchers for ever takes us a bounded number of steps. */
static void
test_cost(void **state)
{
	static const char *const pieces[] = { "{x}", "{+x}", "{x}{/x}",
		"{x*}a{y}", "{/x,y}", "{?x*}{.y}", "{x}a" };
	uint64_t                 cost;

	(void)state;
	assert_true(match_long("{x}", "a", &cost));
	assert_true(cost <= 2 * LONG_BYTES);
	for (size_t i = 0; i < COUNT(pieces); i++) {
		match_long(pieces[i], "a", &cost);
		assert_true(cost <= COST_MAX + 2 * LONG_BYTES);
		match_long(pieces[i], "/", &cost);
		assert_true(cost <= COST_MAX + 2 * LONG_BYTES);
	}
	/* Past the limit it is no match, even if it would be one. */
	assert_false(match_long("{x}{/x}", "a", &cost));
	assert_true(cost >= COST_MAX);
}

static void
test_long_topic(void **state)
{
	char *topic = repeat("/a");
	struct uri_template *template = compile("{/x*}");
	uint64_t cost = 0;

	(void)state;
	assert_true(uri_template_matches(template, topic, LONG_BYTES, &cost,
	    COST_MAX));
	uri_template_free(template);
	template = compile("{/a,b,c}");
	assert_false(uri_template_matches(template, topic, LONG_BYTES, &cost,
	    COST_MAX));
	assert_true(uri_template_matches(template, topic, 6, &cost, COST_MAX));
	assert_false(uri_template_matches(template, topic, 8, &cost, COST_MAX));
	uri_template_free(template);
	free(topic);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_literal_bytes),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_long_topic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
