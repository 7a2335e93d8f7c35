#include "config.h"

#include "store/seats.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/file_lock.h"
#include "store/files.h"

/* Behind all seats: whoever has it may read and write the notes. */
#define NOTES_LOCK ((off_t)1 << 40)

/* Others have it for microseconds, unless they were stopped. */
#define NOTES_TRIES 30
#define NOTES_WAIT_NS 1000000

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

/* Each process begins elsewhere, so that few are tried in vain. */
bool
seats_take(struct seats *seats)
{
	unsigned seat, first = (unsigned)getpid();

	for (unsigned i = 0; i < seats->count; i++) {
		seat = (first + i) % seats->count;
		if (seats->is_own[seat] ||
		    file_lock_try(seats->fd, (off_t)seat) == -1)
			continue;
		seats->is_own[seat] = true;
		seats->own_count++;
		return true;
	}
	return false;
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
	off_t    at = -1;

	while ((at = file_lock_find(seats->fd, at + 1,
		    (off_t)seats->known_count)) != -1)
		count++;
	return count;
}

/*
 * A process that shares seats has one client, so waiting for some milliseconds
 * holds up nobody else.
 */
bool
seats_lock_notes(struct seats *seats)
{
	for (int i = 0; i < NOTES_TRIES; i++) {
		if (file_lock_try(seats->fd, NOTES_LOCK) == 0)
			return true;
		nanosleep(&(struct timespec){ .tv_nsec = NOTES_WAIT_NS }, NULL);
	}
	return false;
}

void
seats_unlock_notes(struct seats *seats)
{
	file_lock_release(seats->fd, NOTES_LOCK);
}

size_t
seats_read_notes(struct seats *seats, void *notes, size_t max_bytes)
{
	ssize_t n = pread(seats->fd, notes, max_bytes, 0);

	return n > 0 ? (size_t)n : 0;
}

bool
seats_write_notes(struct seats *seats, size_t offset, const void *notes,
    size_t len_bytes)
{
	return pwrite(seats->fd, notes, len_bytes, (off_t)offset) ==
	    (ssize_t)len_bytes;
}
