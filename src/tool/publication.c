#include "tool/publication.h"

#include <string.h>

#include "base/buf.h"

static const char as_they_are[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz"
				  "0123456789*-._";

static void
append_encoded(struct buf *form, const char *bytes, size_t len_bytes)
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char     byte;
	char             *out;

	buf_reserve(form, 3 * len_bytes);
	for (size_t i = 0; i < len_bytes; i++) {
		byte = (unsigned char)bytes[i];
		out = form->data + form->len_bytes;
		if (byte != '\0' && strchr(as_they_are, byte) != NULL) {
			out[0] = (char)byte;
			form->len_bytes++;
		} else if (byte == ' ') {
			out[0] = '+';
			form->len_bytes++;
		} else {
			out[0] = '%';
			out[1] = digits[byte >> 4];
			out[2] = digits[byte & 0xf];
			form->len_bytes += 3;
		}
	}
}

static void
append_field(struct buf *form, const char *name, const char *value,
    size_t value_bytes)
{
	if (form->len_bytes > 0)
		buf_append_str(form, "&");
	buf_append_str(form, name);
	buf_append_str(form, "=");
	append_encoded(form, value, value_bytes);
}

static void
append_text(struct buf *form, const char *name, const char *value)
{
	if (value != NULL)
		append_field(form, name, value, strlen(value));
}

void
publication_append_form(struct buf *form, const struct publication *publication)
{
	for (size_t i = 0; i < publication->topic_count; i++)
		append_text(form, "topic", publication->topics[i]);
	append_text(form, "id", publication->id);
	append_text(form, "type", publication->type);
	if (publication->retry_ms >= 0)
		buf_printf(form, "&retry=%ld", publication->retry_ms);
	if (publication->is_private)
		append_text(form, "private", "on");
	append_field(form, "data", publication->data, publication->data_bytes);
}
