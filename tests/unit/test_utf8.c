#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/utf8.h"

static bool
is_visible(const char *text)
{
	return utf8_is_visible(text, strlen(text));
}

static void
test_visible(void **state)
{
	(void)state;
	assert_true(is_visible(""));
	assert_true(is_visible("a ~"));
	assert_true(is_visible("\u00a0\u00e9\u20ac\U0001f600"));
	assert_true(is_visible("\u200a\u2010\u2065\U000e0080"));
}

static void
test_control(void **state)
{
	(void)state;
	assert_false(utf8_is_visible("a\0b", 3));
	assert_false(is_visible("\t"));
	assert_false(is_visible("\x1f"));
	assert_false(is_visible("\x7f"));
	assert_false(is_visible("\xc2\x80"));
	assert_false(is_visible("\xc2\x9f"));
}

static void
test_format(void **state)
{
	(void)state;
	assert_false(is_visible("\u00ad"));
	assert_false(is_visible("a\u200db"));
	assert_false(is_visible("\u202e"));
	assert_false(is_visible("\ufeff"));
	assert_false(is_visible("\U000e0001"));
	assert_false(is_visible("\U000e007f"));
}

static void
test_invalid(void **state)
{
	(void)state;
	assert_false(is_visible("\xff"));
	assert_false(is_visible("\xc3"));
	assert_false(is_visible("\xc0\x80"));
	assert_false(is_visible("\xed\xa0\x80"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_visible),
		cmocka_unit_test(test_control),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_invalid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
