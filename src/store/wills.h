#ifndef STORE_WILLS_H
#define STORE_WILLS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What processes of one machine leave for others to say when they are killed.
 * A will is a file of lines in a folder that they share. It has its process's
 * number as its name, and its process holds a lock on it. So the kernel tells
 * who is dead, at once and by no clock, and another process takes the will. If
 * that one is killed as well, its lock is free again for the next one.
 *
 * What a process has written before it was killed is there. After the machine
 * itself has failed the last seconds may be missing.
 */
struct wills;

/* A longer will is not written, and not read to its end. */
#define WILLS_BYTES_MAX (1024 * 1024)

/*
 * The wills in that folder, for the process of that number. Nothing is made
 * before it is needed. A folder that is a link, or that others may write to, is
 * not used.
 */
struct wills *wills_new(const char *folder, uint64_t process);

/* What the own will says is left to others. NULL is allowed. */
void wills_free(struct wills *);

/* Appends a line, which has no end of line, to the own will; false: errno. */
bool wills_add(struct wills *, const char *line);

/* Nothing is left to be said: the own will is removed. */
void wills_clear(struct wills *);

/*
 * Takes the will of a dead process, unless one was taken already. Returns its
 * lines, each with its end, which are valid until wills_release; NULL: there is
 * none.
 */
const char *wills_take(struct wills *, uint64_t *process);

/* is_done: all was said, and the will is removed. Else it is left to others. */
void wills_release(struct wills *, bool is_done);

#endif
