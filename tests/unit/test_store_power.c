/*
 * A log in SQLite on a disk that loses, at a power cut, any part of what was
 * not synchronized. With sync=full everything that was acknowledged is there
 * afterwards; with sync=normal the log is whole up to some update.
 */

#include "store_fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vfs_shim.h"

#define UPDATE_COUNT 120
#define TEXT_BYTES 30000
#define ROUND_COUNT 40

/* A write or, without bytes, a cut of the file to the offset. */
struct change {
	sqlite3_int64 at;
	char         *bytes;
	size_t        count;
};

/* What the disk has of a file for sure, and the changes since then. */
struct disk_file {
	const char    *suffix;
	char          *bytes;
	size_t         count;
	struct change *changes;
	size_t         change_count;
};

static struct {
	pthread_mutex_t  lock;
	struct disk_file files[2];
	bool             is_on;
	int              calls_left;  /* until the power is cut */
	size_t           acked_count; /* acknowledged until now */
	size_t           acked_at_cut;
} disk = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.files = { { .suffix = "" }, { .suffix = "-wal" } },
};

static void
apply(struct disk_file *file, const struct change *change, size_t count)
{
	size_t end = (size_t)change->at + count;

	if (change->bytes == NULL) {
		if (file->count > (size_t)change->at)
			file->count = (size_t)change->at;
		return;
	}
	if (end > file->count) {
		file->bytes = realloc(file->bytes, end);
		assert_non_null(file->bytes);
		memset(file->bytes + file->count, 0, end - file->count);
		file->count = end;
	}
	memcpy(file->bytes + change->at, change->bytes, count);
}

static void
forget_changes(struct disk_file *file)
{
	for (size_t i = 0; i < file->change_count; i++)
		free(file->changes[i].bytes);
	free(file->changes);
	file->changes = NULL;
	file->change_count = 0;
}

static void
synchronize(struct disk_file *file)
{
	for (size_t i = 0; i < file->change_count; i++)
		apply(file, &file->changes[i], file->changes[i].count);
	forget_changes(file);
}

/* Some changes came to the disk whole, some in part, some not. */
static void
cut_power(void)
{
	disk.is_on = false;
	disk.acked_at_cut = disk.acked_count;
	for (size_t i = 0; i < 2; i++) {
		struct disk_file *file = &disk.files[i];

		for (size_t n = 0; n < file->change_count; n++) {
			struct change *change = &file->changes[n];

			if (random() % 2 == 0)
				apply(file, change,
				    random() % 2 == 0 ? change->count :
							change->count / 2);
		}
		forget_changes(file);
	}
}

/* Counts a call; false: the power is off, and the disk takes no more. */
static bool
is_power_on(void)
{
	if (disk.is_on && disk.calls_left-- <= 0)
		cut_power();
	return disk.is_on;
}

static void
note_change(struct disk_file *file, const void *bytes, size_t count,
    sqlite3_int64 at)
{
	struct change *change;

	pthread_mutex_lock(&disk.lock);
	if (file != NULL && is_power_on()) {
		file->changes = realloc(file->changes,
		    (file->change_count + 1) * sizeof(*change));
		assert_non_null(file->changes);
		change = &file->changes[file->change_count++];
		*change = (struct change){ .at = at, .count = count };
		if (bytes != NULL) {
			change->bytes = malloc(count);
			assert_non_null(change->bytes);
			memcpy(change->bytes, bytes, count);
		}
	}
	pthread_mutex_unlock(&disk.lock);
}

static int
shim_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 at)
{
	note_change(vfs_shim_of(file)->arg, bytes, (size_t)count, at);
	return vfs_shim_real(file)->pMethods->xWrite(vfs_shim_real(file), bytes,
	    count, at);
}

static int
shim_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	note_change(vfs_shim_of(file)->arg, NULL, 0, size);
	return vfs_shim_real(file)->pMethods->xTruncate(vfs_shim_real(file),
	    size);
}

/* The kernel of the test's machine need not do it as well. */
static int
shim_sync(sqlite3_file *file, int flags)
{
	(void)flags;
	pthread_mutex_lock(&disk.lock);
	if (vfs_shim_of(file)->arg != NULL && is_power_on())
		synchronize(vfs_shim_of(file)->arg);
	pthread_mutex_unlock(&disk.lock);
	return SQLITE_OK;
}

static struct disk_file *
disk_file_of(const char *name)
{
	const char *suffix = name == NULL ? NULL : strstr(name, "/log");

	for (size_t i = 0; suffix != NULL && i < 2; i++) {
		if (strcmp(suffix + 4, disk.files[i].suffix) == 0)
			return &disk.files[i];
	}
	return NULL;
}

