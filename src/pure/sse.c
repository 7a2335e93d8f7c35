#include "pure/sse.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"

static size_t
line_bytes(const char *text, size_t len_bytes)
{
	size_t i = 0;

	while (i < len_bytes && text[i] != '\n' && text[i] != '\r')
		i++;
	return i;
}

/*
 * One line for each of the text's, behind the prefix. A browser eats one
 * space after the colon, so the prefix has one, whatever the line begins with.
 */
static void
append_lines(struct buf *buf, const char *prefix, const char *text,
    size_t len_bytes)
{
	size_t len;

	for (;;) {
		len = line_bytes(text, len_bytes);
		buf_append_str(buf, prefix);
		buf_append(buf, text, len);
		buf_append(buf, "\n", 1);
		if (len == len_bytes)
			return;
		if (len + 1 < len_bytes && text[len] == '\r' &&
		    text[len + 1] == '\n')
			len++;
		text += len + 1;
		len_bytes -= len + 1;
	}
}

void
sse_append_event(struct buf *buf, const struct sse_event *event)
{
	if (event->id != NULL)
		buf_printf(buf, "id: %s\n", event->id);
	if (event->retry_ms >= 0)
		buf_printf(buf, "retry: %ld\n", event->retry_ms);
	if (event->type != NULL)
		buf_printf(buf, "event: %s\n", event->type);
	append_lines(buf, "data: ", event->data, event->data_bytes);
	buf_append(buf, "\n", 1);
}

void
sse_append_comment(struct buf *buf, const char *text)
{
	append_lines(buf, text[0] != '\0' ? ": " : ":", text, strlen(text));
}

bool
sse_is_field_value(const char *bytes, size_t len_bytes)
{
	uint32_t code;
	size_t   char_bytes;

	while (len_bytes > 0) {
		char_bytes = utf8_decode(bytes, len_bytes, &code);
		if (char_bytes == 0 || code < 0x20 ||
		    (code >= 0x7f && code <= 0x9f))
			return false;
		bytes += char_bytes;
		len_bytes -= char_bytes;
	}
	return true;
}

bool
sse_is_utf8(const char *bytes, size_t len_bytes)
{
	uint32_t code;
	size_t   char_bytes;

	while (len_bytes > 0) {
		char_bytes = utf8_decode(bytes, len_bytes, &code);
		if (char_bytes == 0)
			return false;
		bytes += char_bytes;
		len_bytes -= char_bytes;
	}
	return true;
}
