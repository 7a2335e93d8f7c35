#include "config.h"

#include "process/store_place.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "pure/hash.h"
#include "store/files.h"

/* Below it are users that are no persons: their homes are no place for this. */
#define UID_OF_PERSONS_MIN 1000

/* The program that starts several processes, with a socket for each. */
#define SPAWNER "lighttpd"

/* What names a file may have in it beside letters and digits. */
#define SAFE "._-"

/* What the file of the seats has behind the name of the store's. */
#define SEATS_SUFFIX "-seats"

/* And the folder of the wills. */
#define WILLS_SUFFIX "-wills"

/* Whether lighttpd started this process, as one of several perhaps. */
static bool
is_spawned(void)
{
	const char *children = getenv("PHP_FCGI_CHILDREN");
	char        path[64], name[sizeof(SPAWNER) + 1] = { 0 };
	ssize_t     len = -1;
	int         fd;

	if (children == NULL || strcmp(children, "1") != 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%ld/comm", (long)getppid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd != -1) {
		len = read(fd, name, sizeof(name) - 1);
		close(fd);
	}
	return len == (ssize_t)sizeof(SPAWNER) &&
	    strcmp(name, SPAWNER "\n") == 0;
}

/* Takes off the "-0", "-1" that lighttpd puts behind a socket's path. */
static void
cut_number(char *path)
{
	size_t len = strlen(path), digits = len;

	while (digits > 0 && isdigit((unsigned char)path[digits - 1]))
		digits--;
	if (digits > 1 && digits < len && path[digits - 1] == '-')
		path[digits - 1] = '\0';
}

/* The folder that the process works in, with a slash behind it. */
static void
append_folder(struct buf *buf)
{
	char folder[PATH_MAX];

	if (getcwd(folder, sizeof(folder)) != NULL)
		buf_printf(buf, "%s/", folder);
}

/* The socket's address, which all have that share it. */
static void
append_socket(struct buf *key, const struct listener *listener)
{
	struct sockaddr_un address = { 0 };
	socklen_t          len = sizeof(address);
	char               path[sizeof(address.sun_path) + 1] = { 0 };

	if (getsockname(listener->fd, (struct sockaddr *)&address, &len) ==
		-1 ||
	    address.sun_family != AF_UNIX || address.sun_path[0] == '\0') {
		buf_append_str(key, listener->name);
		return;
	}
	memcpy(path, address.sun_path, sizeof(address.sun_path));
	if (is_spawned())
		cut_number(path);
	if (path[0] != '/')
		append_folder(key);
	buf_append_str(key, path);
}

/* The program and its folder: the web server starts it in the script's. */
static void
append_program(struct buf *key)
{
	char    path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

	append_folder(key);
	buf_append_str(key, "sse ");
	if (len > 0)
		buf_append(key, path, (size_t)len);
}

/*
 * What all processes have in common that belong together, with a NUL. NULL:
 * the process serves alone.
 */
static const char *
find_key(const struct listeners *listeners, struct buf *key)
{
	const char *why = NULL;

	if (listeners->count == 0 || listeners_are_single_use(listeners)) {
		append_program(key);
		why = "a process for each request";
	}
	for (size_t i = 0; i < listeners->count && why == NULL; i++) {
		if (!listeners->all[i].is_inherited ||
		    listeners->all[i].is_kept)
			continue;
		append_socket(key, &listeners->all[i]);
		why = "other processes may serve at the same socket";
	}
	buf_append(key, "", 1);
	return why;
}

/* "chat.sock-0123456789abcdef" for a key that ends in "/chat.sock". */
static void
append_name(struct buf *buf, const char *key)
{
	const char *slash = strrchr(key, '/');
	const char *name = slash == NULL ? key : slash + 1;
	size_t      i;

	for (i = 0; name[i] != '\0' && name[i] != ' ' && i < 64; i++)
		buf_printf(buf, "%c",
		    isalnum((unsigned char)name[i]) ||
			    strchr(SAFE, name[i]) != NULL ?
			name[i] :
			'_');
	/* It tells keys apart that look alike once they are made safe. */
	buf_printf(buf, "-%016llx",
	    (unsigned long long)hash_bytes(HASH_START, key, strlen(key)));
}

/* The path without links; of a file that is still to be made its folder's. */
static bool
resolve(const char *path, char real_path[static PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	char        folder[PATH_MAX] = ".";

	if (realpath(path, real_path) != NULL)
		return true;
	if (errno != ENOENT)
		return false;
	if (slash != NULL &&
	    snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path + 1),
		path) >= (int)sizeof(folder))
		return false;
	return realpath(folder, real_path) != NULL;
}

bool
store_place_is_below(const char *path, const char *folder)
{
	char   real_path[PATH_MAX], real_folder[PATH_MAX];
	size_t len;

	if (!resolve(path, real_path) || realpath(folder, real_folder) == NULL)
		return false;
	len = strlen(real_folder);
	while (len > 1 && real_folder[len - 1] == '/')
		len--;
	return len == 1 ||
	    (strncmp(real_path, real_folder, len) == 0 &&
		(real_path[len] == '/' || real_path[len] == '\0'));
}

