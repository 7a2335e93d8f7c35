/*
 * What becomes of a log in SQLite whose files are deleted, replaced, cut or
 * damaged while it is open, or are not ours to begin with.
 */

#include "store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/file_lock.h"
#include "store/files.h"

/* Where whoever writes holds its lock. */
#define LOCK_BYTE (1 << 20)

/* The most that the WAL keeps when nobody reads. */
#define WAL_BYTES_MAX (16 << 20)

static void
open_two(struct store_user *a, struct store_user *b)
{
	store_user_open(a, NULL);
	store_user_open(b, NULL);
	a->may_go_back = b->may_go_back = true;
	store_user_tail(a, 0, NULL);
	store_user_tail(b, 0, NULL);
	store_user_settle(a);
	store_user_settle(b);
	store_user_keep(a, "a", "1");
	store_user_keep(b, "a", "2");
	store_wait(a->got_count == 2 && b->got_count == 2);
	store_user_assert_got(a, "1 2");
	store_user_assert_got(b, "1 2");
}

static void
assert_log_holds(const char *texts)
{
	struct store_user user;

	store_user_open(&user, NULL);
	store_user_tail(&user, 0, NULL);
	store_user_settle(&user);
	store_user_assert_got(&user, texts);
	store_user_close(&user);
}

static void
test_a_deleted_database_begins_anew(void **state)
{
	struct store_user a, b;
	uint64_t          tag, last, position;

	(void)state;
	open_two(&a, &b);
	tag = store_tag(a.store);
	last = store_user_keep(&a, "a", "3");
	store_wait(a.got_count == 1 && b.got_count == 1);
	store_remove_file("");
	position = store_user_keep(&a, "a", "4");
	assert_true(position > last);
	store_wait(a.got_count == 2 && b.got_count == 2);
	assert_int_equal(a.lost_count, 1);
	assert_int_equal(a.lost_up_to, 0);
	assert_true(b.lost_count >= 1);
	store_user_assert_got(&a, "3 4");
	store_user_assert_got(&b, "3 4");
	assert_true(store_tag(a.store) == tag);
	assert_true(store_tag(b.store) == tag);
	store_user_keep(&b, "a", "5");
	store_wait(a.got_count == 1);
	store_user_close(&a);
	store_user_close(&b);
	assert_log_holds("4 5");
}

static void
test_all_files_deleted(void **state)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-lock",
		"-bell" };
	struct store_user        a, b;

	(void)state;
	open_two(&a, &b);
	for (size_t i = 0; i < 5; i++)
		store_remove_file(suffixes[i]);
	/* Somebody new knows nothing of the old files, and rings no old bell.
	 */
	assert_log_holds("");
	store_user_keep(&a, "a", "3");
	store_wait(b.got_count == 1);
	store_user_assert_got(&b, "3");
	store_user_keep(&b, "a", "4");
	store_user_close(&a);
	store_user_close(&b);
	assert_log_holds("3 4");
}

/* Nobody of those who have the log open writes; they notice all the same. */
static void
test_readers_notice_new_files(void **state)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-lock",
		"-bell" };
	struct store_user        a, b, c;

	(void)state;
	open_two(&a, &b);
	for (size_t i = 0; i < 5; i++)
		store_remove_file(suffixes[i]);
	/* A position is a time: the new log begins behind the old one. */
	store_turn_for(2);
	store_user_open(&c, NULL);
	store_user_keep(&c, "a", "3");
	store_wait(a.got_count == 1 && b.got_count == 1);
	assert_int_equal(a.lost_count, 1);
	store_user_close(&a);
	store_user_close(&b);
	store_user_close(&c);
}

static void
test_a_deleted_wal_is_saved(void **state)
{
	struct store_user a, b;

	(void)state;
	open_two(&a, &b);
	store_remove_file("-wal");
	store_user_keep(&a, "a", "3");
	store_wait(a.got_count == 1 && b.got_count == 1);
	assert_int_equal(a.lost_count + b.lost_count, 0);
	store_user_keep(&b, "a", "4");
	store_wait(a.got_count == 2 && b.got_count == 2);
	assert_log_holds("1 2 3 4");
	store_user_close(&a);
	store_user_close(&b);
	assert_log_holds("1 2 3 4");
}

