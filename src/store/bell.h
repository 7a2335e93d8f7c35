#ifndef STORE_BELL_H
#define STORE_BELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/*
 * Wakes the processes of one machine: a mapped file of words on which they wait
 * by futex. Word 0 is for all updates, each other word for the topics whose
 * hash leads there. It costs nothing while nothing rings, and has no list of
 * the processes that wait and no limit to their number.
 *
 * The process that rings holds a lock from bell_begin to bell_end. A word is
 * odd while a commit is under way that concerns it: if the process is killed
 * then, it stays odd, and the processes that wait read the files after a while.
 */
struct bell;

#define BELL_WORD_COUNT 1024

struct bell_words {
	uint64_t bits[BELL_WORD_COUNT / 64];
};

void bell_words_clear(struct bell_words *);
void bell_words_add(struct bell_words *, const char *topic);

/* Word 0 alone. */
void bell_words_set_all(struct bell_words *);

/*
 * Opens the file, and makes it or its words if is_new is allowed. NULL with
 * errno: among others ENOSPC, since all of it is allocated at once, and EINVAL
 * for a file of another size.
 */
struct bell *bell_open(const char *path, bool is_new);

/* One more owner, from any thread; each calls bell_close. */
struct bell *bell_ref(struct bell *);

/* The last owner's call closes it; it is not watched any more. NULL: none. */
void bell_close(struct bell *);

/* Whether the open file is this one. */
bool bell_is_file(const struct bell *, const struct stat *);

/* Whether nobody has cut the file: else it cannot ring. */
bool bell_is_whole(const struct bell *);

/*
 * The words of these and word 0: a commit begins, has ended. They return what
 * word 0 was before, and what it is now.
 */
uint32_t bell_begin(struct bell *, const struct bell_words *);
uint32_t bell_end(struct bell *, const struct bell_words *);

/*
 * Wakes the processes that wait on the words and on word 0; returns how many.
 * If only the watch of this bell waits, it does nothing.
 */
unsigned bell_ring(struct bell *, const struct bell_words *);

/* Wakes all processes on every word, which then read the files again. */
void bell_ring_all(struct bell *);

/* What word 0 is now. */
uint32_t bell_word_all(const struct bell *);

/*
 * Starts a thread that calls on_ring, from that thread, whenever one of the
 * words has changed after this call; word 0 counts only if it is in the set.
 * is_alarm: nothing rang, but the file at path is another one, or a process may
 * have been killed before it could ring. Returns 0, or -1 with errno if there
 * is no thread, or EAGAIN if too many processes watch.
 */
int bell_watch(struct bell *, const struct bell_words *, const char *path,
    void (*on_ring)(void *arg, bool is_alarm), void *arg);

/* Ends the thread; on_ring is not called any more. */
void bell_unwatch(struct bell *);

#endif
