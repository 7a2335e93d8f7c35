/* Files, folders and URLs that are no store of ours: one line, no change. */

#include "store/files.h"
#include "store_fixture.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the next look at a file system says it is; 0: what it is. */
static long pretended_magic;

/* In place of the C library's. */
int
statfs(const char *path, struct statfs *status)
{
	int result = (int)syscall(SYS_statfs, path, status);

	if (result == 0 && pretended_magic != 0)
		status->f_type = pretended_magic;
	return result;
}

static void
test_a_foreign_file_is_left_alone(void **state)
{
	struct stat before, after;
	FILE       *stream;
	sqlite3    *db;

	(void)state;
	stream = fopen(store_file(""), "w");
	for (int i = 0; i < 100; i++)
		fputs("this is somebody's letter\n", stream);
	fclose(stream);
	chmod(store_file(""), 0600);
	assert_int_equal(stat(store_file(""), &before), 0);
	store_assert_refused("not a store");
	assert_int_equal(stat(store_file(""), &after), 0);
	assert_int_equal(after.st_ino, before.st_ino);
	assert_int_equal(after.st_size, before.st_size);
	assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
	store_remove_file("");

	assert_int_equal(sqlite3_open(store_file(""), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
			     "PRAGMA journal_mode = WAL; CREATE TABLE t (a)",
			     NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_close(db);
	chmod(store_file(""), 0600);
	assert_int_equal(stat(store_file(""), &before), 0);
	store_assert_refused("not a store");
	assert_int_equal(stat(store_file(""), &after), 0);
	assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
	assert_int_equal(stat(store_file("-wal"), &after), -1);
}

static void
test_a_later_version_is_left_alone(void **state)
{
	sqlite3 *db;

	(void)state;
	store_fill(1);
	assert_int_equal(sqlite3_open(store_file(""), &db), SQLITE_OK);
	sqlite3_exec(db, "PRAGMA user_version = 2", NULL, NULL, NULL);
	sqlite3_close(db);
	store_assert_refused("later version");
	assert_int_equal(store_corrupt_count(), 0);
}

static void
test_files_that_are_refused(void **state)
{
	char other[128];

	(void)state;
	snprintf(other, sizeof(other), "%s/other", store_dir);
	assert_int_equal(symlink(other, store_file("")), 0);
	store_assert_refused("symbolic link");
	store_remove_file("");
	assert_int_equal(symlink(other, store_file("-bell")), 0);
	store_assert_refused("symbolic link");
	store_remove_file("-bell");
	assert_int_equal(mkfifo(store_file(""), 0600), 0);
	store_assert_refused("is not a file");
	store_remove_file("");
	store_fill(1);
	chmod(store_file(""), 0660);
	store_assert_refused("chmod 600");
	chmod(store_file(""), 0600);
	if (geteuid() == 0) {
		assert_int_equal(chown(store_file("-wal"), 65534, 65534), 0);
		store_assert_refused("belongs to user 65534");
	}
}

static void
test_modes_of_what_is_made(void **state)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-lock",
		"-bell" };
	struct stat              status;
	mode_t                   before = umask(0);

	(void)state;
	store_fill(1);
	umask(before);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(stat(store_file(suffixes[i]), &status), 0);
		assert_int_equal(status.st_mode & 07777, 0600);
	}
	assert_int_equal(stat(store_file("-new"), &status), -1);
}

static void
test_urls_that_are_refused(void **state)
{
	static const char *const parts[][2] = {
		{ "sqlite:", "names no file" },
		{ "sqlite:?sync=full", "names no file" },
		{ "sqlite:/", "names no file" },
		{ "sqlite:/x?sync=off", "sync=normal" },
		{ "sqlite:/nowhere/to/be/found", "No such file" },
		{ "nosuch:x", "\"nosuch\" is no kind" },
		{ "", "\"\" is no kind" },
	};
	struct store_options options = { .url = NULL };
	struct store_reader  reader = { .arg = NULL };
	char                 error[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		options.url = parts[i][0];
		assert_null(store_open(&store_loop, &options, &reader, error,
		    sizeof(error)));
		if (strstr(error, parts[i][1]) == NULL)
			fail_msg("%s: %s", parts[i][0], error);
	}
}

static void
test_a_network_is_refused(void **state)
{
	static const long magics[] = { 0x6969, 0x517b, 0xff534d42, 0xfe534d42,
		0xc36400, 0x01021997, 0x65735546 };

	(void)state;
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		pretended_magic = magics[i];
		store_assert_refused("redis://HOST");
	}
	pretended_magic = 0;
	store_fill(1);
}

/* As another user, who may not write there: one line, and no file is left. */
static void
test_a_folder_of_all_users(void **state)
{
	static const struct {
		mode_t mode;
		bool   is_refused;
	} cases[] = { { 0777, true }, { 0703, true }, { 01777, false },
		{ 0775, false }, { 0700, false } };
	char error[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct files files;

		assert_int_equal(chmod(store_dir, cases[i].mode), 0);
		assert_int_equal(files_init(&files,
				     store_url + strlen("sqlite:"), error,
				     sizeof(error)),
		    cases[i].is_refused ? -1 : 0);
		if (cases[i].is_refused)
			assert_non_null(strstr(error, "chmod o-w"));
		files_deinit(&files);
	}
}

static void
test_a_folder_that_cannot_be_written(void **state)
{
	struct stat status;
	int         result;
	pid_t       pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(store_dir, 0555), 0);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		struct store_options options = store_options_of(store_url);
		struct store_reader  reader = { .arg = NULL };
		char                 error[1024] = "";

		if (setgid(65534) != 0 || setuid(65534) != 0)
			_exit(2);
		_exit(store_open(&store_loop, &options, &reader, error,
			  sizeof(error)) != NULL ||
		    strstr(error, "user 65534 may not write in") == NULL ||
		    strstr(error, "mode 0555") == NULL);
	}
	assert_int_equal(waitpid(pid, &result, 0), pid);
	assert_int_equal(result, 0);
	assert_int_equal(stat(store_file("-lock"), &status), -1);
	assert_int_equal(chmod(store_dir, 0700), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_a_foreign_file_is_left_alone),
		STORE_TEST(test_a_later_version_is_left_alone),
		STORE_TEST(test_files_that_are_refused),
		STORE_TEST(test_modes_of_what_is_made),
		STORE_TEST(test_urls_that_are_refused),
		STORE_TEST(test_a_network_is_refused),
		STORE_TEST(test_a_folder_of_all_users),
		STORE_TEST(test_a_folder_that_cannot_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
