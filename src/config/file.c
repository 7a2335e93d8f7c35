#include "config/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/regular_file.h"
#include "config/option_value.h"

#define SECTION "fcgi-sse"

/* No line of a configuration is as long; without a limit /dev/zero is one. */
#define LINE_BYTES_MAX (1024 * 1024)

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* A file while it is read. */
struct reader {
	FILE           *file;
	const char     *path;
	int             line_number;
	struct buf      line;       /* terminated, without its LF */
	bool            is_foreign; /* in a section that is not ours */
	struct buf      section;    /* then: what to say about it */
	config_file_fn *set;
	void           *arg;
	struct buf     *problem;
};

static bool
fail_at_line(struct reader *reader, const char *what)
{
	buf_printf(reader->problem, "%s:%d: %s", reader->path,
	    reader->line_number, what);
	return false;
}

/* Reads a line. False at the end of the file, and after a problem. */
static bool
read_line(struct reader *reader)
{
	struct buf *line = &reader->line;
	char        byte;
	int         c;

	line->len_bytes = 0;
	reader->line_number++;
	while ((c = getc(reader->file)) != EOF && c != '\n') {
		if (c == '\0')
			return fail_at_line(reader,
			    "there is a NUL: the file has to be text in UTF-8");
		if (line->len_bytes == LINE_BYTES_MAX)
			return fail_at_line(reader, "the line is too long");
		byte = (char)c;
		buf_append(line, &byte, 1);
	}
	if (ferror(reader->file)) {
		buf_printf(reader->problem, "config %s: %s", reader->path,
		    strerror(errno));
		return false;
	}
	if (c == EOF && line->len_bytes == 0)
		return false;
	buf_append(line, "", 1);
	return true;
}

/* The text without the blanks around it; the end is cut off in place. */
static char *
trim(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	len = strlen(text);
	while (len > 0 && strchr(" \t\r", text[len - 1]) != NULL)
		len--;
	text[len] = '\0';
	return text;
}

static bool
read_section(struct reader *reader, char *line)
{
	char *end = strchr(line, ']');

	if (end == NULL)
		return fail_at_line(reader, "the line is not `key = value`");
	*end = '\0';
	reader->is_foreign = strcmp(line + 1, SECTION) != 0;
	reader->section.len_bytes = 0;
	buf_append_str(&reader->section, "unknown section ");
	option_value_append_quoted(&reader->section, line + 1);
	buf_append(&reader->section, "", 1);
	return true;
}

static bool
read_pair(struct reader *reader, const char *key, const char *value)
{
	struct buf where = { 0 };
	bool       is_good;

	if (reader->is_foreign)
		return fail_at_line(reader, reader->section.data);
	buf_printf(&where, "%s:%d", reader->path, reader->line_number);
	buf_append(&where, "", 1);
	is_good = reader->set(reader->arg, where.data, key, value);
	buf_deinit(&where);
	return is_good;
}

static bool
read_text(struct reader *reader, char *text)
{
	char *separator;

	if (reader->line_number == 1 &&
	    strncmp(text, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
		text += strlen(BYTE_ORDER_MARK);
	text = trim(text);
	if (text[0] == '\0' || text[0] == ';' || text[0] == '#')
		return true;
	if (text[0] == '[')
		return read_section(reader, text);
	separator = strpbrk(text, "=:");
	if (separator == NULL)
		return fail_at_line(reader, "the line is not `key = value`");
	*separator = '\0';
	return read_pair(reader, trim(text), trim(separator + 1));
}

/*
 * Nothing else than a file: SIGHUP has it read while streams are open, and they
 * would wait for a FIFO. NULL with a problem.
 */
static FILE *
open_file(const char *path, struct buf *problem)
{
	struct stat status;
	const char *why;
	int         fd = regular_file_open(path, &status, &why);

	if (fd != -1)
		return fdopen(fd, "r");
	buf_printf(problem, "config %s: %s", path, why);
	return NULL;
}

bool
config_file_read(const char *path, config_file_fn *set, void *arg,
    struct buf *problem)
{
	struct reader reader = { .path = path,
		.set = set,
		.arg = arg,
		.problem = problem };
	size_t        start_bytes = problem->len_bytes;
	bool          is_good = true;

	reader.file = open_file(path, problem);
	if (reader.file == NULL)
		return false;
	while (is_good && read_line(&reader))
		is_good = read_text(&reader, reader.line.data);
	fclose(reader.file);
	buf_deinit(&reader.line);
	buf_deinit(&reader.section);
	return problem->len_bytes == start_bytes;
}
