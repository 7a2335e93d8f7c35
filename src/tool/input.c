#include "tool/input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES (64 * 1024)

void
input_init(struct input *input, int fd)
{
	*input = (struct input){ .fd = fd };
}

void
input_deinit(struct input *input)
{
	buf_deinit(&input->bytes);
}

/* Waits for more; false when it failed. */
static bool
read_more(struct input *input)
{
	ssize_t n;

	buf_consume(&input->bytes, input->start_bytes);
	input->start_bytes = 0;
	buf_reserve(&input->bytes, CHUNK_BYTES);
	do
		n = read(input->fd, input->bytes.data + input->bytes.len_bytes,
		    CHUNK_BYTES);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return false;
	input->bytes.len_bytes += (size_t)n;
	input->is_at_end = n == 0;
	return true;
}

/* The length of a text without the LF, or CRLF, at its end. */
static size_t
length_without_end(const char *text, size_t len_bytes)
{
	if (len_bytes > 0 && text[len_bytes - 1] == '\n') {
		len_bytes--;
		if (len_bytes > 0 && text[len_bytes - 1] == '\r')
			len_bytes--;
	}
	return len_bytes;
}

/* Takes off a line of that length, with its LF if it has one. */
static enum input_result
take_line(struct input *input, size_t line_bytes, const char **text,
    size_t *len_bytes)
{
	bool is_rest = input->is_skipping;

	*text = input->bytes.data + input->start_bytes;
	*len_bytes = length_without_end(*text, line_bytes);
	input->start_bytes += line_bytes;
	input->scanned_bytes = 0;
	input->is_skipping = false;
	input->line_number++;
	return is_rest ? INPUT_TOO_LONG : INPUT_READ;
}

enum input_result
input_read_line(struct input *input, const char **text, size_t *len_bytes)
{
	const char *start, *lf;
	size_t      have_bytes;

	for (;;) {
		have_bytes = input->bytes.len_bytes - input->start_bytes;
		start = have_bytes == 0 ?
		    "" :
		    input->bytes.data + input->start_bytes;
		lf = memchr(start + input->scanned_bytes, '\n',
		    have_bytes - input->scanned_bytes);
		if (lf != NULL)
			return take_line(input, (size_t)(lf - start) + 1, text,
			    len_bytes);
		if (input->is_at_end && have_bytes == 0 && !input->is_skipping)
			return INPUT_END;
		if (input->is_at_end)
			return take_line(input, have_bytes, text, len_bytes);
		if (have_bytes > INPUT_EVENT_BYTES_MAX || input->is_skipping) {
			input->is_skipping = true;
			input->start_bytes += have_bytes;
			have_bytes = 0;
		}
		input->scanned_bytes = have_bytes;
		if (!read_more(input))
			return INPUT_FAILED;
	}
}

enum input_result
input_read_all(struct input *input, const char **text, size_t *len_bytes)
{
	while (!input->is_at_end) {
		if (!read_more(input))
			return INPUT_FAILED;
		if (input->bytes.len_bytes > INPUT_EVENT_BYTES_MAX)
			return INPUT_TOO_LONG;
	}
	*text = input->bytes.data;
	*len_bytes = length_without_end(*text, input->bytes.len_bytes);
	return INPUT_READ;
}
