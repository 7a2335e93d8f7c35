#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "pure/query.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PAIRS_MAX 4

struct row {
	const char *text;
	const char *pairs[PAIRS_MAX][2]; /* name and value; NULL ends them */
};

static const struct row rows[] = {
	{ "", { { NULL } } },
	{ "a=1", { { "a", "1" } } },
	{ "a=1&b=2", { { "a", "1" }, { "b", "2" } } },
	{ "b=2&a=1&b=3", { { "b", "2" }, { "a", "1" }, { "b", "3" } } },
	{ "a", { { "a", "" } } },
	{ "a=", { { "a", "" } } },
	{ "=a", { { "", "a" } } },
	{ "=", { { "", "" } } },
	{ "==", { { "", "=" } } },
	{ "a=b=c", { { "a", "b=c" } } },
	{ "&", { { NULL } } },
	{ "&&&", { { NULL } } },
	{ "&a=1&&b&", { { "a", "1" }, { "b", "" } } },
	{ "a+b=c+d", { { "a b", "c d" } } },
	{ "a%20b=%2B+%2b", { { "a b", "+ +" } } },
	{ "%61%3D%26=%3d%26", { { "a=&", "=&" } } },
	{ "a=%25", { { "a", "%" } } },
	{ "a=%2541", { { "a", "%41" } } },
	{ "a=%C3%A9", { { "a", "\xc3\xa9" } } },
	{ "a=%ff\xfe", { { "a", "\xff\xfe" } } },
	{ "a=1;b=2", { { "a", "1;b=2" } } },
	{ "?a=1", { { "?a", "1" } } },
	{ "a=\r\n\t", { { "a", "\r\n\t" } } },
};

static void
test_pairs(void **state)
{
	struct query query;
	const char  *name, *value;
	size_t       i;

	(void)state;
	for (const struct row *row = rows; row < rows + COUNT(rows); row++) {
		print_message("\"%s\"\n", row->text);
		assert_int_equal(query_init(&query, row->text,
				     strlen(row->text)),
		    0);
		for (i = 0; i < PAIRS_MAX && row->pairs[i][0] != NULL; i++) {
			assert_true(i < query.pair_count);
			name = row->pairs[i][0];
			value = row->pairs[i][1];
			assert_string_equal(query.pairs[i].name, name);
			assert_int_equal(query.pairs[i].name_bytes,
			    strlen(name));
			assert_string_equal(query.pairs[i].value, value);
			assert_int_equal(query.pairs[i].value_bytes,
			    strlen(value));
		}
		assert_int_equal(query.pair_count, i);
		query_deinit(&query);
	}
}

static void
test_malformed(void **state)
{
	static const char *const texts[] = { "%", "a=%", "a=%4", "a=%4&b=1",
		"a=%&41=b", "a=%zz", "a=%4g", "a=%g4", "a=%%41", "%4=a",
		"a=1&b=%", "a=%u0041", "a=%-1", "a=% 1", "a=%+1" };
	struct query             query;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		print_message("\"%s\"\n", texts[i]);
		assert_int_equal(query_init(&query, texts[i], strlen(texts[i])),
		    -1);
		assert_int_equal(query.pair_count, 0);
		assert_null(query_find(&query, "a", NULL));
		query_deinit(&query);
		query_deinit(&query);
	}
}

static void
test_null(void **state)
{
	struct query query;

	(void)state;
	assert_int_equal(query_init(&query, NULL, 0), 0);
	assert_int_equal(query.pair_count, 0);
	assert_null(query_find(&query, "a", NULL));
	query_deinit(&query);
}

/* The length counts, not a NUL; the text needs none behind it. */
static void
test_nul(void **state)
{
	static const char text[] = { 'a', '=', '1', '\0', '2', '&', 'b', '%',
		'0', '0', '=', '%', '0', '0', 'c', '9' };
	struct query      query;

	(void)state;
	assert_int_equal(query_init(&query, text, sizeof(text) - 1), 0);
	assert_int_equal(query.pair_count, 2);
	assert_int_equal(query.pairs[0].value_bytes, 3);
	assert_memory_equal(query.pairs[0].value, "1\0002", 4);
	assert_int_equal(query.pairs[1].name_bytes, 2);
	assert_memory_equal(query.pairs[1].name, "b\0", 3);
	assert_int_equal(query.pairs[1].value_bytes, 2);
	assert_memory_equal(query.pairs[1].value, "\0c", 3);
	assert_null(query_find(&query, "b", NULL));
	query_deinit(&query);
}

static void
test_find(void **state)
{
	static const char        text[] = "topic=x&data=1&topic=y&Topic=z&topi";
	struct query             query;
	const struct query_pair *pair;

	(void)state;
	assert_int_equal(query_init(&query, text, strlen(text)), 0);
	pair = query_find(&query, "topic", NULL);
	assert_non_null(pair);
	assert_string_equal(pair->value, "x");
	pair = query_find(&query, "topic", pair);
	assert_non_null(pair);
	assert_string_equal(pair->value, "y");
	assert_null(query_find(&query, "topic", pair));
	assert_non_null(query_find(&query, "Topic", NULL));
	assert_non_null(query_find(&query, "topi", NULL));
	assert_null(query_find(&query, "", NULL));
	assert_null(query_find(&query, "topics", NULL));
	query_deinit(&query);
}

static void
test_find_items_of_a_list(void **state)
{
	static const char text[] =
	    "topic[0]=a&topics=1&topic[]=b&topic=c"
	    "&topic%5Bkey%5D=d&topic[=1&topic]=1&topic[0][1]=1&topic[[]=1"
	    "&topic[]]=1&topic[0]x=1&xtopic[0]=1&[]=1&topic[%00]=e";
	struct query             query;
	const struct query_pair *pair = NULL;

	(void)state;
	assert_int_equal(query_init(&query, text, strlen(text)), 0);
	for (const char *value = "abcde"; *value != '\0'; value++) {
		pair = query_find_item(&query, "topic", pair);
		assert_non_null(pair);
		assert_int_equal(pair->value[0], *value);
	}
	assert_null(query_find_item(&query, "topic", pair));
	assert_string_equal(query_find(&query, "topic", NULL)->value, "c");
	query_deinit(&query);
}

static void
test_pairs_max(void **state)
{
	struct buf   text = { 0 };
	struct query query;

	(void)state;
	for (int i = 0; i < QUERY_PAIRS_MAX; i++)
		buf_append_str(&text, "&a");
	assert_int_equal(query_init(&query, text.data, text.len_bytes), 0);
	assert_int_equal(query.pair_count, QUERY_PAIRS_MAX);
	query_deinit(&query);

	buf_append_str(&text, "&&");
	assert_int_equal(query_init(&query, text.data, text.len_bytes), 0);
	query_deinit(&query);

	buf_append_str(&text, "b");
	assert_int_equal(query_init(&query, text.data, text.len_bytes), -1);
	query_deinit(&query);
	buf_deinit(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_find_items_of_a_list),
		cmocka_unit_test(test_pairs_max),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