static int
shim_open(struct vfs_shim_file *file, const char *name)
{
	file->arg = disk_file_of(name);
	return SQLITE_OK;
}

static void
install_shim(void)
{
	static sqlite3_io_methods    methods;
	static const struct vfs_shim shim = { "power", &methods, shim_open };

	methods = vfs_shim_methods;
	methods.xWrite = shim_write;
	methods.xTruncate = shim_truncate;
	methods.xSync = shim_sync;
	vfs_shim_install(&shim);
}

/* The disk has what the files have by now. */
static void
turn_power_on(int calls_left)
{
	for (size_t i = 0; i < 2; i++) {
		struct disk_file *file = &disk.files[i];
		FILE             *in = fopen(store_file(file->suffix), "rb");

		assert_non_null(in);
		assert_int_equal(fseek(in, 0, SEEK_END), 0);
		file->count = (size_t)ftell(in);
		rewind(in);
		file->bytes = malloc(file->count + 1);
		assert_non_null(file->bytes);
		assert_int_equal(fread(file->bytes, 1, file->count, in),
		    file->count);
		fclose(in);
	}
	disk.acked_count = 0;
	disk.calls_left = calls_left;
	disk.is_on = true;
}

/* The files become what the disk has. */
static void
restore_disk(void)
{
	store_remove_file("-shm");
	for (size_t i = 0; i < 2; i++) {
		struct disk_file *file = &disk.files[i];
		FILE             *out = fopen(store_file(file->suffix), "wb");

		assert_non_null(out);
		assert_int_equal(fwrite(file->bytes, 1, file->count, out),
		    file->count);
		fclose(out);
		assert_int_equal(chmod(store_file(file->suffix), 0600), 0);
		free(file->bytes);
		file->bytes = NULL;
	}
}

static struct sent_update sent[UPDATE_COUNT];

/* One after the other: in their order they are acknowledged. */
static void
publish_all(struct store_user *user)
{
	static char   bytes[TEXT_BYTES];
	const char   *topic = "a";
	struct update update = { .topics = &topic,
		.topic_count = 1,
		.bytes = bytes,
		.len_bytes = sizeof(bytes) };

	for (size_t i = 0; i < UPDATE_COUNT; i++) {
		memset(bytes, 'x', sizeof(bytes));
		snprintf(bytes, 32, "data: %zu ", i);
		bytes[strlen(bytes)] = 'x';
		memcpy(bytes + sizeof(bytes) - 2, "\n\n", 2);
		store_user_send_as(user, &sent[i], &update, NULL);
		store_wait(sent[i].is_done);
		assert_int_equal(sent[i].receipt.result, STORE_KEPT);
		pthread_mutex_lock(&disk.lock);
		disk.acked_count = i + 1;
		pthread_mutex_unlock(&disk.lock);
	}
}

/* Returns whether all that was acknowledged before the cut is there. */
static bool
run_round(const char *sync, int calls_left)
{
	char              url[160];
	struct store_user user;
	size_t            count;

	snprintf(url, sizeof(url), "%s?sync=%s", store_url, sync);
	store_user_open(&user,
	    &(struct store_options){ .url = url, .bytes_max = 64 << 20 });
	store_user_keep(&user, "b", "before");
	turn_power_on(calls_left);
	publish_all(&user);
	store_user_close(&user);
	assert_false(disk.is_on);
	restore_disk();
	store_user_open(&user,
	    &(struct store_options){ .url = url, .bytes_max = 64 << 20 });
	store_user_tail(&user, 0, "a");
	store_user_settle(&user);
	count = user.got_count;
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(user.got[i].position,
		    sent[i].receipt.position);
		assert_int_equal(user.got[i].len_bytes, TEXT_BYTES);
		assert_int_equal(atoi(user.got[i].bytes + 6), i);
	}
	store_user_keep(&user, "a", "after");
	store_wait(user.got_count == count + 1);
	store_user_close(&user);
	assert_int_equal(store_corrupt_count(), 0);
	return count >= disk.acked_at_cut;
}

static void
run_rounds(void **state, const char *sync, bool is_all_kept)
{
	bool were_all_kept = true;

	srandom(1);
	for (int round = 0; round < ROUND_COUNT; round++) {
		were_all_kept &= run_round(sync, 1 + (int)(random() % 4000));
		store_tear_down(state);
		store_set_up(state);
	}
	assert_int_equal(were_all_kept, is_all_kept);
}

static void
test_full_loses_nothing(void **state)
{
	run_rounds(state, "full", true);
}

/* The disk of this test is worth something: here it does lose some. */
static void
test_normal_loses_the_end(void **state)
{
	run_rounds(state, "normal", false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_full_loses_nothing),
		STORE_TEST(test_normal_loses_the_end),
	};

	install_shim();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
