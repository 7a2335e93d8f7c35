#include "config.h"

#include "process/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

/* The kernel takes what net.core.somaxconn allows of it. */
#define BACKLOG 4096

/* The first that LISTEN_FDS counts: SD_LISTEN_FDS_START. */
#define LISTEN_FDS_START 3

#define SOCKET_PATH_BYTES_MAX sizeof(((struct sockaddr_un *)NULL)->sun_path)

#define LOCK_SUFFIX ".lock"
#define LOCK_PATH_BYTES_MAX (SOCKET_PATH_BYTES_MAX + sizeof(LOCK_SUFFIX))

static int
fail(char *error, const char *address, const char *what)
{
	snprintf(error, LISTEN_ERROR_BYTES_MAX, "%s: %s", address, what);
	return -1;
}

/* What is wrong with an address, and what to do about it. */
static const char *
reason(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "is in use: another program listens there; stop it, or "
		       "give another address";
	case EADDRNOTAVAIL:
		return "is no address of this machine";
	case ENOENT:
	case ENOTDIR:
		return "there is no folder for it; make one in which this user "
		       "may write";
	case EACCES:
	case EPERM:
	case EROFS:
		return "this user may not make it there";
	default:
		return strerror(error);
	}
}

static bool
is_unix(int fd)
{
	struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
	socklen_t               size = sizeof(address);

	getsockname(fd, (struct sockaddr *)&address, &size);
	return address.ss_family == AF_UNIX;
}

static void
listeners_add(struct listeners *listeners, int fd, const char *name,
    const char *path)
{
	struct listener *listener;
	struct stat      status;

	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	listeners->all = mem_realloc(listeners->all,
	    (listeners->count + 1) * sizeof(*listeners->all));
	listener = &listeners->all[listeners->count++];
	memset(listener, 0, sizeof(*listener));
	listener->fd = fd;
	listener->is_unix = is_unix(fd);
	listener->name = mem_strdup(name);
	if (path != NULL && stat(path, &status) == 0) {
		listener->path = mem_strdup(path);
		listener->device = status.st_dev;
		listener->inode = status.st_ino;
	}
}

/* How long another start at the same path may take, and how often we look. */
#define LOCK_WAIT_MS 2000
#define LOCK_STEP_MS 5

static int
fail_to_lock(char *error, const char *path, const char *why)
{
	snprintf(error, LISTEN_ERROR_BYTES_MAX, "unix:%s" LOCK_SUFFIX ": %s",
	    path, why);
	return -1;
}

/*
 * Takes the lock if it is free. False, with errno EAGAIN: another process has
 * it.
 */
static bool
try_lock(int fd, const char *path)
{
	struct stat ours, there;

	if (flock(fd, LOCK_EX | LOCK_NB) == -1)
		return false;
	/* Who had it before may have removed the file that we opened. */
	if (fstat(fd, &ours) == 0 && lstat(path, &there) == 0 &&
	    ours.st_dev == there.st_dev && ours.st_ino == there.st_ino)
		return true;
	errno = EAGAIN;
	return false;
}

/*
 * While this process checks whether another one listens at a path, and makes
 * its own socket there, no other start may do the same: each would remove the
 * other's socket. A file beside the path is locked for that time, and removed
 * before it is unlocked. Returns a descriptor for unlock_path, or -1 with the
 * error.
 */
static int
lock_path(const char *name, const char *socket_path, char *error)
{
	const struct timespec step = { .tv_nsec = LOCK_STEP_MS * 1000000 };
	char                  path[LOCK_PATH_BYTES_MAX];
	int                   fd, waited_ms;

	snprintf(path, sizeof(path), "%s" LOCK_SUFFIX, socket_path);
	for (waited_ms = 0;; waited_ms += LOCK_STEP_MS) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		    0600);
		if (fd == -1)
			return errno == ELOOP ?
			    fail_to_lock(error, socket_path, "is a link") :
			    fail(error, name, reason(errno));
		if (try_lock(fd, path))
			return fd;
		close(fd);
		if (errno != EAGAIN)
			return fail_to_lock(error, socket_path,
			    strerror(errno));
		if (waited_ms >= LOCK_WAIT_MS)
			return fail_to_lock(error, socket_path,
			    "another process is starting there");
		nanosleep(&step, NULL);
	}
}

static void
unlock_path(int fd, const char *socket_path)
{
	char path[LOCK_PATH_BYTES_MAX];

	snprintf(path, sizeof(path), "%s" LOCK_SUFFIX, socket_path);
	unlink(path);
	close(fd);
}

