#include "file_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

char file_dir[32];
char file_path[64];

int
file_set_up(void **state)
{
	(void)state;
	snprintf(file_dir, sizeof(file_dir), "/tmp/file-test-XXXXXX");
	if (mkdtemp(file_dir) == NULL)
		return -1;
	snprintf(file_path, sizeof(file_path), "%s/file", file_dir);
	return 0;
}

int
file_tear_down(void **state)
{
	(void)state;
	unlink(file_path);
	return rmdir(file_dir);
}
