#include "config.h"

#include "base/key_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/regular_file.h"

#define FILE_BYTES_MAX ((size_t)64 * 1024)

#define BLANKS " \t\r"

/* Everybody who may read or write it could publish. */
#define MODE_FORBIDDEN (S_IWGRP | S_IRWXO)

/* Opens the file if no other user can read its keys. */
static FILE *
open_private(const char *path, struct buf *problem)
{
	struct stat status;
	const char *why;
	int         fd = regular_file_open(path, &status, &why);

	if (fd != -1 && (status.st_mode & MODE_FORBIDDEN) == 0)
		return fdopen(fd, "r");
	if (fd != -1)
		why = "others may read or write it; make its mode 0600 or 0640";
	buf_printf(problem, "%s: %s", path, why);
	if (fd != -1)
		close(fd);
	return NULL;
}

/* What is wrong with the line, without the blanks around it; NULL: nothing. */
static const char *
line_problem(const char *line, size_t len_bytes)
{
	unsigned char c;

	for (size_t i = 0; i < len_bytes; i++) {
		c = (unsigned char)line[i];
		if (c == '\0' || c > '~')
			return "holds what is not ASCII, and so no key; save "
			       "the file as plain text, without a byte order "
			       "mark";
		if (c <= ' ')
			return "holds a blank or control character, and so no "
			       "key; a comment begins with #";
	}
	return NULL;
}

/* Appends the keys of the text. Returns what is wrong, or NULL. */
static const char *
append_keys(struct buf *keys, const struct buf *text, size_t *line_number)
{
	const char *line = text->data, *end = text->data + text->len_bytes;
	const char *problem, *lf;
	size_t      len_bytes;

	for (; line < end; line = lf + 1) {
		++*line_number;
		lf = memchr(line, '\n', (size_t)(end - line));
		if (lf == NULL)
			lf = end;
		len_bytes = (size_t)(lf - line);
		while (len_bytes > 0 && *line != '\0' &&
		    strchr(BLANKS, *line) != NULL) {
			line++;
			len_bytes--;
		}
		while (len_bytes > 0 && line[len_bytes - 1] != '\0' &&
		    strchr(BLANKS, line[len_bytes - 1]) != NULL)
			len_bytes--;
		if (len_bytes == 0 || line[0] == '#')
			continue;
		problem = line_problem(line, len_bytes);
		if (problem != NULL)
			return problem;
		buf_append(keys, line, len_bytes);
		buf_append_str(keys, "\n");
	}
	return NULL;
}

static void
wipe(struct buf *bytes)
{
	if (bytes->data != NULL)
		explicit_bzero(bytes->data, bytes->size_bytes);
	buf_deinit(bytes);
}

/* Reads it all, without a copy that stays in the stream's buffer. */
static bool
read_all(FILE *file, struct buf *text)
{
	setbuf(file, NULL);
	buf_reserve(text, FILE_BYTES_MAX + 1);
	errno = 0;
	text->len_bytes = fread(text->data, 1, FILE_BYTES_MAX + 1, file);
	return !ferror(file);
}

char *
key_file_read_stream(FILE *file, const char *path, struct buf *problem)
{
	struct buf  text = { 0 }, keys = { 0 };
	const char *why = NULL;
	size_t      line_number = 0;

	if (!read_all(file, &text))
		buf_printf(problem, "%s: %s", path, strerror(errno));
	else if (text.len_bytes > FILE_BYTES_MAX)
		buf_printf(problem, "%s: is too long for a file of keys", path);
	else {
		buf_reserve(&keys, text.len_bytes + 2);
		why = append_keys(&keys, &text, &line_number);
		if (why != NULL)
			buf_printf(problem, "%s:%zu: the line %s", path,
			    line_number, why);
		else if (keys.len_bytes == 0)
			buf_printf(problem, "%s: holds no key", path);
	}
	wipe(&text);
	if (why != NULL || keys.len_bytes == 0) {
		wipe(&keys);
		return NULL;
	}
	buf_append(&keys, "", 1);
	return keys.data;
}

char *
key_file_read(const char *path, struct buf *problem)
{
	FILE *file = open_private(path, problem);
	char *keys;

	if (file == NULL)
		return NULL;
	keys = key_file_read_stream(file, path, problem);
	fclose(file);
	return keys;
}

void
key_file_free(char *keys)
{
	if (keys != NULL)
		explicit_bzero(keys, strlen(keys));
	free(keys);
}