/* Removes an old socket at the path, unless another process uses it. */
static int
clear_path(const struct sockaddr_un *address, const char **problem)
{
	struct stat status;
	int         fd, result, error;

	if (lstat(address->sun_path, &status) == -1)
		return 0;
	if (!S_ISSOCK(status.st_mode)) {
		*problem = "exists and is not a socket";
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	result = connect(fd, (const struct sockaddr *)address,
	    sizeof(*address));
	error = errno;
	close(fd);
	if (result == 0 || error != ECONNREFUSED) {
		*problem = result == 0 || error == EAGAIN ?
		    "is in use: another process answers there" :
		    strerror(error);
		return -1;
	}
	return unlink(address->sun_path);
}

/* The path is locked. */
static int
open_unix_locked(struct listeners *listeners, const char *name,
    const char *path, mode_t mode, char *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char        *problem = NULL;
	mode_t             old_mask;
	int                fd = -1, result = -1;

	memcpy(address.sun_path, path, strlen(path));
	if (clear_path(&address, &problem) == 0)
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd != -1) {
		old_mask = umask(0777 & ~mode);
		result = bind(fd, (struct sockaddr *)&address, sizeof(address));
		umask(old_mask);
	}
	if (result == 0 && listen(fd, BACKLOG) == 0) {
		listeners_add(listeners, fd, name, path);
		return 0;
	}
	fail(error, name, problem != NULL ? problem : reason(errno));
	if (fd != -1)
		close(fd);
	return -1;
}

static int
open_unix(struct listeners *listeners, const char *name, const char *path,
    mode_t mode, char *error)
{
	int lock_fd, result;

	if (strlen(path) >= SOCKET_PATH_BYTES_MAX)
		return fail(error, name, "the path is too long for a socket");
	lock_fd = lock_path(name, path, error);
	if (lock_fd == -1)
		return -1;
	result = open_unix_locked(listeners, name, path, mode, error);
	unlock_path(lock_fd, path);
	return result;
}

static int
open_address(const struct addrinfo *info)
{
	int fd, on = 1;

	fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC,
	    info->ai_protocol);
	if (fd == -1)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Each --listen is one address: "[::]" is not 0.0.0.0 as well. */
	if (info->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	close(fd);
	return -1;
}

static int
open_inet(struct listeners *listeners, const char *name, char *error)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	};
	struct addrinfo *found, *info;
	const char      *colon = strrchr(name, ':');
	bool             is_v6 = *name == '[';
	char            *host;
	int              result, fd = -1;

	if (colon == NULL || (is_v6 && (colon == name || colon[-1] != ']')))
		return fail(error, name, "is no address to listen on");
	host = is_v6 ? mem_strndup(name + 1, (size_t)(colon - name - 2)) :
		       mem_strndup(name, (size_t)(colon - name));
	result = getaddrinfo(*host == '\0' || strcmp(host, "*") == 0 ? NULL :
								       host,
	    colon + 1, &hints, &found);
	free(host);
	if (result != 0)
		return fail(error, name, gai_strerror(result));
	for (info = found; info != NULL && fd == -1; info = info->ai_next)
		fd = open_address(info);
	freeaddrinfo(found);
	if (fd == -1)
		return fail(error, name, reason(errno));
	listeners_add(listeners, fd, name, NULL);
	return 0;
}

int
listeners_open(struct listeners *listeners, const char *address,
    mode_t socket_mode, char error[static LISTEN_ERROR_BYTES_MAX])
{
	if (strncmp(address, "unix:", 5) == 0)
		return open_unix(listeners, address, address + 5, socket_mode,
		    error);
	return open_inet(listeners, address, error);
}

static bool
is_listening(int fd)
{
	int       value = 0;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 &&
	    value != 0;
}

/* How many descriptors systemd has passed to this very process. */
static int
passed_count(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *count = getenv("LISTEN_FDS");

	if (pid == NULL || count == NULL ||
	    strtol(pid, NULL, 10) != (long)getpid())
		return 0;
	return (int)strtol(count, NULL, 10);
}

int
listeners_inherit(struct listeners *listeners,
    char                            error[static LISTEN_ERROR_BYTES_MAX])
{
	char name[32];
	int  i, count = passed_count();

	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "fd:%d", LISTEN_FDS_START + i);
		if (!is_listening(LISTEN_FDS_START + i))
			return fail(error, name,
			    "LISTEN_FDS names it, but it does not listen");
		listeners_add(listeners, LISTEN_FDS_START + i, name, NULL);
		listeners->all[i].is_inherited = true;
		listeners->all[i].is_kept = true;
	}
	if (count <= 0 && is_listening(STDIN_FILENO)) {
		listeners_add(listeners, STDIN_FILENO, "fd:0", NULL);
		listeners->all[0].is_inherited = true;
	}
	return 0;
}

/* Another process may have put its own socket in our place by now. */
static void
remove_path(const struct listener *listener)
{
	struct stat status;

	if (lstat(listener->path, &status) == 0 &&
	    status.st_dev == listener->device &&
	    status.st_ino == listener->inode)
		unlink(listener->path);
}

bool
listeners_are_single_use(const struct listeners *listeners)
{
	struct sockaddr_un address = { .sun_family = AF_UNSPEC };
	socklen_t          size = sizeof(address) - 1;

	return listeners->count == 1 && listeners->all[0].is_inherited &&
	    getsockname(listeners->all[0].fd, (struct sockaddr *)&address,
		&size) == 0 &&
	    address.sun_family == AF_UNIX &&
	    strstr(address.sun_path, "fcgid") != NULL;
}

void
listeners_close(struct listeners *listeners)
{
	size_t i;

	for (i = 0; i < listeners->count; i++) {
		if (listeners->all[i].path != NULL)
			remove_path(&listeners->all[i]);
		close(listeners->all[i].fd);
		free(listeners->all[i].name);
		free(listeners->all[i].path);
	}
	free(listeners->all);
	listeners->all = NULL;
	listeners->count = 0;
}