static void
test_other_files_deleted_lose_nothing(void **state)
{
	static const char *const suffixes[] = { "-lock", "-bell", "-shm" };
	struct store_user        a, b;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		open_two(&a, &b);
		store_remove_file(suffixes[i]);
		store_user_keep(&a, "a", "3");
		store_wait(b.got_count == 1);
		store_user_keep(&b, "a", "4");
		store_wait(a.got_count == 2 && b.got_count == 2);
		assert_int_equal(a.lost_count + b.lost_count, 0);
		store_user_close(&a);
		store_user_close(&b);
		assert_log_holds("1 2 3 4");
		store_remove_file("");
	}
}

static void
test_a_bell_that_was_cut(void **state)
{
	struct store_user a, b;

	(void)state;
	open_two(&a, &b);
	assert_int_equal(truncate(store_file("-bell"), 10), 0);
	store_user_keep(&a, "a", "3");
	store_wait(b.got_count == 1);
	store_user_keep(&b, "a", "4");
	store_wait(a.got_count == 2);
	assert_int_equal(a.lost_count + b.lost_count, 0);
	store_user_close(&a);
	store_user_close(&b);
}

/* What is in the WAL only. */
static void
put_into_database(void)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(store_file(""), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
			     "SELECT * FROM meta;"
			     "PRAGMA wal_checkpoint(TRUNCATE)",
			     NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_close(db);
}

static void
copy_file(const char *from, const char *to)
{
	char command[300];

	snprintf(command, sizeof(command), "cp -p %s %s", from, to);
	assert_int_equal(system(command), 0);
}

static void
test_a_replaced_database_is_followed(void **state)
{
	struct store_user a, b;
	uint64_t          last;
	char              aside[128];

	(void)state;
	snprintf(aside, sizeof(aside), "%s/aside", store_dir);
	/* An older copy of the same log, with its first update. */
	store_user_open(&a, NULL);
	store_user_keep(&a, "a", "0");
	store_user_close(&a);
	put_into_database();
	copy_file(store_file(""), aside);
	store_user_open(&a, NULL);
	store_user_open(&b, NULL);
	store_user_tail(&a, 0, NULL);
	store_user_tail(&b, 0, NULL);
	last = store_user_keep(&a, "a", "1");
	store_wait(a.got_count == 2 && b.got_count == 2);
	assert_int_equal(rename(aside, store_file("")), 0);
	assert_true(store_user_keep(&a, "a", "2") > last);
	store_wait(a.got_count == 3 && b.got_count == 3);
	assert_int_equal(a.lost_count, 1);
	store_user_assert_got(&a, "0 1 2");
	store_user_assert_got(&b, "0 1 2");
	store_user_close(&a);
	store_user_close(&b);
	assert_log_holds("0 2");
}

/* What is handed over is what was published, and publishing works. */
static void
assert_survives(void)
{
	struct store_user user;
	char              text[300];

	store_user_open(&user, NULL);
	user.may_go_back = true;
	store_user_tail(&user, 0, NULL);
	store_user_settle(&user);
	for (size_t i = 0; i < user.got_count; i++) {
		int number = atoi(user.got[i].bytes + 6);

		snprintf(text, sizeof(text), "data: %d %0200d\n\n", number,
		    number);
		assert_string_equal(user.got[i].bytes, text);
		assert_string_equal(user.got[i].topics, "a");
	}
	store_user_forget(&user);
	store_user_keep(&user, "a", "end");
	store_wait(user.got_count == 1);
	store_user_assert_got(&user, "end");
	store_user_close(&user);
}

/* Publishes an update of a mebibyte. */
static void
keep_much(struct store_user *user)
{
	static char        bytes[1 << 20];
	const char        *topic = "much";
	struct sent_update sent = { 0 };
	struct update      update = { .topics = &topic,
		     .topic_count = 1,
		     .bytes = bytes,
		     .len_bytes = sizeof(bytes) };

	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "data: ", 6);
	memcpy(bytes + sizeof(bytes) - 2, "\n\n", 2);
	store_user_send_as(user, &sent, &update, NULL);
	store_wait(sent.is_done);
	assert_int_equal(sent.receipt.result, STORE_KEPT);
}

static off_t
wal_bytes(void)
{
	struct stat status;

	assert_int_equal(stat(store_file("-wal"), &status), 0);
	return status.st_size;
}

