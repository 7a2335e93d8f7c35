#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/buf.h"

static void
assert_holds(const struct buf *buf, const char *text)
{
	assert_int_equal(buf->len_bytes, strlen(text));
	assert_memory_equal(buf->data, text, strlen(text));
}

static void
test_empty(void **state)
{
	struct buf buf = { 0 };

	(void)state;
	buf_append(&buf, NULL, 0);
	buf_append_str(&buf, "");
	buf_consume(&buf, 0);
	assert_null(buf.data);
	assert_int_equal(buf.len_bytes, 0);
	buf_deinit(&buf);
	buf_deinit(&buf);
}

static void
test_reserve(void **state)
{
	struct buf buf = { 0 };
	char      *data;

	(void)state;
	buf_reserve(&buf, 0);
	assert_null(buf.data);
	buf_reserve(&buf, 1000);
	assert_true(buf.size_bytes >= 1000);
	data = buf.data;
	for (int i = 0; i < 100; i++)
		buf_append(&buf, "0123456789", 10);
	assert_ptr_equal(buf.data, data);
	assert_int_equal(buf.len_bytes, 1000);
	buf_deinit(&buf);
	assert_null(buf.data);
	assert_int_equal(buf.size_bytes, 0);
}

/* Each length that may end at, before or behind the end of the memory. */
static void
test_growth(void **state)
{
	struct buf buf = { 0 };

	(void)state;
	for (size_t len = 0; len < 300; len++) {
		for (size_t i = 0; i < len; i++)
			buf_append(&buf, &(char){ (char)i }, 1);
		assert_int_equal(buf.len_bytes, len);
		for (size_t i = 0; i < len; i++)
			assert_int_equal(buf.data[i], (char)i);
		buf_deinit(&buf);
	}
}

static void
test_printf(void **state)
{
	struct buf buf = { 0 };
	char       expected[512];

	(void)state;
	for (int width = 0; width < 300; width++) {
		buf_append_str(&buf, "<");
		buf_printf(&buf, "%*d>", width, 7);
		snprintf(expected, sizeof(expected), "<%*d>", width, 7);
		assert_holds(&buf, expected);
		buf_deinit(&buf);
	}
	buf_printf(&buf, "%s", "");
	assert_int_equal(buf.len_bytes, 0);
	buf_printf(&buf, "%s %d %%", "a", -1);
	assert_holds(&buf, "a -1 %");
	buf_deinit(&buf);
}

static void
test_consume(void **state)
{
	struct buf buf = { 0 };

	(void)state;
	buf_append_str(&buf, "one two three");
	buf_consume(&buf, 4);
	assert_holds(&buf, "two three");
	buf_consume(&buf, 0);
	assert_holds(&buf, "two three");
	buf_append_str(&buf, "!");
	buf_consume(&buf, 9);
	assert_holds(&buf, "!");
	buf_consume(&buf, 1);
	assert_int_equal(buf.len_bytes, 0);
	buf_append_str(&buf, "again");
	assert_holds(&buf, "again");
	buf_deinit(&buf);
}

static void
test_trim(void **state)
{
	struct buf buf = { 0 };

	(void)state;
	buf_trim(&buf);
	assert_null(buf.data);
	buf_reserve(&buf, 100000);
	buf_append_str(&buf, "kept");
	buf_trim(&buf);
	assert_int_equal(buf.size_bytes, 4);
	buf_append_str(&buf, " and more");
	assert_memory_equal(buf.data, "kept and more", buf.len_bytes);
	buf_consume(&buf, buf.len_bytes);
	buf_trim(&buf);
	assert_null(buf.data);
	assert_int_equal(buf.size_bytes, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_printf),
		cmocka_unit_test(test_consume),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