/* Whether the folder is this user's alone; it is made if need be. */
static bool
is_private_folder(const char *path)
{
	struct stat status;
	int         fd;
	bool        is_private;

	if (mkdir(path, 0700) == -1 && errno != EEXIST)
		return false;
	fd = open(path, O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return false;
	is_private = fstat(fd, &status) == 0 && status.st_uid == geteuid() &&
	    (status.st_mode & 077) == 0;
	close(fd);
	return is_private && access(path, R_OK | W_OK | X_OK) == 0;
}

/* Whether the log can be kept in the folder. */
static bool
is_usable(const char *folder)
{
	const char *root = getenv("DOCUMENT_ROOT");

	return folder[0] == '/' && is_private_folder(folder) &&
	    files_network(folder) == NULL &&
	    (root == NULL || *root == '\0' ||
		!store_place_is_below(folder, root));
}

/* The folder that systemd has made for this service. */
static bool
try_service(struct buf *folder)
{
	const char *folders = getenv("STATE_DIRECTORY");

	if (folders == NULL || *folders == '\0')
		return false;
	folder->len_bytes = 0;
	buf_append(folder, folders, strcspn(folders, ":"));
	buf_append(folder, "", 1);
	return is_usable(folder->data);
}

/* A folder by format, which takes the user's own part of the name. */
static bool
try_folder(struct buf *folder, const char *parent, const char *name)
{
	folder->len_bytes = 0;
	buf_printf(folder, "%s/%s", parent, name);
	buf_append(folder, "", 1);
	return is_usable(folder->data);
}

/* ~/.local/state, whose parts are made if need be. */
static bool
try_home(struct buf *folder)
{
	const char   *home = getenv("HOME");
	struct passwd user, *found = NULL;
	char          names[4096];
	struct buf    parent = { 0 };
	bool          is_found = false;

	if (home == NULL || *home == '\0') {
		if (geteuid() >= UID_OF_PERSONS_MIN &&
		    getpwuid_r(geteuid(), &user, names, sizeof(names),
			&found) != 0)
			found = NULL;
		home = found == NULL ? NULL : user.pw_dir;
	}
	if (home == NULL || home[0] != '/')
		return false;
	buf_printf(&parent, "%s/.local%c", home, '\0');
	if (mkdir(parent.data, 0700) == 0 || errno == EEXIST) {
		parent.len_bytes--;
		buf_printf(&parent, "/state%c", '\0');
		if (mkdir(parent.data, 0700) == 0 || errno == EEXIST)
			is_found = try_folder(folder, parent.data, "fcgi-sse");
	}
	buf_deinit(&parent);
	return is_found;
}

/* The first folder that can be used, with a NUL; false: there is none. */
static bool
find_folder(struct buf *folder)
{
	const char *state = getenv("XDG_STATE_HOME");
	char        name[64];

	if (try_service(folder))
		return true;
	if (state != NULL && state[0] == '/' &&
	    try_folder(folder, state, "fcgi-sse"))
		return true;
	if (try_home(folder))
		return true;
	snprintf(name, sizeof(name), "fcgi-sse-%lu", (unsigned long)geteuid());
	return try_folder(folder, "/var/tmp", name) ||
	    try_folder(folder, "/tmp", name);
}

int
store_place_find(const struct listeners *listeners, struct buf *url,
    const char **why, char *error, size_t error_bytes)
{
	struct buf folder = { 0 }, key = { 0 };
	int        result = 0;

	*why = find_key(listeners, &key);
	if (*why == NULL) {
		*why = "this process alone serves";
		buf_append_str(url, "memory");
	} else if (find_folder(&folder)) {
		buf_printf(url, "sqlite:%s/", folder.data);
		append_name(url, key.data);
		buf_append_str(url, ".db");
	} else {
		snprintf(error, error_bytes,
		    "no folder for the log of updates: neither "
		    "$STATE_DIRECTORY, $XDG_STATE_HOME, ~/.local/state, "
		    "/var/tmp nor /tmp has one that only this user can "
		    "read; name a file by the option store");
		result = -1;
	}
	buf_deinit(&folder);
	buf_deinit(&key);
	return result;
}

bool
store_place_is_shared(const struct listeners *listeners)
{
	struct buf key = { 0 };
	bool       is_shared = find_key(listeners, &key) != NULL;

	buf_deinit(&key);
	return is_shared;
}

/* What is beside the store's file, or where that would be; NULL: nowhere. */
static char *
find_beside(const struct listeners *listeners, const char *store_file,
    const char *suffix)
{
	struct buf folder = { 0 }, key = { 0 }, path = { 0 };

	if (store_file != NULL)
		buf_append_str(&path, store_file);
	else if (find_key(listeners, &key) != NULL && find_folder(&folder)) {
		buf_printf(&path, "%s/", folder.data);
		append_name(&path, key.data);
	}
	buf_deinit(&folder);
	buf_deinit(&key);
	if (path.len_bytes == 0)
		return NULL;
	buf_append(&path, suffix, strlen(suffix) + 1);
	return path.data;
}

char *
store_place_seats(const struct listeners *listeners, const char *store_file)
{
	return find_beside(listeners, store_file, SEATS_SUFFIX);
}

char *
store_place_wills(const struct listeners *listeners, const char *store_file)
{
	return find_beside(listeners, store_file, WILLS_SUFFIX);
}