/* A tool that reads for long: nobody waits for it, and the room comes back. */
static void
test_a_reader_that_is_stuck(void **state)
{
	struct store_user user;
	sqlite3          *tool;
	int               count;

	(void)state;
	store_user_open(&user, NULL);
	store_user_keep(&user, "a", "1");
	assert_int_equal(sqlite3_open(store_file(""), &tool), SQLITE_OK);
	assert_int_equal(sqlite3_exec(tool, "BEGIN; SELECT count(*) FROM log",
			     NULL, NULL, NULL),
	    SQLITE_OK);
	for (count = 0; count < 24; count++)
		keep_much(&user);
	assert_true(wal_bytes() > WAL_BYTES_MAX);
	sqlite3_close(tool);
	for (count = 0; wal_bytes() > WAL_BYTES_MAX; count++) {
		assert_true(count < 24);
		keep_much(&user);
	}
	store_user_keep(&user, "a", "2");
	store_user_tail(&user, 0, "a");
	store_user_settle(&user);
	store_user_assert_got(&user, "1 2");
	store_user_close(&user);
}

static void
test_random_bytes_in_the_pages(void **state)
{
	unsigned char noise[64];
	struct stat   status;
	int           fd, found_count = 0;

	(void)state;
	for (unsigned seed = 1; seed <= 24; seed++) {
		store_fill(600);
		if (seed % 4 != 0)
			put_into_database();
		srandom(seed);
		fd = open(store_file(seed % 4 == 0 ? "-wal" : ""), O_WRONLY);
		assert_int_equal(fstat(fd, &status), 0);
		assert_true(fd != -1);
		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (unsigned char)random();
		/* Of the head, what says whose the file is stays. */
		for (int i = 0; i < 40; i++)
			assert_int_equal(pwrite(fd, noise, sizeof(noise),
					     100 +
						 random() %
						     (status.st_size - 200)),
			    sizeof(noise));
		close(fd);
		assert_survives();
		found_count += store_corrupt_count();
		store_tear_down(state);
		store_set_up(state);
	}
	assert_true(found_count >= 10);
}

/* All pages but the first kibibyte. */
static void
damage(void)
{
	unsigned char noise[1024];
	int           fd = open(store_file(""), O_WRONLY);

	memset(noise, 0xa5, sizeof(noise));
	for (int i = 1; i < 600; i++)
		assert_int_equal(pwrite(fd, noise, sizeof(noise), i * 1024L),
		    sizeof(noise));
	close(fd);
}

static void
test_damage_while_it_is_open(void **state)
{
	struct store_user user;

	(void)state;
	store_fill(2000);
	store_user_open(&user, NULL);
	user.may_go_back = true;
	damage();
	store_user_tail(&user, 0, NULL);
	store_wait(user.lost_count > 0);
	store_user_settle(&user);
	store_user_forget(&user);
	store_user_keep(&user, "a", "end");
	store_wait(user.got_count == 1);
	assert_int_equal(store_corrupt_count(), 1);
	store_user_close(&user);
}

/* Damage is found in a file that is another when the writer has its turn. */
static void
test_damage_in_a_file_that_was_replaced(void **state)
{
	struct store_user user;
	char              aside[128];
	int               fd;

	(void)state;
	store_fill(2000);
	put_into_database();
	snprintf(aside, sizeof(aside), "%s/aside", store_dir);
	copy_file(store_file(""), aside);
	store_user_open(&user, NULL);
	user.may_go_back = true;
	damage();
	fd = files_open_private(store_file("-lock"), false);
	assert_int_equal(file_lock_take(fd, LOCK_BYTE, 1000), 0);
	store_user_tail(&user, 0, NULL);
	store_turn_for(200);
	assert_int_equal(rename(aside, store_file("")), 0);
	file_lock_release(fd, LOCK_BYTE);
	close(fd);
	store_user_settle(&user);
	store_user_keep(&user, "a", "end");
	assert_int_equal(store_corrupt_count(), 0);
	store_user_close(&user);
}

static void
test_a_database_that_was_cut(void **state)
{
	static const long sizes[] = { 0, 1, 50, 100, 1024, 5000, 70000 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		store_fill(2000);
		assert_int_equal(truncate(store_file(""), sizes[i]), 0);
		if (sizes[i] > 0 && sizes[i] < 100)
			store_assert_refused("not a store");
		else
			assert_survives();
		store_tear_down(state);
		store_set_up(state);
	}
}

