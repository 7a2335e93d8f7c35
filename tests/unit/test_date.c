#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pure/date.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Friday, 20 November 2026, 19:56:10 UTC. */
#define FRIDAY_MS INT64_C(1795204570000)

struct row {
	const char      *zone;
	enum date_format format;
	int64_t          unix_ms;
	const char      *text;
};

/*
 * Zones in the form of POSIX, so that they do not depend on what the machine
 * has installed.
 */
#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
#define NEW_YORK "EST5EDT,M3.2.0,M11.1.0"
#define KOLKATA "IST-5:30"
#define KATHMANDU "<+0545>-5:45"
#define ST_JOHNS "NST3:30NDT,M3.2.0,M11.1.0"

static const struct row js_rows[] = {
	{ "UTC", DATE_FORMAT_JS, FRIDAY_MS,
	    "Fri Nov 20 2026 19:56:10 GMT+0000 (Coordinated Universal Time)" },
	{ "UTC0", DATE_FORMAT_JS, FRIDAY_MS,
	    "Fri Nov 20 2026 19:56:10 GMT+0000 (Coordinated Universal Time)" },
	{ "GMT0", DATE_FORMAT_JS, FRIDAY_MS,
	    "Fri Nov 20 2026 19:56:10 GMT+0000 (GMT)" },
	{ BERLIN, DATE_FORMAT_JS, FRIDAY_MS,
	    "Fri Nov 20 2026 20:56:10 GMT+0100 (CET)" },
	{ NEW_YORK, DATE_FORMAT_JS, FRIDAY_MS,
	    "Fri Nov 20 2026 14:56:10 GMT-0500 (EST)" },
	{ KOLKATA, DATE_FORMAT_JS, FRIDAY_MS,
	    "Sat Nov 21 2026 01:26:10 GMT+0530 (IST)" },
	{ KATHMANDU, DATE_FORMAT_JS, FRIDAY_MS,
	    "Sat Nov 21 2026 01:41:10 GMT+0545 (+0545)" },
	{ ST_JOHNS, DATE_FORMAT_JS, FRIDAY_MS,
	    "Fri Nov 20 2026 16:26:10 GMT-0330 (NST)" },
	/* The second before summer time, its first, its last, the next. */
	{ BERLIN, DATE_FORMAT_JS, INT64_C(1774745999000),
	    "Sun Mar 29 2026 01:59:59 GMT+0100 (CET)" },
	{ BERLIN, DATE_FORMAT_JS, INT64_C(1774746000000),
	    "Sun Mar 29 2026 03:00:00 GMT+0200 (CEST)" },
	{ BERLIN, DATE_FORMAT_JS, INT64_C(1792889999999),
	    "Sun Oct 25 2026 02:59:59 GMT+0200 (CEST)" },
	{ BERLIN, DATE_FORMAT_JS, INT64_C(1792890000000),
	    "Sun Oct 25 2026 02:00:00 GMT+0100 (CET)" },
	{ ST_JOHNS, DATE_FORMAT_JS, INT64_C(1783000000000),
	    "Thu Jul 02 2026 11:16:40 GMT-0230 (NDT)" },
	/* Milliseconds are cut, before the epoch too. */
	{ "UTC", DATE_FORMAT_JS, 999,
	    "Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)" },
	{ "UTC", DATE_FORMAT_JS, -1,
	    "Wed Dec 31 1969 23:59:59 GMT+0000 (Coordinated Universal Time)" },
};

