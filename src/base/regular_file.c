#include "config.h"

#include "base/regular_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
regular_file_open(const char *path, struct stat *status, const char **why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd == -1 || fstat(fd, status) == -1)
		*why = strerror(errno);
	else if (!S_ISREG(status->st_mode))
		*why = "is not a file";
	else
		return fd;
	if (fd != -1)
		close(fd);
	return -1;
}
