#include "config.h"

#include "auth/token_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX ((size_t)256 * 1024)

static const char *
read_all(int fd, struct buf *bytes)
{
	ssize_t len;

	do {
		buf_reserve(bytes, FILE_BYTES_MAX + 1 - bytes->len_bytes);
		len = read(fd, bytes->data + bytes->len_bytes,
		    FILE_BYTES_MAX + 1 - bytes->len_bytes);
		if (len == -1)
			return strerror(errno);
		bytes->len_bytes += (size_t)len;
		if (bytes->len_bytes > FILE_BYTES_MAX)
			return "is longer than 256 KiB, and so no file of keys";
	} while (len > 0);
	return bytes->len_bytes == 0 ? "is empty" : NULL;
}

const char *
token_file_read(const char *path, struct buf *bytes, bool *is_private)
{
	struct stat status;
	const char *error;
	int         fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	*bytes = (struct buf){ 0 };
	if (fd == -1)
		return strerror(errno);
	if (fstat(fd, &status) == -1)
		error = strerror(errno);
	else if (!S_ISREG(status.st_mode))
		error = "is not a file";
	else if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		error = "others may write it, and so sign tokens; make its "
			"mode 0600, 0640 or 0644";
	else
		error = read_all(fd, bytes);
	*is_private = error == NULL && (status.st_mode & S_IROTH) == 0;
	close(fd);
	if (error != NULL)
		token_file_wipe(bytes);
	return error;
}

void
token_file_wipe(struct buf *bytes)
{
	if (bytes->data != NULL)
		explicit_bzero(bytes->data, bytes->size_bytes);
	buf_deinit(bytes);
}
