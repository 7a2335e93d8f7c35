/*
 * A log in SQLite whose system calls fail, each in turn, with a full disk, an
 * I/O error or a lock: what was acknowledged is there, what was refused is
 * not, and afterwards the log works.
 */

#include "store_fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vfs_shim.h"

/* The calls that can fail, of files and of the file system. */
enum call { CALL_NONE, CALL_ANY, CALL_WRITES, CALL_LOCKS };

static struct {
	enum call  which;
	atomic_int left;  /* calls until one fails; below: none does */
	int        count; /* how many fail then */
	int        code;
	atomic_int hit_count;
	atomic_int call_count;
} fault;

static bool
fails(enum call call)
{
	int left;

	if (fault.which == CALL_NONE ||
	    (fault.which != CALL_ANY && call != fault.which))
		return false;
	atomic_fetch_add(&fault.call_count, 1);
	left = atomic_fetch_sub(&fault.left, 1);
	if (left > 0 || left <= -fault.count)
		return false;
	atomic_fetch_add(&fault.hit_count, 1);
	return true;
}

static int
shim_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 at)
{
	if (fails(CALL_ANY))
		return fault.code == SQLITE_IOERR ? SQLITE_IOERR_READ :
						    fault.code;
	return vfs_shim_real(file)->pMethods->xRead(vfs_shim_real(file), bytes,
	    count, at);
}

/* A write that fails has written half. */
static int
shim_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 at)
{
	if (fails(CALL_WRITES)) {
		vfs_shim_real(file)->pMethods->xWrite(vfs_shim_real(file),
		    bytes, count / 2, at);
		return fault.code == SQLITE_IOERR ? SQLITE_IOERR_WRITE :
						    fault.code;
	}
	return vfs_shim_real(file)->pMethods->xWrite(vfs_shim_real(file), bytes,
	    count, at);
}

static int
shim_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	if (fails(CALL_WRITES))
		return SQLITE_IOERR_TRUNCATE;
	return vfs_shim_real(file)->pMethods->xTruncate(vfs_shim_real(file),
	    size);
}

static int
shim_sync(sqlite3_file *file, int flags)
{
	if (fails(CALL_WRITES))
		return fault.code == SQLITE_IOERR ? SQLITE_IOERR_FSYNC :
						    fault.code;
	return vfs_shim_real(file)->pMethods->xSync(vfs_shim_real(file), flags);
}

static int
shim_size(sqlite3_file *file, sqlite3_int64 *size)
{
	if (fails(CALL_ANY))
		return SQLITE_IOERR_FSTAT;
	return vfs_shim_real(file)->pMethods->xFileSize(vfs_shim_real(file),
	    size);
}

static int
shim_lock(sqlite3_file *file, int level)
{
	if (fails(CALL_LOCKS))
		return fault.code == SQLITE_FULL ? SQLITE_BUSY : fault.code;
	return vfs_shim_real(file)->pMethods->xLock(vfs_shim_real(file), level);
}

static int
shim_shm_map(sqlite3_file *file, int page, int size, int extend,
    void volatile **map)
{
	if (fails(CALL_WRITES))
		return fault.code == SQLITE_BUSY ? SQLITE_BUSY :
						   SQLITE_IOERR_SHMSIZE;
	return vfs_shim_real(file)->pMethods->xShmMap(vfs_shim_real(file), page,
	    size, extend, map);
}

static int
shim_shm_lock(sqlite3_file *file, int at, int count, int flags)
{
	if ((flags & SQLITE_SHM_LOCK) != 0 && fails(CALL_LOCKS))
		return fault.code == SQLITE_FULL ? SQLITE_BUSY : fault.code;
	return vfs_shim_real(file)->pMethods->xShmLock(vfs_shim_real(file), at,
	    count, flags);
}

static int
shim_open(struct vfs_shim_file *file, const char *name)
{
	(void)file;
	(void)name;
	return fails(CALL_ANY) ? SQLITE_CANTOPEN : SQLITE_OK;
}

static void
install_shim(void)
{
	static sqlite3_io_methods    methods;
	static const struct vfs_shim shim = { "faults", &methods, shim_open };

	methods = vfs_shim_methods;
	methods.xRead = shim_read;
	methods.xWrite = shim_write;
	methods.xTruncate = shim_truncate;
	methods.xSync = shim_sync;
	methods.xFileSize = shim_size;
	methods.xLock = shim_lock;
	methods.xShmMap = shim_shm_map;
	methods.xShmLock = shim_shm_lock;
	vfs_shim_install(&shim);
}

static void
no_faults(void)
{
	fault.which = CALL_NONE;
}

