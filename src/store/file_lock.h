#ifndef STORE_FILE_LOCK_H
#define STORE_FILE_LOCK_H

#include <sys/types.h>

/*
 * Locks on single bytes of a file, between all descriptions of it: of several
 * processes, or of one. The kernel frees them when the description is closed
 * and when its process is killed. Errors: -1 with errno.
 */

/* At once; EAGAIN if another holds it. */
int file_lock_try(int fd, off_t byte);

/*
 * Waits in line for as long as this; ETIMEDOUT. It blocks: call it from a
 * thread that may.
 */
int file_lock_take(int fd, off_t byte, unsigned timeout_ms);

void file_lock_release(int fd, off_t byte);

/*
 * The first byte from `from` on that another description has locked, before
 * `end`; -1: none. All bytes from there to *found_end, which is at most `end`,
 * are locked too.
 */
off_t file_lock_find(int fd, off_t from, off_t end, off_t *found_end);

#endif
