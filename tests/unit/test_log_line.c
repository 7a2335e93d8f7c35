#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/log_line.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* clang-format off */
#define FIELDS(...) \
	((const struct log_field[]){ __VA_ARGS__, { .name = NULL } })
/* clang-format on */

/* What a value may be before it is cut. */
#define VALUE_BYTES_MAX 1024

/* The text starts with a time such as 2026-11-20T19:55:01.123Z. */
static const char *
skip_time(const char *text)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ";

	for (const char *s = shape; *s != '\0'; s++, text++) {
		if (*s == 'd')
			assert_in_range(*text, '0', '9');
		else
			assert_int_equal(*text, *s);
	}
	return text;
}

/* The line is the expected one behind its time. */
static void
assert_text_line(const char *expected, enum log_level level, const char *event,
    const struct log_field *fields)
{
	struct buf line = { 0 };

	log_line_append(&line, LOG_LINE_TEXT, level, event, fields);
	buf_append(&line, "", 1);
	assert_string_equal(skip_time(line.data), expected);
	buf_deinit(&line);
}

static void
assert_json_line(const char *expected, enum log_level level, const char *event,
    const struct log_field *fields)
{
	static const char start[] = "{\"time\":\"";
	struct buf        line = { 0 };

	log_line_append(&line, LOG_LINE_JSON, level, event, fields);
	buf_append(&line, "", 1);
	assert_int_equal(strncmp(line.data, start, strlen(start)), 0);
	assert_string_equal(skip_time(line.data + strlen(start)), expected);
	buf_deinit(&line);
}

static void
test_text_values(void **state)
{
	static const char *const rows[][2] = {
		{ "127.0.0.1", "127.0.0.1" },
		{ "/clock", "/clock" },
		{ "unix:/run/x.sock", "unix:/run/x.sock" },
		{ "[::1]:9000", "[::1]:9000" },
		{ "a=b,c+d@e-f_g", "a=b,c+d@e-f_g" },
		{ "", "\"\"" },
		{ "-", "\"-\"" },
		{ "--", "--" },
		{ NULL, "-" },
		{ "a b", "\"a b\"" },
		{ " ", "\" \"" },
		{ "a\"b", "\"a\\\"b\"" },
		{ "a\\b", "\"a\\\\b\"" },
		{ "a\nb", "\"a\\nb\"" },
		{ "a\r\tb", "\"a\\r\\tb\"" },
		{ "\x1b[31m", "\"\\x1B[31m\"" },
		{ "\x01\x7f", "\"\\x01\\x7F\"" },
		{ "\xc3\xa9", "\"\\xC3\\xA9\"" },
		{ "\xff", "\"\\xFF\"" },
		{ "<script>", "\"<script>\"" },
		{ "a' OR 1", "\"a' OR 1\"" },
	};
	char expected[128];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(expected, sizeof(expected), " info page path=%s\n",
		    rows[i][1]);
		assert_text_line(expected, LOG_LEVEL_INFO, "page",
		    FIELDS(LOG_STR("path", rows[i][0])));
	}
}

static void
test_json_values(void **state)
{
	static const char *const rows[][2] = {
		{ "/clock", "\"/clock\"" },
		{ "", "\"\"" },
		{ "-", "\"-\"" },
		{ NULL, "null" },
		{ "a b", "\"a b\"" },
		{ "a\"b\\c", "\"a\\\"b\\\\c\"" },
		{ "a\nb\t", "\"a\\u000ab\\u0009\"" },
		{ "\x01\x1b\x7f", "\"\\u0001\\u001b\\u007f\"" },
		{ "\xc3\xa9", "\"\\u00e9\"" },
		{ "\xc2\x9b", "\"\\u009b\"" },
		{ "\xe2\x80\xae", "\"\\u202e\"" },
		{ "\xf0\x9f\x98\x80", "\"\\ud83d\\ude00\"" },
		{ "\xf4\x8f\xbf\xbf", "\"\\udbff\\udfff\"" },
		{ "\xff", "\"\\ufffd\"" },
		{ "a\xc3z", "\"a\\ufffdz\"" },
		{ "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "\xe2\x82", "\"\\ufffd\\ufffd\"" },
	};
	char expected[128];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(expected, sizeof(expected),
		    "\",\"level\":\"info\",\"event\":\"page\",\"path\":%s}\n",
		    rows[i][1]);
		assert_json_line(expected, LOG_LEVEL_INFO, "page",
		    FIELDS(LOG_STR("path", rows[i][0])));
	}
}