static void
fail_from(enum call which, int at, int count, int code)
{
	fault.which = which;
	fault.code = code;
	fault.count = count;
	atomic_store(&fault.left, at);
	atomic_store(&fault.hit_count, 0);
	atomic_store(&fault.call_count, 0);
}

/* What the user published in a round, and what became of it. */
#define SENT_MAX 24
static struct sent_update sent[SENT_MAX];
static size_t             sent_count;

/* Of each kind that the log meets: small, many at once, a checkpoint's size. */
static void
publish_round(struct store_user *user, bool is_large)
{
	static char   bytes[1200000];
	const char   *topic = "a";
	struct update update = { .topics = &topic,
		.topic_count = 1,
		.bytes = bytes };

	memset(bytes, 'x', sizeof(bytes));
	sent_count = 0;
	for (int i = 0; i < 6; i++) {
		snprintf(bytes, 32, "data: %d", i);
		bytes[strlen(bytes)] = ' ';
		update.len_bytes = is_large && i == 3 ? sizeof(bytes) : 100;
		memcpy(bytes + update.len_bytes - 2, "\n\n", 2);
		update.id = i % 2 == 0 ? "own" : NULL;
		store_user_send_as(user, &sent[sent_count++], &update,
		    i == 4 ? "once" : NULL);
		if (i == 1 || i == 2 || i == 3)
			store_wait(sent[sent_count - 1].is_done);
	}
	for (size_t i = 0; i < sent_count; i++)
		store_wait(sent[i].is_done);
}

static bool
has_got(const struct store_user *user, int number, uint64_t position)
{
	for (size_t i = 0; i < user->got_count; i++) {
		if (user->got[i].position == position &&
		    atoi(user->got[i].bytes + 6) == number)
			return true;
	}
	return false;
}

static int
count_got(const struct store_user *user, int number)
{
	int count = 0;

	for (size_t i = 0; i < user->got_count; i++)
		count += atoi(user->got[i].bytes + 6) == number;
	return count;
}

/* What must hold of what a reader of the whole log gets. */
static void
assert_log(const struct store_user *user)
{
	int count;

	for (size_t i = 0; i < sent_count; i++) {
		count = count_got(user, (int)i);
		switch (sent[i].receipt.result) {
		case STORE_KEPT:
			assert_true(has_got(user, (int)i,
			    sent[i].receipt.position));
			assert_int_equal(count, 1);
			break;
		case STORE_NOT_KEPT:
			assert_int_equal(count, 0);
			break;
		default:
			assert_true(count <= 1);
			break;
		}
	}
}

static void
assert_integrity(void)
{
	char          path[128];
	sqlite3      *db;
	sqlite3_stmt *check;

	snprintf(path, sizeof(path), "%s/log", store_dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1,
			     &check, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(check), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(check, 0), "ok");
	sqlite3_finalize(check);
	sqlite3_close(db);
}

/*
 * One call fails, or all from there on until the round is over. A lean store
 * opens its files meanwhile, and makes them.
 */
static bool
run_round(enum call which, int at, int count, int code, bool is_lean)
{
	struct store_options options = store_options_of(NULL);
	struct store_user    user, reader;
	bool                 was_hit;

	options.is_lean = is_lean;
	store_user_open(&user, &options);
	if (!is_lean)
		store_user_tail(&user, 0, NULL);
	fail_from(which, at, count, code);
	publish_round(&user, !is_lean);
	was_hit = atomic_load(&fault.hit_count) > 0;
	no_faults();
	if (is_lean)
		store_user_tail(&user, 0, NULL);
	/* The log works again, and the tail has missed nothing. */
	store_user_keep(&user, "a", "7");
	store_wait(count_got(&user, 7) == 1);
	assert_log(&user);
	assert_int_equal(user.lost_count, 0);
	store_user_open(&reader, NULL);
	store_user_tail(&reader, 0, NULL);
	store_user_settle(&reader);
	assert_log(&reader);
	store_user_close(&reader);
	store_user_close(&user);
	assert_integrity();
	return was_hit;
}

/* Few at first, where the calls differ, then in larger steps. */
static void
run_rounds(void **state, enum call which, int count, int code, bool is_lean)
{
	int  round_count = 0;
	bool was_hit = true;

	for (int at = 0; was_hit && round_count < 200;
	     at += 1 + at / (is_lean ? 40 : 6)) {
		was_hit = run_round(which, at, count, code, is_lean);
		round_count++;
		store_tear_down(state);
		store_set_up(state);
	}
	assert_false(was_hit);
	assert_true(round_count > 10);
}

static void
test_a_full_disk(void **state)
{
	run_rounds(state, CALL_WRITES, 1, SQLITE_FULL, false);
}

