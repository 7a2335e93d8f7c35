#include "tool/event_reader.h"

#include <string.h>

static const char byte_order_mark[] = "\xef\xbb\xbf";

void
event_reader_init(struct event_reader *reader,
    const struct event_listener       *listener)
{
	*reader = (struct event_reader){ .listener = *listener };
}

void
event_reader_deinit(struct event_reader *reader)
{
	buf_deinit(&reader->line);
	buf_deinit(&reader->data);
	buf_deinit(&reader->type);
	buf_deinit(&reader->id);
}

/* Terminates the bytes, which stay as long as they were. */
static const char *
text_of(struct buf *buf)
{
	buf_append(buf, "", 1);
	buf->len_bytes--;
	return buf->data;
}

static void
dispatch(struct event_reader *reader)
{
	struct event_read event;

	if (reader->has_data) {
		/* The last line's end is no part of the data. */
		reader->data.len_bytes--;
		event.type = text_of(&reader->type);
		event.id = text_of(&reader->id);
		event.data = text_of(&reader->data);
		event.data_bytes = reader->data.len_bytes;
		reader->listener.on_event(reader->listener.arg, &event);
	}
	reader->has_data = false;
	reader->data.len_bytes = 0;
	reader->type.len_bytes = 0;
}

static void
set(struct buf *field, const char *value, size_t len_bytes)
{
	field->len_bytes = 0;
	buf_append(field, value, len_bytes);
}

static bool
is_name(const char *name, size_t name_bytes, const char *wanted)
{
	return name_bytes == strlen(wanted) &&
	    memcmp(name, wanted, name_bytes) == 0;
}

static void
take_field(struct event_reader *reader, const char *name, size_t name_bytes,
    const char *value, size_t value_bytes)
{
	if (is_name(name, name_bytes, "data") &&
	    reader->data.len_bytes < EVENT_READER_DATA_BYTES_MAX) {
		buf_append(&reader->data, value, value_bytes);
		buf_append(&reader->data, "\n", 1);
		reader->has_data = true;
	} else if (is_name(name, name_bytes, "event"))
		set(&reader->type, value, value_bytes);
	else if (is_name(name, name_bytes, "id") &&
	    memchr(value, '\0', value_bytes) == NULL)
		set(&reader->id, value, value_bytes);
	else if (is_name(name, name_bytes, "retry"))
		reader->listener.on_retry(reader->listener.arg);
}

static void
take_line(struct event_reader *reader)
{
	const char *line = text_of(&reader->line), *colon, *value;
	size_t      len_bytes = reader->line.len_bytes, name_bytes;

	if (!reader->is_begun &&
	    strncmp(line, byte_order_mark, strlen(byte_order_mark)) == 0) {
		line += strlen(byte_order_mark);
		len_bytes -= strlen(byte_order_mark);
	}
	reader->is_begun = true;
	reader->line.len_bytes = 0;
	colon = memchr(line, ':', len_bytes);
	if (len_bytes == 0)
		dispatch(reader);
	else if (colon == line)
		reader->listener.on_comment(reader->listener.arg);
	else if (colon == NULL)
		take_field(reader, line, len_bytes, "", 0);
	else {
		name_bytes = (size_t)(colon - line);
		value = colon + 1;
		if (value < line + len_bytes && *value == ' ')
			value++;
		take_field(reader, line, name_bytes, value,
		    (size_t)(line + len_bytes - value));
	}
}

void
event_reader_feed(struct event_reader *reader, const char *bytes,
    size_t len_bytes)
{
	for (size_t i = 0; i < len_bytes; i++) {
		if (bytes[i] == '\n' && reader->is_after_cr) {
			reader->is_after_cr = false;
			continue;
		}
		reader->is_after_cr = bytes[i] == '\r';
		if (bytes[i] == '\n' || bytes[i] == '\r')
			take_line(reader);
		else if (reader->line.len_bytes < EVENT_READER_LINE_BYTES_MAX)
			buf_append(&reader->line, &bytes[i], 1);
	}
}
