#ifndef STORE_SEATS_H
#define STORE_SEATS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A number of seats that all processes share which open the same file. A seat
 * is a lock on a byte of the file, so the kernel frees it when its process
 * ends, however that is. The file holds notes of the processes that share them.
 */
struct seats;

/*
 * Opens the file, or makes it with mode 0600; a link, or a file that belongs
 * to another user, is refused. NULL with errno.
 */
struct seats *seats_open(const char *path, unsigned count);

/* Leaves all seats that were taken by this. NULL is allowed. */
void seats_close(struct seats *);

/* How many there are from now on. Those that are taken beyond it stay so. */
void seats_set_count(struct seats *, unsigned count);

/* Takes a free seat; false: all are taken. */
bool seats_take(struct seats *);

/* Leaves one of those that were taken by this. */
void seats_leave(struct seats *);

/* How many are taken, by all processes. */
unsigned seats_taken(const struct seats *);

/*
 * Bars other processes from the notes, for moments; false: another has them for
 * longer than about so many microseconds, as one that was stopped.
 */
bool seats_lock_notes(struct seats *, unsigned wait_us);
void seats_unlock_notes(struct seats *);

/* How much there was to read, up to so much; 0 after an error. */
size_t seats_read_notes(struct seats *, size_t offset, void *,
    size_t max_bytes);

/* Whether all was written; a full disk is no harm to the seats. */
bool seats_write_notes(struct seats *, size_t offset, const void *,
    size_t len_bytes);

#endif