static void
test_a_full_disk_at_the_start(void **state)
{
	run_rounds(state, CALL_WRITES, 1, SQLITE_FULL, true);
}

static void
test_a_disk_that_stays_full(void **state)
{
	run_rounds(state, CALL_WRITES, 1 << 20, SQLITE_FULL, false);
}

static void
test_an_io_error(void **state)
{
	run_rounds(state, CALL_ANY, 1, SQLITE_IOERR, false);
}

static void
test_an_io_error_at_the_start(void **state)
{
	run_rounds(state, CALL_ANY, 1, SQLITE_IOERR, true);
}

static void
test_io_errors_that_stay(void **state)
{
	run_rounds(state, CALL_ANY, 1 << 20, SQLITE_IOERR, true);
}

/*
 * Only calls for a lock may say that somebody else has it, as with any file
 * system: SQLite takes the BUSY of a read within a checkpoint for a reader's
 * lock and goes on, and the last to close removes the WAL with what was not
 * copied from it.
 */
static void
test_a_database_that_others_lock(void **state)
{
	run_rounds(state, CALL_LOCKS, 1, SQLITE_BUSY, false);
}

static void
test_a_database_that_others_lock_at_the_start(void **state)
{
	run_rounds(state, CALL_LOCKS, 1, SQLITE_BUSY, true);
}

/* Whether no process seems to be in the midst of a commit. */
static bool
is_bell_at_rest(void)
{
	FILE    *stream = fopen(store_file("-bell"), "r");
	uint32_t word = 1;

	assert_int_equal(fread(&word, sizeof(word), 1, stream), 1);
	fclose(stream);
	return word % 2 == 0;
}

/* What is told while the disk is full, and when it has room again. */
static void
test_what_is_told_of_a_full_disk(void **state)
{
	struct store_user   user;
	struct sent_update  refused = { 0 };
	struct store_health health;

	(void)state;
	store_user_open(&user, NULL);
	store_user_tail(&user, 0, NULL);
	store_user_keep(&user, "a", "1");
	fail_from(CALL_WRITES, 0, 1 << 20, SQLITE_FULL);
	store_user_send(&user, &refused, "a", "2");
	store_wait(refused.is_done);
	assert_int_equal(refused.receipt.result, STORE_NOT_KEPT);
	assert_string_equal(refused.why, "disk full");
	assert_int_equal(refused.receipt.retry_after_s, 60);
	assert_true(is_bell_at_rest());
	store_wait(user.state == STORE_DOWN);
	assert_string_equal(user.why, "disk full");
	health = store_user_health(&user);
	assert_int_equal(health.state, STORE_DOWN);
	assert_string_equal(health.why, "disk full");
	assert_int_equal(health.failed_count, 1);
	/* Nobody publishes: it notices by itself that there is room again. */
	no_faults();
	store_wait(user.state == STORE_UP);
	store_user_keep(&user, "a", "3");
	store_wait(user.got_count == 2);
	store_user_assert_got(&user, "1 3");
	store_user_close(&user);
}

/* It fails for a while to begin another: that one was deleted is told once. */
static void
test_a_deleted_file_on_a_bad_disk(void **state)
{
	struct store_user  user;
	struct sent_update refused = { 0 };

	(void)state;
	store_user_open(&user, NULL);
	user.may_go_back = true;
	store_user_tail(&user, 0, NULL);
	store_user_keep(&user, "a", "1");
	store_wait(user.got_count == 1);
	store_remove_file("");
	fail_from(CALL_ANY, 0, 1 << 20, SQLITE_IOERR);
	store_user_send(&user, &refused, "a", "2");
	store_wait(refused.is_done && user.state == STORE_DOWN);
	assert_int_equal(refused.receipt.result, STORE_NOT_KEPT);
	assert_int_equal(user.lost_count, 1);
	no_faults();
	store_wait(user.state == STORE_UP);
	store_user_keep(&user, "a", "3");
	store_wait(user.got_count == 2);
	store_user_assert_got(&user, "1 3");
	assert_int_equal(user.lost_count, 1);
	store_user_close(&user);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_a_full_disk),
		STORE_TEST(test_a_full_disk_at_the_start),
		STORE_TEST(test_a_disk_that_stays_full),
		STORE_TEST(test_an_io_error),
		STORE_TEST(test_an_io_error_at_the_start),
		STORE_TEST(test_io_errors_that_stay),
		STORE_TEST(test_a_database_that_others_lock),
		STORE_TEST(test_a_database_that_others_lock_at_the_start),
		STORE_TEST(test_what_is_told_of_a_full_disk),
		STORE_TEST(test_a_deleted_file_on_a_bad_disk),
	};

	install_shim();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
