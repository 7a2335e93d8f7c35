#include "config.h"

#include "store/bell.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/thread.h"
#include "pure/hash.h"
#include "store/file_lock.h"
#include "store/files.h"

#define BELL_BYTES (BELL_WORD_COUNT * sizeof(uint32_t))

/* The longest that an update stays unseen whose publisher was killed. */
#define WATCH_TIMEOUT_MS 2000

/* On more words than this one waits on word 0. */
#define WATCHED_WORDS_MAX 32

#define WATCH_STACK_BYTES 65536

/*
 * A process that watches has locked one of so many bytes of the file, so that
 * others know that there is a process to wake. The kernel releases the lock
 * when the process ends.
 */
#define SEAT_COUNT 4096

/* struct futex_waitv of Linux 5.16, which older headers do not have. */
#define FUTEX_WAITV_NUMBER 449
#define FUTEX_WORD_32 2
struct futex_word {
	uint64_t value;
	uint64_t address;
	uint32_t flags;
	uint32_t reserved;
};

struct watch {
	pthread_t   thread;
	atomic_bool is_ending;
	atomic_bool has_ended;
	const char *path;
	void (*on_ring)(void *arg, bool is_alarm);
	void    *arg;
	unsigned count;
	unsigned words[WATCHED_WORDS_MAX];
	uint32_t seen[WATCHED_WORDS_MAX];
};

struct bell {
	atomic_uint   owner_count;
	int           fd;
	dev_t         device;
	ino_t         inode;
	atomic_uint  *words; /* mapped */
	struct watch *watch; /* NULL: this process does not watch */
	off_t         seat;  /* of the watch */
};

static_assert(sizeof(atomic_uint) == sizeof(uint32_t), "a futex is 32 bits");

void
bell_words_clear(struct bell_words *words)
{
	memset(words, 0, sizeof(*words));
}

void
bell_words_set_all(struct bell_words *words)
{
	bell_words_clear(words);
	words->bits[0] = 1;
}

void
bell_words_add(struct bell_words *words, const char *topic)
{
	uint64_t hash = hash_bytes(HASH_START, topic, strlen(topic));
	unsigned word = 1 + (unsigned)(hash % (BELL_WORD_COUNT - 1));

	words->bits[word / 64] |= UINT64_C(1) << word % 64;
}

static bool
words_have(const struct bell_words *words, unsigned word)
{
	return (words->bits[word / 64] >> word % 64 & 1) != 0;
}

/* The next that is rung, from this one on; BELL_WORD_COUNT: none is. */
static unsigned
next_word(const struct bell_words *words, unsigned word)
{
	while (word < BELL_WORD_COUNT && !words_have(words, word))
		word += words->bits[word / 64] >> word % 64 == 0 ?
		    64 - word % 64 :
		    1;
	return word;
}

bool
bell_is_whole(const struct bell *bell)
{
	struct stat status;

	return fstat(bell->fd, &status) == 0 &&
	    status.st_size == (off_t)BELL_BYTES;
}

/* A bell of size 0 is new, or its maker was killed. */
static int
allocate(int fd, bool is_new)
{
	struct stat status;

	if (fstat(fd, &status) == -1)
		return -1;
	if (status.st_size == 0 && is_new) {
		errno = posix_fallocate(fd, 0, BELL_BYTES);
		return errno == 0 ? 0 : -1;
	}
	if (status.st_size == (off_t)BELL_BYTES)
		return 0;
	errno = EINVAL;
	return -1;
}

