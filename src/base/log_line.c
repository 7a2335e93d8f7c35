#include "base/log_line.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/utf8.h"

/* More of a value is cut: a path may be as long as a request. */
#define LOG_VALUE_BYTES_MAX 1024

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

static void
append_time(struct buf *line)
{
	struct timespec now;
	struct tm       tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	buf_printf(line, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec, now.tv_nsec / 1000000);
}

/* Whether a text value needs no quotes. A lone "-" stands for no value. */
static bool
is_bare(const char *value)
{
	static const char bare[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz"
				   "0123456789._:/@+,=-[]%*~";

	return value[0] != '\0' && strcmp(value, "-") != 0 &&
	    value[strspn(value, bare)] == '\0';
}

static void
append_text_quoted(struct buf *line, const char *value, size_t len_bytes)
{
	buf_append_str(line, "\"");
	for (size_t i = 0; i < len_bytes; i++) {
		unsigned char c = (unsigned char)value[i];

		if (c == '"' || c == '\\')
			buf_printf(line, "\\%c", c);
		else if (c == '\n')
			buf_append_str(line, "\\n");
		else if (c == '\r')
			buf_append_str(line, "\\r");
		else if (c == '\t')
			buf_append_str(line, "\\t");
		else if (c < 0x20 || c >= 0x7f)
			buf_printf(line, "\\x%02X", c);
		else
			buf_append(line, &c, 1);
	}
	buf_append_str(line, "\"");
}

static void
append_text(struct buf *line, const char *value)
{
	size_t len_bytes;

	if (value == NULL) {
		buf_append_str(line, "-");
		return;
	}
	len_bytes = strnlen(value, LOG_VALUE_BYTES_MAX + 1);
	if (len_bytes <= LOG_VALUE_BYTES_MAX && is_bare(value)) {
		buf_append(line, value, len_bytes);
	} else if (len_bytes <= LOG_VALUE_BYTES_MAX) {
		append_text_quoted(line, value, len_bytes);
	} else {
		append_text_quoted(line, value, LOG_VALUE_BYTES_MAX);
		buf_append_str(line, "...");
	}
}

/*
 * All bytes beyond ASCII are escaped: some terminals take them for control
 * characters.
 */
static void
append_json_char(struct buf *line, uint32_t code)
{
	char c = (char)code;

	if (code == '"' || code == '\\')
		buf_printf(line, "\\%c", c);
	else if (code >= 0x20 && code < 0x7f)
		buf_append(line, &c, 1);
	else if (code < 0x10000)
		buf_printf(line, "\\u%04" PRIx32, code);
	else
		buf_printf(line, "\\u%04" PRIx32 "\\u%04" PRIx32,
		    0xd800 + ((code - 0x10000) >> 10), 0xdc00 + (code & 0x3ff));
}

static void
append_json(struct buf *line, const char *value)
{
	uint32_t code;
	size_t   len_bytes, char_bytes;
	bool     is_long;

	if (value == NULL) {
		buf_append_str(line, "null");
		return;
	}
	len_bytes = strnlen(value, LOG_VALUE_BYTES_MAX + 1);
	is_long = len_bytes > LOG_VALUE_BYTES_MAX;
	if (is_long)
		len_bytes = LOG_VALUE_BYTES_MAX;
	buf_append_str(line, "\"");
	while (len_bytes > 0) {
		char_bytes = utf8_decode(value, len_bytes, &code);
		append_json_char(line, char_bytes > 0 ? code : 0xfffd);
		value += char_bytes > 0 ? char_bytes : 1;
		len_bytes -= char_bytes > 0 ? char_bytes : 1;
	}
	buf_append_str(line, is_long ? "...\"" : "\"");
}

static void
append_value(struct buf *line, const struct log_field *field,
    enum log_format format)
{
	switch (field->type) {
	case LOG_FIELD_STR:
		if (format == LOG_FORMAT_JSON)
			append_json(line, field->str);
		else
			append_text(line, field->str);
		break;
	case LOG_FIELD_INT:
		buf_printf(line, "%" PRId64, field->num);
		break;
	case LOG_FIELD_REAL:
		/* JSON has no word for what is not a number. */
		if (isfinite(field->real))
			buf_printf(line, "%.3f", field->real);
		else
			append_value(line,
			    &(struct log_field){ .type = LOG_FIELD_STR },
			    format);
		break;
	}
}

static void
append_as_text(struct buf *line, const char *event,
    const struct log_field *field)
{
	buf_append_str(line, event);
	for (; field->name != NULL; field++) {
		buf_printf(line, " %s=", field->name);
		append_value(line, field, LOG_FORMAT_TEXT);
	}
}

static void
append_as_json(struct buf *line, enum log_level level, const char *event,
    const struct log_field *field)
{
	buf_append_str(line, "{\"time\":\"");
	append_time(line);
	buf_printf(line, "\",\"level\":\"%s\",\"event\":\"%s\"",
	    level_names[level], event);
	for (; field->name != NULL; field++) {
		buf_printf(line, ",\"%s\":", field->name);
		append_value(line, field, LOG_FORMAT_JSON);
	}
	buf_append_str(line, "}");
}

void
log_line_append(struct buf *line, enum log_line_style style,
    enum log_level level, const char *event, const struct log_field *fields)
{
	switch (style) {
	case LOG_LINE_TEXT:
		append_time(line);
		buf_printf(line, " %s ", level_names[level]);
		append_as_text(line, event, fields);
		break;
	case LOG_LINE_SYSLOG:
		append_as_text(line, event, fields);
		break;
	case LOG_LINE_JSON:
		append_as_json(line, level, event, fields);
		break;
	}
	buf_append_str(line, "\n");
}
