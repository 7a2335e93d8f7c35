/*
 * A store looks at the folder rather than at each file, once nothing has
 * changed there for a while.
 */

#include "store_fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/files.h"

/* Times of changes are trusted after this. */
#define SETTLED_MS 3100

/* A look at the folder, as if at that time. */
static struct files_look
look_at(const struct files *files, time_t after_s)
{
	struct files_look look;

	files_look(files, &look);
	look.at.tv_sec = look.changed.tv_sec + after_s;
	return look;
}

static void
put_file(const char *suffix)
{
	FILE *file = fopen(store_file(suffix), "w");

	assert_non_null(file);
	fclose(file);
}

static void
test_a_look_tells_of_each_change(void **state)
{
	struct files      files;
	struct files_look before, now;
	char              error[256];

	(void)state;
	assert_int_equal(files_init(&files, store_file(""), error,
			     sizeof(error)),
	    0);
	put_file("-wal");
	before = look_at(&files, 10);
	now = look_at(&files, 11);
	assert_true(files_have_stayed(&before, &now));
	put_file("-wal");
	now = look_at(&files, 11);
	assert_true(files_have_stayed(&before, &now));
	/* The clock that times are taken from has a tick. */
	store_turn_for(20);
	unlink(store_file("-wal"));
	now = look_at(&files, 11);
	assert_false(files_have_stayed(&before, &now));
	before = look_at(&files, 10);
	store_turn_for(20);
	put_file("-lock");
	now = look_at(&files, 11);
	assert_false(files_have_stayed(&before, &now));
	before = look_at(&files, 10);
	store_turn_for(20);
	rename(store_file("-lock"), store_file("-bell"));
	now = look_at(&files, 11);
	assert_false(files_have_stayed(&before, &now));
	files_deinit(&files);
}

static void
test_a_look_holds_for_a_while(void **state)
{
	struct files      files;
	struct files_look before, now, none = { 0 };
	char              error[256];

	(void)state;
	assert_int_equal(files_init(&files, store_file(""), error,
			     sizeof(error)),
	    0);
	before = look_at(&files, 10);
	now = look_at(&files, 12);
	assert_false(files_have_stayed(&before, &now));
	/* The clock was put back. */
	now = look_at(&files, 9);
	assert_false(files_have_stayed(&before, &now));
	/* Another change may have the same time. */
	before = look_at(&files, 1);
	now = look_at(&files, 2);
	assert_false(files_have_stayed(&before, &now));
	/* There is no folder. */
	assert_false(files_have_stayed(&none, &none));
	files_deinit(&files);
}

static void
test_a_database_deleted_later_on(void **state)
{
	struct store_user a, b;

	(void)state;
	store_user_open(&a, NULL);
	store_user_open(&b, NULL);
	a.may_go_back = b.may_go_back = true;
	store_user_tail(&a, 0, NULL);
	store_user_tail(&b, 0, NULL);
	store_user_settle(&a);
	store_user_settle(&b);
	store_turn_for(SETTLED_MS);
	store_user_keep(&a, "a", "1");
	store_user_keep(&a, "a", "2");
	store_wait(a.got_count == 2 && b.got_count == 2);
	assert_int_equal(a.lost_count, 0);
	store_remove_file("");
	store_user_keep(&a, "a", "3");
	store_wait(a.got_count == 3 && b.got_count == 3);
	assert_int_equal(a.lost_count, 1);
	store_user_close(&a);
	store_user_close(&b);
	/* It is in the file that has the name. */
	store_user_open(&a, NULL);
	store_user_tail(&a, 0, NULL);
	store_user_settle(&a);
	store_user_assert_got(&a, "3");
	store_user_close(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_a_look_tells_of_each_change),
		STORE_TEST(test_a_look_holds_for_a_while),
		STORE_TEST(test_a_database_deleted_later_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