static void
test_numbers(void **state)
{
	(void)state;
	assert_text_line(" warn n a=0 b=-9223372036854775808 "
			 "c=9223372036854775807 d=12.346 e=-0.500 f=-\n",
	    LOG_LEVEL_WARN, "n",
	    FIELDS(LOG_INT("a", 0), LOG_INT("b", INT64_MIN),
		LOG_INT("c", INT64_MAX), LOG_REAL("d", 12.3456),
		LOG_REAL("e", -0.5), LOG_REAL("f", (double)INFINITY)));
	assert_json_line("\",\"level\":\"error\",\"event\":\"n\",\"a\":-1,"
			 "\"d\":12.346,\"e\":null}\n",
	    LOG_LEVEL_ERROR, "n",
	    FIELDS(LOG_INT("a", -1), LOG_REAL("d", 12.3456),
		LOG_REAL("e", (double)NAN)));
}

static void
test_levels(void **state)
{
	(void)state;
	assert_text_line(" debug e n=1\n", LOG_LEVEL_DEBUG, "e",
	    FIELDS(LOG_INT("n", 1)));
	assert_json_line("\",\"level\":\"warn\",\"event\":\"e\",\"n\":1}\n",
	    LOG_LEVEL_WARN, "e", FIELDS(LOG_INT("n", 1)));
}

static void
test_syslog(void **state)
{
	struct buf line = { 0 };

	(void)state;
	log_line_append(&line, LOG_LINE_SYSLOG, LOG_LEVEL_WARN, "connect",
	    FIELDS(LOG_INT("open", 3)));
	buf_append(&line, "", 1);
	assert_string_equal(line.data, "connect open=3\n");
	buf_deinit(&line);
}

/* Whatever a client sends, it is one line of printable ASCII. */
static void
test_no_byte_escapes(void **state)
{
	static const enum log_line_style styles[] = { LOG_LINE_TEXT,
		LOG_LINE_SYSLOG, LOG_LINE_JSON };
	struct buf                       line = { 0 };
	char                             value[] = "?a?";

	(void)state;
	for (size_t i = 0; i < COUNT(styles); i++) {
		for (int c = 1; c < 256; c++) {
			value[0] = value[2] = (char)c;
			line.len_bytes = 0;
			log_line_append(&line, styles[i], LOG_LEVEL_INFO, "e",
			    FIELDS(LOG_STR("v", value)));
			for (size_t n = 0; n + 1 < line.len_bytes; n++)
				assert_in_range(line.data[n], 0x20, 0x7e);
			assert_int_equal(line.data[line.len_bytes - 1], '\n');
		}
	}
	buf_deinit(&line);
}

static void
test_long_value(void **state)
{
	char value[VALUE_BYTES_MAX + 2], expected[VALUE_BYTES_MAX + 100];

	(void)state;
	memset(value, 'x', sizeof(value));
	value[VALUE_BYTES_MAX] = '\0';
	snprintf(expected, sizeof(expected), " info page path=%s\n", value);
	assert_text_line(expected, LOG_LEVEL_INFO, "page",
	    FIELDS(LOG_STR("path", value)));

	value[VALUE_BYTES_MAX] = 'y';
	value[VALUE_BYTES_MAX + 1] = '\0';
	snprintf(expected, sizeof(expected), " info page path=\"%.*s\"...\n",
	    VALUE_BYTES_MAX, value);
	assert_text_line(expected, LOG_LEVEL_INFO, "page",
	    FIELDS(LOG_STR("path", value)));
	snprintf(expected, sizeof(expected),
	    "\",\"level\":\"info\",\"event\":\"page\",\"path\":\"%.*s...\"}\n",
	    VALUE_BYTES_MAX, value);
	assert_json_line(expected, LOG_LEVEL_INFO, "page",
	    FIELDS(LOG_STR("path", value)));
}

/* A value is cut, not a character of it: a half one is U+FFFD. */
static void
test_long_value_is_valid_json(void **state)
{
	char value[VALUE_BYTES_MAX + 2], expected[VALUE_BYTES_MAX + 100];

	(void)state;
	memset(value, 'x', sizeof(value));
	memcpy(value + VALUE_BYTES_MAX - 1, "\xc3\xa9", 3);
	snprintf(expected, sizeof(expected),
	    "\",\"level\":\"info\",\"event\":\"page\","
	    "\"path\":\"%.*s\\ufffd...\"}\n",
	    VALUE_BYTES_MAX - 1, value);
	assert_json_line(expected, LOG_LEVEL_INFO, "page",
	    FIELDS(LOG_STR("path", value)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_values),
		cmocka_unit_test(test_json_values),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_syslog),
		cmocka_unit_test(test_no_byte_escapes),
		cmocka_unit_test(test_long_value),
		cmocka_unit_test(test_long_value_is_valid_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
