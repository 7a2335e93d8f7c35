#include "pure/date.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const format_names[DATE_FORMAT_COUNT] = {
	[DATE_FORMAT_JS] = "js",
	[DATE_FORMAT_ISO] = "iso",
	[DATE_FORMAT_HTTP] = "http",
	[DATE_FORMAT_UNIX] = "unix",
};

/* strftime's %a and %b would follow the locale. */
static const char *const day_names[] = { "Sun", "Mon", "Tue", "Wed", "Thu",
	"Fri", "Sat" };
static const char *const month_names[] = { "Jan", "Feb", "Mar", "Apr", "May",
	"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

const char *
date_format_name(enum date_format format)
{
	return format_names[format];
}

static int
print_js(char *out, time_t seconds)
{
	struct tm tm;
	char      offset[8] = "", zone[64] = "";

	if (localtime_r(&seconds, &tm) == NULL)
		return -1;
	strftime(offset, sizeof(offset), "%z", &tm);
	strftime(zone, sizeof(zone), "%Z", &tm);
	return snprintf(out, DATE_BYTES_MAX,
	    "%s %s %02d %04d %02d:%02d:%02d GMT%s (%s)", day_names[tm.tm_wday],
	    month_names[tm.tm_mon], tm.tm_mday, tm.tm_year + 1900, tm.tm_hour,
	    tm.tm_min, tm.tm_sec, offset,
	    strcmp(zone, "UTC") == 0 ? "Coordinated Universal Time" : zone);
}

static int
print_iso(char *out, time_t seconds, int ms)
{
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL)
		return -1;
	return snprintf(out, DATE_BYTES_MAX,
	    "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ms);
}

static int
print_http(char *out, time_t seconds)
{
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL)
		return -1;
	return snprintf(out, DATE_BYTES_MAX,
	    "%s, %02d %s %04d %02d:%02d:%02d GMT", day_names[tm.tm_wday],
	    tm.tm_mday, month_names[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
	    tm.tm_min, tm.tm_sec);
}

size_t
date_print(char out[static DATE_BYTES_MAX], enum date_format format,
    int64_t unix_ms)
{
	int64_t seconds = unix_ms / 1000;
	int     ms = (int)(unix_ms % 1000);
	int     len = -1;

	if (ms < 0) {
		ms += 1000;
		seconds--;
	}
	switch (format) {
	case DATE_FORMAT_JS:
		len = print_js(out, (time_t)seconds);
		break;
	case DATE_FORMAT_ISO:
		len = print_iso(out, (time_t)seconds, ms);
		break;
	case DATE_FORMAT_HTTP:
		len = print_http(out, (time_t)seconds);
		break;
	case DATE_FORMAT_UNIX:
		len = snprintf(out, DATE_BYTES_MAX, "%" PRId64, seconds);
		break;
	}
	/* 64 bits of milliseconds stay within the years that struct tm has. */
	assert(len >= 0 && len < DATE_BYTES_MAX);
	return (size_t)len;
}