static void
test_a_foreign_file_in_its_place(void **state)
{
	struct store_user  user;
	struct sent_update sent = { 0 };
	struct stat        status;
	FILE              *stream;

	(void)state;
	store_user_open(&user, NULL);
	user.may_go_back = true;
	store_user_tail(&user, 0, NULL);
	store_user_keep(&user, "a", "1");
	store_wait(user.got_count == 1);
	store_remove_file("");
	stream = fopen(store_file(""), "w");
	for (int i = 0; i < 100; i++)
		fputs("this is somebody's letter\n", stream);
	fclose(stream);
	chmod(store_file(""), 0600);
	store_user_send(&user, &sent, "a", "2");
	store_wait(sent.is_done);
	assert_int_equal(sent.receipt.result, STORE_NOT_KEPT);
	assert_string_equal(sent.why, "the file is not a store of fcgi-sse");
	store_wait(user.state == STORE_DOWN);
	assert_true(store_user_health(&user).down_ms > 0);
	assert_int_equal(stat(store_file(""), &status), 0);
	assert_int_equal(status.st_size, 2600);
	store_remove_file("");
	store_wait(user.state == STORE_UP);
	store_user_keep(&user, "a", "3");
	store_wait(user.got_count == 2);
	store_user_close(&user);
}

/* A process that was stopped in the midst of a commit. */
static void
test_a_lock_that_is_held(void **state)
{
	struct store_user  user;
	struct sent_update sent[3] = { 0 };
	int                fd;

	(void)state;
	store_user_open(&user, NULL);
	store_user_tail(&user, 0, NULL);
	store_user_keep(&user, "a", "1");
	/* The file that counts is that of the name. */
	store_remove_file("-lock");
	fd = files_open_private(store_file("-lock"), true);
	assert_int_equal(file_lock_take(fd, LOCK_BYTE, 1000), 0);
	store_user_send(&user, &sent[0], "a", "2");
	store_turn_for(50);
	store_user_send(&user, &sent[1], "a", "3");
	assert_false(sent[0].is_done);
	store_wait(sent[0].is_done && sent[1].is_done);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sent[i].receipt.result, STORE_NOT_KEPT);
		assert_int_equal(sent[i].receipt.retry_after_s, 1);
		assert_string_equal(sent[i].why,
		    "another process holds the store");
	}
	store_wait(user.state == STORE_DOWN);
	file_lock_release(fd, LOCK_BYTE);
	close(fd);
	store_user_send(&user, &sent[2], "a", "4");
	store_wait(sent[2].is_done);
	assert_int_equal(sent[2].receipt.result, STORE_KEPT);
	store_wait(user.state == STORE_UP && user.got_count == 2);
	store_user_assert_got(&user, "1 4");
	store_user_close(&user);
}

/* A writer that had nothing to append has handed nothing over. */
static void
test_what_was_not_read_is_not_passed_over(void **state)
{
	struct store_user   user;
	struct found_update found = { 0 };
	struct sent_update  sent[2] = { 0 };
	int                 fd;

	(void)state;
	store_user_open(&user, NULL);
	store_user_tail(&user, 0, NULL);
	store_user_settle(&user);
	store_hold(user.store, true);
	store_user_keep(&user, "a", "1");
	store_remove_file("-lock");
	fd = files_open_private(store_file("-lock"), true);
	assert_int_equal(file_lock_take(fd, LOCK_BYTE, 1000), 0);
	store_user_send(&user, &sent[0], "a", "2");
	store_turn_for(50);
	store_user_send(&user, &sent[1], "a", "3");
	/* Its reader notices the new file, so the writer is to look as well. */
	store_user_find(&user, &found, "x", NULL);
	store_turn_for(50);
	store_hold(user.store, false);
	store_wait(sent[0].is_done);
	file_lock_release(fd, LOCK_BYTE);
	close(fd);
	store_wait(sent[1].is_done && found.is_done && user.got_count == 1);
	store_user_assert_got(&user, "1");
	store_user_close(&user);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_a_deleted_database_begins_anew),
		STORE_TEST(test_all_files_deleted),
		STORE_TEST(test_readers_notice_new_files),
		STORE_TEST(test_a_deleted_wal_is_saved),
		STORE_TEST(test_other_files_deleted_lose_nothing),
		STORE_TEST(test_a_bell_that_was_cut),
		STORE_TEST(test_a_replaced_database_is_followed),
		STORE_TEST(test_a_reader_that_is_stuck),
		STORE_TEST(test_random_bytes_in_the_pages),
		STORE_TEST(test_damage_while_it_is_open),
		STORE_TEST(test_damage_in_a_file_that_was_replaced),
		STORE_TEST(test_a_database_that_was_cut),
		STORE_TEST(test_a_foreign_file_in_its_place),
		STORE_TEST(test_a_lock_that_is_held),
		STORE_TEST(test_what_was_not_read_is_not_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
