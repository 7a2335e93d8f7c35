#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include <stdlib.h>

#include "base/buf.h"
#include "pure/selector.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HUB "https://hub.example/.well-known/mercure"

struct row {
	enum selector_kind kind;
	const char        *text;
	enum selector_rule rule;
	const char        *topic;
	bool               matches;
};

static const struct row rows[] = {
	{ SELECTOR_TOPIC, "*", SELECTOR_BY_ALL, "x", true },
	{ SELECTOR_TOPIC, "*", SELECTOR_BY_ALL, "http://[bad", true },
	{ SELECTOR_EXACT, "*", SELECTOR_BY_ALL, "x", true },
	{ SELECTOR_URL_PATTERN, "*", SELECTOR_BY_ALL, "http://[bad", true },
	{ SELECTOR_TOPIC, "**", SELECTOR_BY_TEXT, "x", false },
	{ SELECTOR_TOPIC, "/a", SELECTOR_BY_TEXT, "/a", true },
	{ SELECTOR_TOPIC, "/a", SELECTOR_BY_TEXT, "/A", false },
	{ SELECTOR_TOPIC, "", SELECTOR_BY_TEXT, "", true },
	{ SELECTOR_TOPIC, "/{a", SELECTOR_BY_TEXT, "/{a", true },
	{ SELECTOR_TOPIC, "\u200d", SELECTOR_BY_TEXT, "\u200d", true },
	{ SELECTOR_TOPIC, "/a/{x}", SELECTOR_BY_TEMPLATE, "/a/b", true },
	{ SELECTOR_TOPIC, "/a/{x}", SELECTOR_BY_TEMPLATE, "/a/{x}", true },
	{ SELECTOR_TOPIC, "/a/{x}", SELECTOR_BY_TEMPLATE, "/b/c", false },
	{ SELECTOR_EXACT, "/a/{x}", SELECTOR_BY_TEXT, "/a/b", false },
	{ SELECTOR_EXACT, "/a/{x}", SELECTOR_BY_TEXT, "/a/{x}", true },
	{ SELECTOR_EXACT, "https://hub.example/a", SELECTOR_BY_TEXT, "/a",
	    false },
	{ SELECTOR_URL_PATTERN, "/a/:x", SELECTOR_BY_PATTERN, "/a/b", true },
	{ SELECTOR_URL_PATTERN, "/a/:x", SELECTOR_BY_PATTERN, "/a/:x", true },
	{ SELECTOR_URL_PATTERN, "/a/:x", SELECTOR_BY_PATTERN, "/a/b/c", false },
	{ SELECTOR_URL_PATTERN, "*://*/*", SELECTOR_BY_PATTERN, "http://[bad",
	    false },
};

static void
parse_hub(struct url *hub, const char *text)
{
	assert_int_equal(selector_base_parse(hub, text, strlen(text)), 0);
}

static struct selector *
compile(enum selector_kind kind, const char *text, const struct url *hub)
{
	const char *why = NULL;

	return selector_new(kind, text, strlen(text), hub, &why);
}

static void
test_matches(void **state)
{
	struct url hub = { 0 };

	(void)state;
	parse_hub(&hub, HUB);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row     *row = &rows[i];
		struct selector      *selector;
		struct selector_topic topic;
		uint64_t              cost = 0;

		print_message("%s %s\n", row->text, row->topic);
		selector = compile(row->kind, row->text, &hub);
		assert_non_null(selector);
		assert_int_equal(selector->kind, row->kind);
		assert_int_equal(selector->rule, row->rule);
		assert_string_equal(selector->text, row->text);
		selector_topic_init(&topic, row->topic, strlen(row->topic),
		    &hub);
		assert_int_equal(selector_matches(selector, &topic, &cost),
		    row->matches);
		assert_true(cost > 0);
		selector_topic_deinit(&topic);
		selector_free(selector);
	}
	url_deinit(&hub);
}

static void
test_invalid(void **state)
{
	static const char *const texts[] = { "a\nb", "\x7f", "\xc2\x85",
		"a\u200db", "\xff", "\u00ad" };
	struct url               hub = { 0 };
	char                     text[SELECTOR_BYTES_MAX + 1];
	const char              *why = NULL;

	(void)state;
	parse_hub(&hub, HUB);
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_null(compile(SELECTOR_EXACT, texts[i], &hub));
		assert_null(compile(SELECTOR_URL_PATTERN, texts[i], &hub));
	}
	assert_null(compile(SELECTOR_URL_PATTERN, "(", &hub));
	memset(text, 'a', sizeof(text));
	assert_null(selector_new(SELECTOR_TOPIC, text, sizeof(text), &hub,
	    &why));
	assert_non_null(why);
	selector_free(selector_new(SELECTOR_TOPIC, text, sizeof(text) - 1, &hub,
	    &why));
	url_deinit(&hub);
}

/* Bytes that a selector and its topics have may be any. */
static void
test_nul(void **state)
{
	struct url            hub = { 0 };
	const char           *why;
	struct selector      *selector;
	struct selector_topic topic;
	uint64_t              cost = 0;

	(void)state;
	parse_hub(&hub, HUB);
	selector = selector_new(SELECTOR_TOPIC, "a\0b", 3, &hub, &why);
	assert_non_null(selector);
	selector_topic_init(&topic, "a\0c", 3, &hub);
	assert_false(selector_matches(selector, &topic, &cost));
	selector_topic_deinit(&topic);
	selector_topic_init(&topic, "a\0b", 3, &hub);
	assert_true(selector_matches(selector, &topic, &cost));
	selector_topic_deinit(&topic);
	selector_free(selector);
	url_deinit(&hub);
}

