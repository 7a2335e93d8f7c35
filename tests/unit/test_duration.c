#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "pure/duration.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
test_parse(void **state)
{
	static const struct {
		const char *text;
		int64_t     ms;
	} rows[] = {
		{ "0", 0 },
		{ "00", 0 },
		{ "0ms", 0 },
		{ "0s", 0 },
		{ "1ms", 1 },
		{ "100ms", 100 },
		{ "1s", 1000 },
		{ "015s", 15000 },
		{ "2m", 120000 },
		{ "1h", 3600000 },
		{ "1d", 86400000 },
		{ "30d", INT64_C(2592000000) },
		{ "9223372036854775807ms", INT64_MAX },
		{ "9223372036854775s", INT64_C(9223372036854775000) },
		{ "106751991167d", INT64_C(106751991167) * 86400000 },
	};
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		ms = -1;
		print_message("%s\n", rows[i].text);
		assert_true(duration_parse(rows[i].text, &ms));
		assert_int_equal(ms, rows[i].ms);
	}
}

static void
test_parse_refuses(void **state)
{
	static const char *const texts[] = { "", " ", "s", "ms", "1", "15",
		"-1s", "+1s", "1.5s", "1 s", " 1s", "1s ", "1S", "1MS", "1sec",
		"1m30s", "1ss", "1w", "0x1s", "1s\n", "\xc2\xb9s",
		"9223372036854775808ms", "9223372036854776s",
		"153722867280913m", "2562047788016h", "106751991168d",
		"18446744073709551617ms", "99999999999999999999999999s" };
	int64_t                  ms = 42;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		print_message("\"%s\"\n", texts[i]);
		assert_false(duration_parse(texts[i], &ms));
		assert_int_equal(ms, 42);
	}
}

static void
test_print(void **state)
{
	static const struct {
		int64_t     ms;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ 1, "1ms" },
		{ 999, "999ms" },
		{ 1000, "1s" },
		{ 1001, "1001ms" },
		{ 15000, "15s" },
		{ 60000, "1m" },
		{ 90000, "90s" },
		{ 3600000, "1h" },
		{ 5400000, "90m" },
		{ 86400000, "1d" },
		{ 90000000, "25h" },
		{ INT64_MAX, "9223372036854775807ms" },
	};
	char    text[DURATION_BYTES_MAX];
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		duration_print(text, rows[i].ms);
		assert_string_equal(text, rows[i].text);
		assert_true(duration_parse(text, &ms));
		assert_int_equal(ms, rows[i].ms);
	}
}

static void
test_print_below_zero(void **state)
{
	char text[DURATION_BYTES_MAX];

	(void)state;
	duration_print(text, -90000);
	assert_string_equal(text, "-90s");
	duration_print(text, INT64_MIN);
	assert_string_equal(text, "-9223372036854775808ms");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_print_below_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
