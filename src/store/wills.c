#include "config.h"

#include "store/wills.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "store/file_lock.h"
#include "store/files.h"

/* The digits of a process's number, of 48 bits. */
#define NAME_DIGITS 12

/* The byte of a will that its process has locked. */
#define OWNER_LOCK 0

/* So often an empty will may be removed before its process has locked it. */
#define ATTEMPTS_MAX 3

/* An empty will that is older was left by a process that was killed. */
#define EMPTY_S_MAX 60

struct wills {
	char    *folder;
	uint64_t process;
	int      own_fd; /* -1: there is none */
	off_t    own_bytes;
	int      taken_fd; /* -1: none is taken */
	uint64_t taken;    /* whose */
	char    *text;     /* of that one */
};

struct wills *
wills_new(const char *folder, uint64_t process)
{
	struct wills *wills = mem_zalloc(sizeof(*wills));

	wills->folder = mem_strdup(folder);
	wills->process = process;
	wills->own_fd = wills->taken_fd = -1;
	return wills;
}

void
wills_free(struct wills *wills)
{
	if (wills == NULL)
		return;
	wills_release(wills, false);
	if (wills->own_fd != -1)
		close(wills->own_fd);
	free(wills->folder);
	free(wills);
}

/* The path of a will, which is to be freed. */
static char *
path_of(const struct wills *wills, uint64_t process)
{
	size_t size = strlen(wills->folder) + NAME_DIGITS + 8;
	char  *path = mem_alloc(size);

	snprintf(path, size, "%s/%012" PRIx64, wills->folder, process);
	return path;
}

/* Whether the folder is there, and is this user's alone. */
static bool
is_ours(const struct wills *wills)
{
	struct stat status;

	if (lstat(wills->folder, &status) == -1)
		return false;
	if (S_ISDIR(status.st_mode) && status.st_uid == geteuid() &&
	    (status.st_mode & (S_IWGRP | S_IWOTH)) == 0)
		return true;
	errno = EPERM;
	return false;
}

/* Makes it and locks it; -1: errno. */
static int
make_at(const char *path)
{
	struct stat status;
	int         fd = files_open_private(path, true), error;

	if (fd == -1)
		return -1;
	if (file_lock_try(fd, OWNER_LOCK) == 0 && fstat(fd, &status) == 0) {
		if (status.st_nlink > 0)
			return fd;
		errno = EAGAIN; /* it was removed meanwhile */
	}
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static bool
make_own(struct wills *wills)
{
	char *path;

	if ((mkdir(wills->folder, S_IRWXU) == -1 && errno != EEXIST) ||
	    !is_ours(wills))
		return false;
	path = path_of(wills, wills->process);
	for (int i = 0; i < ATTEMPTS_MAX && wills->own_fd == -1; i++)
		wills->own_fd = make_at(path);
	free(path);
	wills->own_bytes = 0;
	return wills->own_fd != -1;
}

bool
wills_add(struct wills *wills, const char *line)
{
	const size_t len_bytes = strlen(line);
	struct buf   text = { 0 };
	ssize_t      n;

	if (wills->own_fd == -1 && !make_own(wills))
		return false;
	if (wills->own_bytes + (off_t)len_bytes >= WILLS_BYTES_MAX) {
		errno = EFBIG;
		return false;
	}
	/* By one call: the process may be killed between two. */
	buf_append(&text, line, len_bytes);
	buf_append_str(&text, "\n");
	n = pwrite(wills->own_fd, text.data, text.len_bytes, wills->own_bytes);
	buf_deinit(&text);
	if (n == (ssize_t)len_bytes + 1) {
		wills->own_bytes += n;
		return true;
	}
	/* What there is of the line is overwritten by the next one. */
	if (n != -1)
		errno = ENOSPC;
	return false;
}

void
wills_clear(struct wills *wills)
{
	char *path;

	if (wills->own_fd == -1)
		return;
	path = path_of(wills, wills->process);
	unlink(path);
	free(path);
	close(wills->own_fd);
	wills->own_fd = -1;
}

/* Reads its whole lines into wills->text. */
static void
read_text(struct wills *wills, int fd, off_t size)
{
	const size_t max_bytes = size < WILLS_BYTES_MAX ? (size_t)size :
							  WILLS_BYTES_MAX;
	ssize_t      n;
	size_t       len_bytes;

	wills->text = mem_alloc(max_bytes + 1);
	n = pread(fd, wills->text, max_bytes, 0);
	len_bytes = n > 0 ? (size_t)n : 0;
	while (len_bytes > 0 && wills->text[len_bytes - 1] != '\n')
		len_bytes--;
	wills->text[len_bytes] = '\0';
	/* Only a damaged one has any: the lines behind them are to be read. */
	for (size_t i = 0; i < len_bytes; i++) {
		if (wills->text[i] == '\0')
			wills->text[i] = ' ';
	}
}

/* Whether it is the will of a dead process, which is now taken. */
static bool
take_at(struct wills *wills, const char *path)
{
	struct stat status = { .st_size = 0 };
	int         fd = files_open_private(path, false);
	bool        is_dead;

	if (fd == -1)
		return false;
	/* A new one may belong to a process that is about to lock it. */
	is_dead = fstat(fd, &status) == 0 &&
	    (status.st_size > 0 ||
		status.st_mtime < time(NULL) - EMPTY_S_MAX) &&
	    file_lock_try(fd, OWNER_LOCK) == 0 && fstat(fd, &status) == 0;
	if (is_dead && status.st_size == 0)
		unlink(path);
	if (!is_dead || status.st_size == 0 || status.st_nlink == 0) {
		close(fd);
		return false;
	}
	wills->taken_fd = fd;
	read_text(wills, fd, status.st_size);
	return true;
}

/* Whether the name is that of another process's will. */
static bool
read_name(const struct wills *wills, const char *name, uint64_t *process)
{
	if (strlen(name) != NAME_DIGITS ||
	    strspn(name, "0123456789abcdef") != NAME_DIGITS)
		return false;
	*process = strtoull(name, NULL, 16);
	return *process != wills->process;
}

static const struct dirent *
next_entry(DIR *dir)
{
	/* cppcheck-suppress readdirCalled ; no other thread reads from it */
	return readdir(dir);
}

const char *
wills_take(struct wills *wills, uint64_t *process)
{
	DIR                 *dir;
	const struct dirent *entry;
	char                *path;

	if (wills->taken_fd != -1 || !is_ours(wills))
		return NULL;
	dir = opendir(wills->folder);
	while (dir != NULL && wills->taken_fd == -1 &&
	    (entry = next_entry(dir)) != NULL) {
		if (!read_name(wills, entry->d_name, process))
			continue;
		path = path_of(wills, *process);
		if (take_at(wills, path))
			wills->taken = *process;
		free(path);
	}
	if (dir != NULL)
		closedir(dir);
	return wills->text;
}

void
wills_release(struct wills *wills, bool is_done)
{
	char *path;

	if (wills->taken_fd == -1)
		return;
	if (is_done) {
		path = path_of(wills, wills->taken);
		unlink(path);
		free(path);
	}
	close(wills->taken_fd);
	wills->taken_fd = -1;
	free(wills->text);
	wills->text = NULL;
}
