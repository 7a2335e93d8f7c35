#include "config/file.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "config/option_text.h"

#define CONFIG_SECTION "fcgi-sse"

struct reader {
	FILE           *stream;
	const char     *path;
	int             line; /* the last one read; 1 is the first */
	bool            is_failed;
	config_file_fn *set;
	void           *arg;
	struct buf     *problem;
};

static void
fail(struct reader *reader, int line, const char *what)
{
	reader->is_failed = true;
	buf_printf(reader->problem, "%s:%d: %s", reader->path, line, what);
}

/*
 * Gives inih a line. It would cut a long one, and take the rest for the next;
 * take one that begins with a blank for more of the value before; and stop
 * reading at a NUL.
 */
static char *
read_line(char *line, int line_bytes_max, void *arg)
{
	struct reader *reader = arg;
	int            len = 0, c;

	if (reader->is_failed)
		return NULL;
	reader->line++;
	while ((c = getc(reader->stream)) != EOF && c != '\n') {
		if (len == 0 && (c == ' ' || c == '\t'))
			continue;
		if (c == '\0') {
			fail(reader, reader->line, "there is a NUL");
			return NULL;
		}
		if (len == line_bytes_max - 2) {
			if (line[0] == ';' || line[0] == '#')
				continue;
			fail(reader, reader->line, "the line is too long");
			return NULL;
		}
		line[len++] = (char)c;
	}
	if (ferror(reader->stream)) {
		reader->is_failed = true;
		buf_printf(reader->problem, "%s: %s", reader->path,
		    strerror(errno));
		return NULL;
	}
	if (c == EOF && len == 0)
		return NULL;
	line[len++] = '\n';
	line[len] = '\0';
	return line;
}

static int
set_key(void *arg, const char *section, const char *key, const char *value)
{
	struct reader *reader = arg;
	struct buf     text = { 0 };

	/* inih goes on to the end of the line it has. */
	if (reader->is_failed)
		return 0;
	if (section[0] != '\0' && strcmp(section, CONFIG_SECTION) != 0) {
		buf_append_str(&text, "unknown section ");
		option_text_append_quoted(&text, section);
		buf_append(&text, "", 1);
		fail(reader, reader->line, text.data);
	} else {
		buf_printf(&text, "%s:%d", reader->path, reader->line);
		buf_append(&text, "", 1);
		reader->is_failed = !reader->set(reader->arg, text.data, key,
		    value);
	}
	buf_deinit(&text);
	return !reader->is_failed;
}

static bool
read_stream(struct reader *reader)
{
	size_t start_bytes = reader->problem->len_bytes;
	int    line;

	line = ini_parse_stream(read_line, reader, set_key, reader);
	/* The first line that is wrong may be one that inih cannot read. */
	if (line > 0 && (!reader->is_failed || line < reader->line)) {
		reader->problem->len_bytes = start_bytes;
		fail(reader, line, "the line is not `key = value`");
	}
	return !reader->is_failed;
}

bool
config_file_read(const char *path, config_file_fn *set, void *arg,
    struct buf *problem)
{
	struct reader reader = { .path = path,
		.set = set,
		.arg = arg,
		.problem = problem };
	bool          is_good;

	reader.stream = fopen(path, "r");
	if (reader.stream == NULL) {
		buf_printf(problem, "%s: %s", path, strerror(errno));
		return false;
	}
	is_good = read_stream(&reader);
	fclose(reader.stream);
	return is_good;
}
