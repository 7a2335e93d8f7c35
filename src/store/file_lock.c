#include "config.h"

#include "store/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#include "base/thread.h"

#define WAITER_STACK_BYTES 65536

/*
 * Who waits in the kernel's line. There is no call that waits there for a
 * while only, and a worker that waits for ever would keep the process from
 * ending: so a thread of its own waits, and is cancelled in the end.
 */
struct waiter {
	int             fd;
	off_t           byte;
	pthread_mutex_t mutex;
	pthread_cond_t  ended;
	bool            has_ended;
	int             error; /* 0: it has the lock */
};

static struct flock
lock_of(short type, off_t byte)
{
	return (struct flock){ .l_type = type,
		.l_whence = SEEK_SET,
		.l_start = byte,
		.l_len = 1 };
}

int
file_lock_try(int fd, off_t byte)
{
	struct flock lock = lock_of(F_WRLCK, byte);
	int          result;

	do
		result = fcntl(fd, F_OFD_SETLK, &lock);
	while (result == -1 && errno == EINTR);
	if (result == -1 && errno == EACCES)
		errno = EAGAIN;
	return result;
}

void
file_lock_release(int fd, off_t byte)
{
	struct flock lock = lock_of(F_UNLCK, byte);

	fcntl(fd, F_OFD_SETLK, &lock);
}

/* One that is locked, not the first necessarily; -1: none. */
static off_t
find_any(int fd, off_t from, off_t end, off_t *found_end)
{
	struct flock lock = lock_of(F_WRLCK, from);

	lock.l_len = end - from;
	if (from >= end || fcntl(fd, F_OFD_GETLK, &lock) == -1 ||
	    lock.l_type == F_UNLCK)
		return -1;
	/* Neighbouring ones of one description are one. */
	*found_end = lock.l_len == 0 || lock.l_start + lock.l_len > end ?
	    end :
	    lock.l_start + lock.l_len;
	return lock.l_start > from ? lock.l_start : from;
}

/* The kernel tells of the lock that was made first. */
off_t
file_lock_find(int fd, off_t from, off_t end, off_t *found_end)
{
	off_t found = -1, before_end = end;
	off_t before = find_any(fd, from, end, &before_end);

	while (before != -1) {
		found = before;
		*found_end = before_end;
		before = find_any(fd, from, found, &before_end);
	}
	return found;
}

static void *
wait_in_line(void *arg)
{
	struct waiter *waiter = arg;
	struct flock   lock = lock_of(F_WRLCK, waiter->byte);
	int            result, state;

	do
		result = fcntl(waiter->fd, F_OFD_SETLKW, &lock);
	while (result == -1 && errno == EINTR);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	pthread_mutex_lock(&waiter->mutex);
	waiter->error = result == -1 ? errno : 0;
	waiter->has_ended = true;
	pthread_cond_signal(&waiter->ended);
	pthread_mutex_unlock(&waiter->mutex);
	return NULL;
}

static struct timespec
time_after(unsigned ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += (long)(ms % 1000) * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}

/* Whether it ended by itself before that time. */
static bool
waiter_ends(struct waiter *waiter, const struct timespec *at)
{
	bool has_ended;

	pthread_mutex_lock(&waiter->mutex);
	while (!waiter->has_ended &&
	    pthread_cond_timedwait(&waiter->ended, &waiter->mutex, at) == 0)
		continue;
	has_ended = waiter->has_ended;
	pthread_mutex_unlock(&waiter->mutex);
	return has_ended;
}

int
file_lock_take(int fd, off_t byte, unsigned timeout_ms)
{
	struct waiter      waiter = { .fd = fd,
		     .byte = byte,
		     .mutex = PTHREAD_MUTEX_INITIALIZER };
	struct timespec    at;
	pthread_condattr_t attr;
	pthread_t          thread;

	if (file_lock_try(fd, byte) == 0)
		return 0;
	if (errno != EAGAIN)
		return -1;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&waiter.ended, &attr);
	pthread_condattr_destroy(&attr);
	at = time_after(timeout_ms);
	errno = thread_start(&thread, WAITER_STACK_BYTES, wait_in_line,
	    &waiter);
	if (errno != 0) {
		pthread_cond_destroy(&waiter.ended);
		return -1;
	}
	if (!waiter_ends(&waiter, &at)) {
		pthread_cancel(thread);
		waiter.error = ETIMEDOUT;
	}
	pthread_join(thread, NULL);
	pthread_cond_destroy(&waiter.ended);
	/* It may have got the lock just when it was cancelled. */
	if (waiter.error == ETIMEDOUT)
		file_lock_release(fd, byte);
	errno = waiter.error;
	return errno == 0 ? 0 : -1;
}