/* Without a host of its own the hub still has relative topics. */
static void
test_hub_without_host(void **state)
{
	struct url            hub = { 0 };
	struct selector      *selector;
	struct selector_topic topic;
	uint64_t              cost = 0;

	(void)state;
	parse_hub(&hub, "/.well-known/mercure");
	selector = compile(SELECTOR_URL_PATTERN, "/books/:id", &hub);
	selector_topic_init(&topic, "/books/1", 8, &hub);
	assert_true(selector_matches(selector, &topic, &cost));
	selector_topic_deinit(&topic);
	selector_free(selector);
	assert_true(selector_is_reserved("/.well-known/mercure/x", 22, &hub));
	url_deinit(&hub);
}

static void
test_prefix(void **state)
{
	static const struct {
		enum selector_kind kind;
		const char        *text, *prefix;
	} cases[] = {
		{ SELECTOR_TOPIC, "*", "" },
		{ SELECTOR_TOPIC, "/a/b", "/a/b" },
		{ SELECTOR_TOPIC, "/a/{b}/c", "/a/" },
		{ SELECTOR_EXACT, "/a/{b}/c", "/a/{b}/c" },
		{ SELECTOR_URL_PATTERN, "/a/:b/c", "https\nhub.example\n\n/a" },
	};
	struct url hub = { 0 };
	struct buf prefix = { 0 };

	(void)state;
	parse_hub(&hub, HUB);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct selector *selector = compile(cases[i].kind,
		    cases[i].text, &hub);

		prefix.len_bytes = 0;
		selector_append_prefix(selector, &prefix);
		buf_append(&prefix, "", 1);
		assert_string_equal(prefix.data, cases[i].prefix);
		selector_free(selector);
	}
	buf_deinit(&prefix);
	url_deinit(&hub);
}

static void
test_alike(void **state)
{
	static const struct {
		enum selector_kind kind;
		const char        *one, *other;
		bool               is_alike;
	} cases[] = {
		{ SELECTOR_TOPIC, "*", "*", true },
		{ SELECTOR_TOPIC, "/a", "/a", true },
		{ SELECTOR_TOPIC, "/a", "/b", false },
		{ SELECTOR_TOPIC, "/{a}/b", "/{long_name}/b", true },
		{ SELECTOR_TOPIC, "/{a}/b", "/{a:3}/b", true },
		{ SELECTOR_TOPIC, "/{a}/b", "/{a}/c", false },
		{ SELECTOR_TOPIC, "/{a}/b", "/{a}/b{c}", false },
		{ SELECTOR_TOPIC, "/{a}/b", "/{+a}/b", false },
		{ SELECTOR_TOPIC, "/{a}/b", "/{a*}/b", false },
		{ SELECTOR_TOPIC, "/{/a,b}", "/{/c,d}", true },
		{ SELECTOR_TOPIC, "/{/a,b}", "/{/a,b,c}", false },
		{ SELECTOR_TOPIC, "/{/a}", "/{.a}", false },
		{ SELECTOR_URL_PATTERN, "/:a/b", "/:long_name/b", true },
		{ SELECTOR_URL_PATTERN, "/:a/b", "/:a/c", false },
		{ SELECTOR_URL_PATTERN, "/:a/b", "/:a?/b", false },
		{ SELECTOR_URL_PATTERN, "/:a/b", "/*/b", false },
		{ SELECTOR_URL_PATTERN, "/:a", "http://x.example/:a", false },
		{ SELECTOR_URL_PATTERN, "/:a", "/:a?x=1", false },
		{ SELECTOR_URL_PATTERN, "/{x:a}", "/{x:b}", true },
		{ SELECTOR_URL_PATTERN, "/{x:a}", "/{y:a}", false },
		{ SELECTOR_URL_PATTERN, "/{:a-x}", "/{:a-y}", false },
	};
	struct url hub = { 0 };

	(void)state;
	parse_hub(&hub, HUB);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct selector *one = compile(cases[i].kind, cases[i].one,
		    &hub);
		struct selector *other = compile(cases[i].kind, cases[i].other,
		    &hub);

		print_message("%s %s\n", cases[i].one, cases[i].other);
		assert_int_equal(selector_is_alike(one, other),
		    cases[i].is_alike);
		assert_int_equal(selector_is_alike(other, one),
		    cases[i].is_alike);
		selector_free(one);
		selector_free(other);
	}
	url_deinit(&hub);
}

static void
test_reserved(void **state)
{
	static const char *const reserved[] = { "/.well-known/mercure", "",
		"mercure", "https://other/.well-known/x/../mercure/a?b",
		"https://m\u00fcnchen/.well-known/mercure" };
	static const char *const free_for_all[] = { "/books/1",
		"http://[bad/.well-known/mercure", "urn:mercure", "/mercure" };
	struct url               hub = { 0 };

	(void)state;
	parse_hub(&hub, HUB);
	for (size_t i = 0; i < COUNT(reserved); i++)
		assert_true(selector_is_reserved(reserved[i],
		    strlen(reserved[i]), &hub));
	for (size_t i = 0; i < COUNT(free_for_all); i++)
		assert_false(selector_is_reserved(free_for_all[i],
		    strlen(free_for_all[i]), &hub));
	url_deinit(&hub);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_hub_without_host),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_alike),
		cmocka_unit_test(test_reserved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
