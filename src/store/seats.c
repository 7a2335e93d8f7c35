#include "config.h"

#include "store/seats.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/file_lock.h"
#include "store/files.h"

/* Behind all seats: the process that has it may read and write the notes. */
#define NOTES_LOCK ((off_t)1 << 40)

/* Others have it for microseconds, unless they were stopped. */
#define NOTES_PAUSE_US 100

/* Has the first seats of processes with neighbouring ids lie far apart. */
#define SPREAD UINT32_C(2654435769)

struct seats {
	int      fd;
	unsigned count;
	unsigned known_count; /* the most that there ever were */
	unsigned own_count;
	bool    *is_own; /* of each seat; a lock does not bar its holder */
};

struct seats *
seats_open(const char *path, unsigned count)
{
	struct seats *seats;
	int           fd;

	fd = files_open_private(path, true);
	if (fd == -1)
		return NULL;
	seats = mem_zalloc(sizeof(*seats));
	seats->fd = fd;
	seats_set_count(seats, count);
	return seats;
}

void
seats_close(struct seats *seats)
{
	if (seats == NULL)
		return;
	close(seats->fd);
	free(seats->is_own);
	free(seats);
}

void
seats_set_count(struct seats *seats, unsigned count)
{
	seats->count = count;
	if (count <= seats->known_count)
		return;
	seats->is_own = mem_realloc(seats->is_own,
	    count * sizeof(*seats->is_own));
	memset(seats->is_own + seats->known_count, 0,
	    (count - seats->known_count) * sizeof(*seats->is_own));
	seats->known_count = count;
}

/* Takes one of these, if one is free. */
static bool
take_between(struct seats *seats, off_t seat, off_t end)
{
	off_t taken_end;

	while (seat < end) {
		if (seats->is_own[seat]) {
			seat++;
			continue;
		}
		if (file_lock_try(seats->fd, seat) == 0) {
			seats->is_own[seat] = true;
			seats->own_count++;
			return true;
		}
		/* All that follow and are the same process's are passed over.
		 */
		if (file_lock_find(seats->fd, seat, end, &taken_end) == seat)
			seat = taken_end;
		else
			seat++;
	}
	return false;
}

/* Each process begins elsewhere, so that few are tried in vain. */
bool
seats_take(struct seats *seats)
{
	off_t first;

	if (seats->count == 0)
		return false;
	first = (uint32_t)getpid() * SPREAD % seats->count;
	return take_between(seats, first, (off_t)seats->count) ||
	    take_between(seats, 0, first);
}

void
seats_leave(struct seats *seats)
{
	unsigned seat = seats->known_count - 1;

	/* Those that are too many by now first. */
	while (!seats->is_own[seat])
		seat--;
	file_lock_release(seats->fd, (off_t)seat);
	seats->is_own[seat] = false;
	seats->own_count--;
}

unsigned
seats_taken(const struct seats *seats)
{
	unsigned count = seats->own_count;
	off_t    at, end = 0;

	while ((at = file_lock_find(seats->fd, end, (off_t)seats->known_count,
		    &end)) != -1)
		count += (unsigned)(end - at);
	return count;
}

bool
seats_lock_notes(struct seats *seats, unsigned wait_us)
{
	const struct timespec pause = { .tv_nsec = NOTES_PAUSE_US * 1000L };

	for (unsigned us = 0;; us += NOTES_PAUSE_US) {
		if (file_lock_try(seats->fd, NOTES_LOCK) == 0)
			return true;
		if (us >= wait_us)
			return false;
		nanosleep(&pause, NULL);
	}
}

void
seats_unlock_notes(struct seats *seats)
{
	file_lock_release(seats->fd, NOTES_LOCK);
}

size_t
seats_read_notes(struct seats *seats, size_t offset, void *notes,
    size_t max_bytes)
{
	ssize_t n = pread(seats->fd, notes, max_bytes, (off_t)offset);

	return n > 0 ? (size_t)n : 0;
}

bool
seats_write_notes(struct seats *seats, size_t offset, const void *notes,
    size_t len_bytes)
{
	return pwrite(seats->fd, notes, len_bytes, (off_t)offset) ==
	    (ssize_t)len_bytes;
}