struct bell *
bell_open(const char *path, bool is_new)
{
	struct bell *bell;
	struct stat  status;
	void        *words;
	int          fd, error;

	fd = files_open_private(path, is_new);
	if (fd == -1)
		return NULL;
	words = MAP_FAILED;
	if (allocate(fd, is_new) == 0 && fstat(fd, &status) == 0)
		words = mmap(NULL, BELL_BYTES, PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
	if (words == MAP_FAILED) {
		error = errno;
		close(fd);
		errno = error;
		return NULL;
	}
	bell = mem_zalloc(sizeof(*bell));
	atomic_init(&bell->owner_count, 1);
	bell->fd = fd;
	bell->device = status.st_dev;
	bell->inode = status.st_ino;
	bell->words = words;
	return bell;
}

struct bell *
bell_ref(struct bell *bell)
{
	atomic_fetch_add(&bell->owner_count, 1);
	return bell;
}

void
bell_close(struct bell *bell)
{
	if (bell == NULL || atomic_fetch_sub(&bell->owner_count, 1) > 1)
		return;
	assert(bell->watch == NULL);
	munmap((void *)bell->words, BELL_BYTES);
	close(bell->fd);
	free(bell);
}

bool
bell_is_file(const struct bell *bell, const struct stat *status)
{
	return status->st_dev == bell->device &&
	    status->st_ino == bell->inode &&
	    status->st_size == (off_t)BELL_BYTES;
}

uint32_t
bell_begin(struct bell *bell, const struct bell_words *words)
{
	uint32_t before;

	if (!bell_is_whole(bell))
		return 0;
	before = atomic_load(&bell->words[0]);
	/* A word is odd already if another was killed at this point. */
	for (unsigned i = 0; i < BELL_WORD_COUNT; i = next_word(words, i + 1))
		atomic_fetch_add(&bell->words[i],
		    1 + (atomic_load(&bell->words[i]) & 1));
	return before;
}

uint32_t
bell_end(struct bell *bell, const struct bell_words *words)
{
	if (!bell_is_whole(bell))
		return 0;
	for (unsigned i = 0; i < BELL_WORD_COUNT; i = next_word(words, i + 1))
		atomic_fetch_add(&bell->words[i], 1);
	return atomic_load(&bell->words[0]);
}

static unsigned
wake(atomic_uint *word)
{
	long count;

	count = syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	return count > 0 ? (unsigned)count : 0;
}

static unsigned
wake_all(struct bell *bell, const struct bell_words *words)
{
	unsigned count = 0;

	for (unsigned i = 0; i < BELL_WORD_COUNT; i = next_word(words, i + 1))
		count += wake(&bell->words[i]);
	return count;
}

/*
 * A process that watches took its seat before it read the words: if there is no
 * seat now, a process that comes later reads the new words. The own seat is not
 * found, since the lock belongs to this open file description.
 */
unsigned
bell_ring(struct bell *bell, const struct bell_words *words)
{
	off_t end;

	if (file_lock_find(bell->fd, 0, SEAT_COUNT, &end) == -1)
		return 0;
	return wake_all(bell, words);
}

void
bell_ring_all(struct bell *bell)
{
	struct bell_words all;

	memset(&all, 0xff, sizeof(all));
	bell_begin(bell, &all);
	bell_end(bell, &all);
	wake_all(bell, &all);
}

uint32_t
bell_word_all(const struct bell *bell)
{
	return bell_is_whole(bell) ? atomic_load(&bell->words[0]) : 0;
}

/* Takes notice of what the words are; whether one has changed. */
static bool
look(struct bell *bell, struct watch *watch)
{
	uint32_t value;
	bool     has_changed = false;

	if (!bell_is_whole(bell))
		return true;
	for (unsigned i = 0; i < watch->count; i++) {
		value = atomic_load(&bell->words[watch->words[i]]);
		has_changed |= value != watch->seen[i];
		watch->seen[i] = value;
	}
	return has_changed;
}

/* On several words at once, where the kernel can. */
static long
wait_on_several(struct bell *bell, struct watch *watch)
{
	struct futex_word words[WATCHED_WORDS_MAX];
	struct timespec   until;

	memset(words, 0, sizeof(words));
	for (unsigned i = 0; i < watch->count; i++) {
		words[i].value = watch->seen[i];
		words[i].address = (uintptr_t)&bell->words[watch->words[i]];
		words[i].flags = FUTEX_WORD_32;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WATCH_TIMEOUT_MS / 1000;
	return syscall(FUTEX_WAITV_NUMBER, words, watch->count, 0, &until,
	    CLOCK_MONOTONIC);
}

static long
wait_on_one(struct bell *bell, struct watch *watch)
{
	struct timespec timeout = { .tv_sec = WATCH_TIMEOUT_MS / 1000 };

	return syscall(SYS_futex, &bell->words[watch->words[0]], FUTEX_WAIT,
	    watch->seen[0], &timeout, NULL, 0);
}

/*
 * Whether to look although nothing rang for a while: a process was killed
 * during a commit, or the file was replaced.
 */
static bool
has_gone_wrong(struct bell *bell, const struct watch *watch)
{
	struct stat status;

	for (unsigned i = 0; i < watch->count; i++) {
		if ((watch->seen[i] & 1) != 0)
			return true;
	}
	return stat(watch->path, &status) == -1 || !bell_is_file(bell, &status);
}

static void *
watch_words(void *arg)
{
	struct bell  *bell = arg;
	struct watch *watch = bell->watch;
	long          result;
	int           error;

	while (!atomic_load(&watch->is_ending)) {
		errno = 0;
		result = watch->count > 1 ? wait_on_several(bell, watch) :
					    wait_on_one(bell, watch);
		error = result < 0 ? errno : 0;
		if (watch->count > 1 && (error == ENOSYS || error == EPERM)) {
			watch->count = 1;
			watch->words[0] = 0;
			watch->seen[0] = bell_word_all(bell);
			watch->on_ring(watch->arg, true);
			continue;
		}
		if (atomic_load(&watch->is_ending))
			break;
		if (look(bell, watch))
			watch->on_ring(watch->arg, !bell_is_whole(bell));
		else if (error == ETIMEDOUT && has_gone_wrong(bell, watch))
			watch->on_ring(watch->arg, true);
		/* A file that was cut cannot be waited on. */
		if (error == EFAULT || !bell_is_whole(bell))
			nanosleep(&(struct timespec){ .tv_nsec = 100000000 },
			    NULL);
	}
	atomic_store(&watch->has_ended, true);
	return NULL;
}

/* Each process begins elsewhere, so that few are tried in vain. */
static int
take_seat(struct bell *bell)
{
	off_t first = getpid();

	for (off_t i = 0; i < SEAT_COUNT; i++) {
		bell->seat = (first + i) % SEAT_COUNT;
		if (file_lock_try(bell->fd, bell->seat) == 0)
			return 0;
		if (errno != EAGAIN)
			return -1;
	}
	return -1;
}

static void
choose_words(struct watch *watch, const struct bell_words *words)
{
	for (unsigned i = 0; i < BELL_WORD_COUNT; i++) {
		if (!words_have(words, i))
			continue;
		if (watch->count == WATCHED_WORDS_MAX) {
			watch->count = 1;
			watch->words[0] = 0;
			break;
		}
		watch->words[watch->count++] = i;
	}
}

int
bell_watch(struct bell *bell, const struct bell_words *words, const char *path,
    void (*on_ring)(void *arg, bool is_alarm), void *arg)
{
	struct watch *watch;
	int           error;

	assert(bell->watch == NULL);
	if (take_seat(bell) == -1)
		return -1;
	watch = mem_zalloc(sizeof(*watch));
	watch->path = path;
	watch->on_ring = on_ring;
	watch->arg = arg;
	choose_words(watch, words);
	look(bell, watch);
	bell->watch = watch;
	error = thread_start(&watch->thread, WATCH_STACK_BYTES, watch_words,
	    bell);
	if (error == 0)
		return 0;
	file_lock_release(bell->fd, bell->seat);
	bell->watch = NULL;
	free(watch);
	errno = error;
	return -1;
}

/*
 * The thread may be just about to wait, so it is woken until it has ended.
 * Others who are woken as well find that nothing has changed.
 */
void
bell_unwatch(struct bell *bell)
{
	struct watch *watch = bell->watch;

	if (watch == NULL)
		return;
	atomic_store(&watch->is_ending, true);
	while (!atomic_load(&watch->has_ended)) {
		wake(&bell->words[watch->words[0]]);
		nanosleep(&(struct timespec){ .tv_nsec = 20000 }, NULL);
	}
	pthread_join(watch->thread, NULL);
	file_lock_release(bell->fd, bell->seat);
	free(watch);
	bell->watch = NULL;
}
