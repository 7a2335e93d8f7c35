#include "tool/key.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "tool/report.h"

#define KEY_BYTES_MAX 4096

/* Blanks for a key, and what else may stand at the end of a line. */
#define BLANKS " \t\r\n"

/* Puts the first line that holds something into the room, blanks cut off. */
static bool
read_key(FILE *file, char room[static KEY_BYTES_MAX])
{
	size_t start, len_bytes;

	while (fgets(room, KEY_BYTES_MAX, file) != NULL) {
		start = strspn(room, BLANKS);
		len_bytes = strlen(room + start);
		while (len_bytes > 0 &&
		    strchr(BLANKS, room[start + len_bytes - 1]) != NULL)
			len_bytes--;
		memmove(room, room + start, len_bytes);
		room[len_bytes] = '\0';
		if (len_bytes > 0)
			return true;
	}
	return false;
}

/* It will stand in a field of the request. */
static bool
is_token(const char *key)
{
	for (; *key != '\0'; key++) {
		if (*key <= ' ' || *key > '~')
			return false;
	}
	return true;
}

static void
warn_about_mode(FILE *file, const char *path)
{
	struct stat status;

	if (fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode) &&
	    (status.st_mode & S_IRWXO) != 0)
		report(0,
		    "warning: %s: others may use the key; make the "
		    "file's mode 0600",
		    path);
}

char *
key_read(const char *path)
{
	char  room[KEY_BYTES_MAX], *key = NULL;
	FILE *file = fopen(path, "re");

	if (file == NULL) {
		report(0, "%s: %s", path, strerror(errno));
		return NULL;
	}
	warn_about_mode(file, path);
	setbuf(file, NULL); /* no copy of the key stays there */
	errno = 0;
	if (!read_key(file, room))
		report(0, "%s: %s", path,
		    ferror(file) ? strerror(errno) : "holds no key");
	else if (!is_token(room))
		report(0,
		    "%s: the key in its first line holds a blank or what "
		    "is not ASCII",
		    path);
	else
		key = mem_strdup(room);
	explicit_bzero(room, sizeof(room));
	fclose(file);
	return key;
}

void
key_free(char *key)
{
	if (key != NULL)
		explicit_bzero(key, strlen(key));
	free(key);
}
