/*
 * Preloaded: makes system calls and allocations fail, and sets the clock.
 *
 *   SHIM_FAIL=CALL:ERRNO:FIRST[:COUNT[:EVERY]]
 *       CALL as the program calls it (accept4, read, write, ..., malloc), the
 *       number of the error, the first call that fails, counted from 1; how
 *       many fail from there on (1), or with EVERY, each such call and so on
 *       for ever. A list has commas.
 *       Reads and writes count of sockets and memory files alone, epoll_ctl as
 *       it adds sockets: libuv aborts when its own descriptors fail, which only
 *       a broken kernel does.
 *   SHIM_SWITCH=FILE
 *       Calls count, and fail, only while the file is there.
 *   SHIM_SYSLOG=SOCKET
 *       Who connects to /dev/log gets that socket.
 *   SHIM_CLOCK=FILE
 *       CLOCK_REALTIME is off by the seconds that the file holds.
 */
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { FAULTS_MAX = 8 };

/* One entry of SHIM_FAIL. */
struct fault {
	char          call[24];
	int           error;
	unsigned long first;
	unsigned long count;
	unsigned long every; /* 0: only `count` calls from the first */
	unsigned long seen;
};

static struct fault faults[FAULTS_MAX];
static int          fault_count;
static const char  *switch_path;
static char         clock_path[PATH_MAX];

/* Runs before main; allocations that come earlier do not count. */
static void __attribute__((constructor)) shim_init(void)
{
	const char *text = getenv("SHIM_FAIL");

	switch_path = getenv("SHIM_SWITCH");
	/* Redis writes its title over the environment. */
	if (getenv("SHIM_CLOCK") != NULL)
		snprintf(clock_path, sizeof(clock_path), "%s",
		    getenv("SHIM_CLOCK"));
	while (text != NULL && *text != '\0' && fault_count < FAULTS_MAX) {
		struct fault *f = &faults[fault_count];

		f->count = 1;
		if (sscanf(text, "%23[^:]:%d:%lu:%lu:%lu", f->call, &f->error,
			&f->first, &f->count, &f->every) < 3)
			_exit(99);
		fault_count++;
		text = strchr(text, ',');
		text = text == NULL ? NULL : text + 1;
	}
}

/* By a bare system call: stat(2) might allocate, or be counted itself. */
static bool
is_switched_on(void)
{
	return switch_path == NULL ||
	    syscall(SYS_faccessat, AT_FDCWD, switch_path, F_OK) == 0;
}

static bool
fault_hits(struct fault *f)
{
	unsigned long n;

	if (!is_switched_on())
		return false;
	n = ++f->seen;
	if (n < f->first)
		return false;
	if (f->every > 0)
		return (n - f->first) % f->every < f->count;
	return n - f->first < f->count;
}

/* Whether this call is to fail; errno says how. */
static bool
fails(const char *call)
{
	int error = errno;

	for (int i = 0; i < fault_count; i++) {
		if (strcmp(faults[i].call, call) != 0)
			continue;
		if (fault_hits(&faults[i])) {
			errno = faults[i].error;
			return true;
		}
	}
	errno = error;
	return false;
}

static bool
is_file_type(int fd, mode_t type)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type;
}

static bool
fails_on(const char *call, int fd)
{
	return (is_file_type(fd, S_IFSOCK) || is_file_type(fd, S_IFREG)) &&
	    fails(call);
}

/* The function behind ours, looked up once. */
#define REAL(name)                     \
	static __typeof__(&name) real; \
	if (real == NULL)              \
		*(void **)(&real) = dlsym(RTLD_NEXT, #name);

int
accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	REAL(accept4)
	return fails("accept4") ? -1 : real(fd, sa, len, flags);
}

ssize_t
read(int fd, void *buf, size_t n)
{
	REAL(read)
	return fails_on("read", fd) ? -1 : real(fd, buf, n);
}

