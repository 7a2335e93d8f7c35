#include "config.h"

#include "auth/key_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

#define FILE_BYTES_MAX (64 * 1024)

/* Whoever may read it may publish, and whoever may write it too. */
#define MODE_FORBIDDEN (S_IWGRP | S_IRWXO)

/* Opens the file if nobody else can have its keys. */
static FILE *
open_private(const char *path, const char **error)
{
	struct stat status;
	int         fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	*error = NULL;
	if (fd == -1 || fstat(fd, &status) == -1)
		*error = strerror(errno);
	else if (!S_ISREG(status.st_mode))
		*error = "is not a file";
	else if ((status.st_mode & MODE_FORBIDDEN) != 0)
		*error = "others may read or write it; make its mode 0600 or "
			 "0640";
	else if (status.st_size > FILE_BYTES_MAX)
		*error = "is too long for a file of keys";
	if (*error == NULL)
		return fdopen(fd, "r");
	if (fd != -1)
		close(fd);
	return NULL;
}

static void
append_key(struct buf *keys, const char *line)
{
	size_t len_bytes;

	while (isspace((unsigned char)*line))
		line++;
	len_bytes = strlen(line);
	while (len_bytes > 0 && isspace((unsigned char)line[len_bytes - 1]))
		len_bytes--;
	if (len_bytes == 0)
		return;
	buf_append(keys, line, len_bytes);
	buf_append_str(keys, "\n");
}

char *
key_file_read(const char *path, const char **error)
{
	FILE      *file = open_private(path, error);
	struct buf keys = { 0 };
	char      *line = NULL;
	size_t     size_bytes = 0;

	if (file == NULL)
		return NULL;
	while (getline(&line, &size_bytes, file) != -1)
		append_key(&keys, line);
	free(line);
	fclose(file);
	if (keys.len_bytes == 0) {
		*error = "holds no key";
		return NULL;
	}
	buf_append(&keys, "", 1);
	return keys.data;
}