static const struct row utc_rows[] = {
	{ "UTC", DATE_FORMAT_ISO, FRIDAY_MS, "2026-11-20T19:56:10.000Z" },
	{ "UTC", DATE_FORMAT_ISO, FRIDAY_MS + 7, "2026-11-20T19:56:10.007Z" },
	{ BERLIN, DATE_FORMAT_ISO, FRIDAY_MS, "2026-11-20T19:56:10.000Z" },
	{ "UTC", DATE_FORMAT_ISO, 0, "1970-01-01T00:00:00.000Z" },
	{ "UTC", DATE_FORMAT_ISO, -1, "1969-12-31T23:59:59.999Z" },
	{ "UTC", DATE_FORMAT_ISO, -1000, "1969-12-31T23:59:59.000Z" },
	{ "UTC", DATE_FORMAT_ISO, INT64_C(951782400000),
	    "2000-02-29T00:00:00.000Z" },
	{ "UTC", DATE_FORMAT_ISO, INT64_C(2147483648000),
	    "2038-01-19T03:14:08.000Z" },
	{ "UTC", DATE_FORMAT_ISO, INT64_C(253402300799999),
	    "9999-12-31T23:59:59.999Z" },
	{ "UTC", DATE_FORMAT_HTTP, FRIDAY_MS, "Fri, 20 Nov 2026 19:56:10 GMT" },
	{ KOLKATA, DATE_FORMAT_HTTP, FRIDAY_MS + 999,
	    "Fri, 20 Nov 2026 19:56:10 GMT" },
	{ "UTC", DATE_FORMAT_HTTP, INT64_C(784111777000),
	    "Sun, 06 Nov 1994 08:49:37 GMT" },
	{ "UTC", DATE_FORMAT_UNIX, FRIDAY_MS, "1795204570" },
	{ NEW_YORK, DATE_FORMAT_UNIX, FRIDAY_MS + 999, "1795204570" },
	{ "UTC", DATE_FORMAT_UNIX, 0, "0" },
	{ "UTC", DATE_FORMAT_UNIX, -1, "-1" },
	{ "UTC", DATE_FORMAT_UNIX, INT64_MAX, "9223372036854775" },
};

static void
set_zone(const char *zone)
{
	assert_int_equal(setenv("TZ", zone, 1), 0);
	tzset();
}

static void
assert_rows(const struct row *rows, size_t row_count)
{
	char   text[DATE_BYTES_MAX];
	size_t len;

	for (size_t i = 0; i < row_count; i++) {
		set_zone(rows[i].zone);
		len = date_print(text, rows[i].format, rows[i].unix_ms);
		assert_string_equal(text, rows[i].text);
		assert_int_equal(len, strlen(text));
	}
}

static void
test_js(void **state)
{
	(void)state;
	assert_rows(js_rows, COUNT(js_rows));
}

static void
test_utc(void **state)
{
	(void)state;
	assert_rows(utc_rows, COUNT(utc_rows));
}

static void
test_names_are_english(void **state)
{
	static const char *const dates[] = { "Thu, 01 Jan 2026",
		"Sun, 01 Feb 2026", "Sun, 01 Mar 2026", "Wed, 01 Apr 2026",
		"Fri, 01 May 2026", "Mon, 01 Jun 2026", "Wed, 01 Jul 2026",
		"Sat, 01 Aug 2026", "Tue, 01 Sep 2026", "Thu, 01 Oct 2026",
		"Sun, 01 Nov 2026", "Tue, 01 Dec 2026" };
	static const char *const locales[] = { "de_DE.UTF-8", "fr_FR.UTF-8",
		"ja_JP.UTF-8", "C" };
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };
	char             text[DATE_BYTES_MAX];
	int64_t          unix_ms;

	(void)state;
	for (size_t i = 0; i < COUNT(locales); i++) {
		setlocale(LC_ALL, locales[i]);
		unix_ms = INT64_C(1767225600000);
		for (size_t month = 0; month < COUNT(dates); month++) {
			date_print(text, DATE_FORMAT_HTTP, unix_ms);
			assert_memory_equal(text, dates[month],
			    strlen(dates[month]));
			unix_ms += days[month] * INT64_C(86400000);
		}
	}
}

/* No moment is too long for the buffer, or without a date. */
static void
test_extremes(void **state)
{
	static const int64_t moments[] = { INT64_MIN, INT64_MIN / 1000,
		INT64_C(-62167219200001), INT64_C(253402300800000),
		INT64_MAX / 1000, INT64_MAX };
	char                 text[DATE_BYTES_MAX];
	size_t               len;

	(void)state;
	set_zone(KATHMANDU);
	for (size_t i = 0; i < COUNT(moments); i++) {
		for (int format = 0; format < DATE_FORMAT_COUNT; format++) {
			len = date_print(text, (enum date_format)format,
			    moments[i]);
			assert_int_equal(len, strlen(text));
		}
	}
}

static void
test_format_names(void **state)
{
	static const char *const names[] = { "js", "iso", "http", "unix" };

	(void)state;
	for (int i = 0; i < DATE_FORMAT_COUNT; i++)
		assert_string_equal(date_format_name((enum date_format)i),
		    names[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_js),
		cmocka_unit_test(test_utc),
		cmocka_unit_test(test_names_are_english),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_format_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