ssize_t
write(int fd, const void *buf, size_t n)
{
	REAL(write)
	return fails_on("write", fd) ? -1 : real(fd, buf, n);
}

ssize_t
send(int fd, const void *buf, size_t n, int flags)
{
	REAL(send)
	return fails("send") ? -1 : real(fd, buf, n, flags);
}

int
poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	REAL(poll)
	return fails("poll") ? -1 : real(fds, n, timeout_ms);
}

int
epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
	REAL(epoll_ctl)
	if (op == EPOLL_CTL_ADD && fails_on("epoll_ctl", fd))
		return -1;
	return real(epoll, op, fd, event);
}

int
setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	REAL(setsockopt)
	return fails("setsockopt") ? -1 : real(fd, level, name, value, len);
}

int
getsockopt(int fd, int level, int name, void *restrict value,
    socklen_t *restrict len)
{
	REAL(getsockopt)
	return fails("getsockopt") ? -1 : real(fd, level, name, value, len);
}

int
memfd_create(const char *name, unsigned flags)
{
	REAL(memfd_create)
	return fails("memfd_create") ? -1 : real(name, flags);
}

int
ftruncate(int fd, off_t bytes)
{
	REAL(ftruncate)
	return fails("ftruncate") ? -1 : real(fd, bytes);
}

off_t
lseek(int fd, off_t offset, int whence)
{
	REAL(lseek)
	return fails("lseek") ? -1 : real(fd, offset, whence);
}

/* The names that programs with large files call. */
int
ftruncate64(int fd, off64_t bytes)
{
	REAL(ftruncate64)
	return fails("ftruncate") ? -1 : real(fd, bytes);
}

off64_t
lseek64(int fd, off64_t offset, int whence)
{
	REAL(lseek64)
	return fails("lseek") ? -1 : real(fd, offset, whence);
}

int
socketpair(int domain, int type, int protocol, int fds[2])
{
	REAL(socketpair)
	return fails("socketpair") ? -1 : real(domain, type, protocol, fds);
}

int
connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_un other = { .sun_family = AF_UNIX };
	const char        *path = getenv("SHIM_SYSLOG");

	REAL(connect)
	if (path == NULL || sa->sa_family != AF_UNIX ||
	    strcmp(((const struct sockaddr_un *)sa)->sun_path, "/dev/log") != 0)
		return real(fd, sa, len);
	snprintf(other.sun_path, sizeof(other.sun_path), "%s", path);
	return real(fd, (struct sockaddr *)&other, sizeof(other));
}

static long
clock_offset_s(void)
{
	char    text[32];
	ssize_t n;
	int     fd = (int)syscall(SYS_openat, AT_FDCWD, clock_path, O_RDONLY);

	if (fd == -1)
		return 0;
	n = syscall(SYS_read, fd, text, sizeof(text) - 1);
	syscall(SYS_close, fd);
	text[n > 0 ? n : 0] = '\0';
	return strtol(text, NULL, 10);
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	int error = errno, result;

	REAL(clock_gettime)
	result = real(clock, now);
	if (result == 0 && clock == CLOCK_REALTIME && clock_path[0] != '\0') {
		now->tv_sec += clock_offset_s();
		errno = error;
	}
	return result;
}

/* Redis takes its time from this one. */
int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec at;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &at);
	now->tv_sec = at.tv_sec;
	now->tv_usec = at.tv_nsec / 1000;
	return 0;
}

#ifndef SHIM_WITHOUT_MALLOC
/* glibc's own names; dlsym would allocate. */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

void *
malloc(size_t bytes)
{
	return fails("malloc") ? NULL : __libc_malloc(bytes);
}

void *
calloc(size_t count, size_t bytes)
{
	return fails("malloc") ? NULL : __libc_calloc(count, bytes);
}

void *
realloc(void *old, size_t bytes)
{
	return fails("malloc") ? NULL : __libc_realloc(old, bytes);
}
#endif
