/*
 * Rows of a log in SQLite that are whole, and that no program of ours writes:
 * whoever may write to the file can write anything. They are passed over, and
 * nothing else is.
 */

#include "store_fixture.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "pure/hash.h"

#define TEXT(literal) literal, sizeof(literal) - 1
#define EVENT "data: x\n\n"

struct forged {
	const char *topics; /* each with its NUL */
	size_t      topics_bytes;
	const char *bytes;
	size_t      len_bytes;
	const char *id; /* NULL: none */
};

static void
execute(sqlite3 *db, const char *sql)
{
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static sqlite3 *
open_log(void)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(store_file(""), &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	execute(db, "BEGIN IMMEDIATE");
	return db;
}

static void
close_log(sqlite3 *db)
{
	execute(db, "COMMIT");
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int64_t
newest(sqlite3 *db)
{
	sqlite3_stmt *find;
	int64_t       position;

	sqlite3_prepare_v2(db, "SELECT newest FROM meta", -1, &find, NULL);
	assert_int_equal(sqlite3_step(find), SQLITE_ROW);
	position = sqlite3_column_int64(find, 0);
	sqlite3_finalize(find);
	return position;
}

static int64_t
sum_of(const struct forged *forged, int64_t position)
{
	const unsigned char private = 0;
	uint64_t hash;

	hash = hash_bytes(HASH_START, &position, sizeof(position));
	hash = hash_bytes(hash, &private, 1);
	if (forged->id != NULL)
		hash = hash_bytes(hash, forged->id, strlen(forged->id) + 1);
	hash = hash_bytes(hash, forged->topics, forged->topics_bytes);
	return (int64_t)hash_bytes(hash, forged->bytes, forged->len_bytes);
}

/* Found under the topic "a", whatever it says itself. */
static void
insert(sqlite3 *db, const struct forged *forged, int64_t position)
{
	sqlite3_stmt *row, *topic;

	sqlite3_prepare_v2(db, "INSERT INTO log VALUES (?, ?, 0, ?, ?, ?)", -1,
	    &row, NULL);
	sqlite3_bind_int64(row, 1, position);
	if (forged->id != NULL)
		sqlite3_bind_blob(row, 2, forged->id, (int)strlen(forged->id),
		    SQLITE_STATIC);
	sqlite3_bind_blob(row, 3, forged->topics, (int)forged->topics_bytes,
	    SQLITE_STATIC);
	sqlite3_bind_int64(row, 4, sum_of(forged, position));
	sqlite3_bind_blob(row, 5, forged->bytes, (int)forged->len_bytes,
	    SQLITE_STATIC);
	assert_int_equal(sqlite3_step(row), SQLITE_DONE);
	sqlite3_finalize(row);
	sqlite3_prepare_v2(db, "INSERT INTO topic VALUES (?, ?)", -1, &topic,
	    NULL);
	sqlite3_bind_int64(topic, 1, (int64_t)hash_bytes(HASH_START, "a", 1));
	sqlite3_bind_int64(topic, 2, position);
	assert_int_equal(sqlite3_step(topic), SQLITE_DONE);
	sqlite3_finalize(topic);
}

/* The next one in the log. */
static void
append(sqlite3 *db, const struct forged *forged)
{
	insert(db, forged, newest(db) + 1);
	execute(db,
	    "UPDATE meta SET newest = newest + 1,"
	    " update_count = update_count + 1");
}

/* All that is there, and what is there of "a". */
static void
assert_log_holds(const char *texts, const char *texts_of_a)
{
	struct store_user user;

	store_user_open(&user, NULL);
	store_user_tail(&user, 0, NULL);
	store_user_settle(&user);
	store_user_assert_got(&user, texts);
	store_user_tail(&user, 0, "a");
	store_user_settle(&user);
	store_user_assert_got(&user, texts_of_a);
	assert_int_equal(user.lost_count, 0);
	store_user_close(&user);
}

static void
test_what_is_no_update_is_passed_over(void **state)
{
	static const struct forged all[] = {
		{ TEXT("a\0a\0"), TEXT(EVENT), NULL },
		{ TEXT("a\0b\0a\0"), TEXT(EVENT), NULL },
		{ TEXT("\0"), TEXT(EVENT), NULL },
		{ TEXT("a\0\0"), TEXT(EVENT), NULL },
		{ TEXT("a\n\0"), TEXT(EVENT), NULL },
		{ TEXT("\xc0\xaf\0"), TEXT(EVENT), NULL },
		{ TEXT("\xed\xa0\x80\0"), TEXT(EVENT), NULL },
		{ TEXT("a\0"), TEXT(""), NULL },
		{ TEXT("a\0"), TEXT("\n"), NULL },
		{ TEXT("a\0"), TEXT("data: x"), NULL },
		{ TEXT("a\0"), TEXT("data: x\n"), NULL },
		{ TEXT("a\0"), TEXT(EVENT), "" },
		{ TEXT("a\0"), TEXT(EVENT), "1\ndata: 2" },
		{ TEXT("a\0"), TEXT(EVENT), "1\r" },
		{ TEXT("a\0"), TEXT(EVENT), "\xff" },
	};
	const size_t        count = sizeof(all) / sizeof(all[0]);
	struct store_user   user;
	struct found_update found;
	sqlite3            *db;

	(void)state;
	store_user_open(&user, NULL);
	store_user_tail(&user, 0, NULL);
	store_user_settle(&user);
	store_user_keep(&user, "a", "1");
	db = open_log();
	for (size_t i = 0; i < count; i++)
		append(db, &all[i]);
	close_log(db);
	store_user_keep(&user, "b", "2");
	store_user_keep(&user, "a", "3");
	store_wait(user.got_count == 3);
	store_user_assert_got(&user, "1 2 3");
	store_user_find(&user, &found, "\xff", "a");
	store_wait(found.is_done);
	assert_int_equal(found.position, 0);
	assert_int_equal(user.lost_count, 0);
	store_user_close(&user);
	assert_log_holds("1 2 3", "1 3");
	assert_int_equal(store_corrupt_count(), 0);
}

/* Updates with as many topics as there may be, and with one more. */
static void
test_updates_of_very_many_topics(void **state)
{
	char              topics[(UPDATE_TOPICS_MAX + 1) * 8];
	struct forged     forged = { topics, 0, TEXT(EVENT), NULL };
	struct store_user user;
	sqlite3          *db;

	(void)state;
	store_user_open(&user, NULL);
	store_user_tail(&user, 0, NULL);
	store_user_settle(&user);
	for (int i = 0; i < UPDATE_TOPICS_MAX; i++) {
		forged.topics_bytes +=
		    (size_t)snprintf(topics + forged.topics_bytes, 8, "%d", i) +
		    1;
	}
	store_user_keep(&user, "b", "1");
	db = open_log();
	append(db, &forged);
	memcpy(topics + forged.topics_bytes, "last", 5);
	forged.topics_bytes += 5;
	append(db, &forged);
	close_log(db);
	store_user_keep(&user, "b", "2");
	store_wait(user.got_count == 3);
	store_user_assert_got(&user, "1 x 2");
	store_user_close(&user);
}

/* More of them than a page has, before and between updates of the topic. */
static void
test_very_many_are_passed_over(void **state)
{
	static const struct forged bad = { TEXT("a\0a\0"), TEXT(EVENT), NULL };
	struct store_user          user;
	sqlite3                   *db;

	(void)state;
	store_user_open(&user, NULL);
	store_user_keep(&user, "b", "1");
	db = open_log();
	for (int i = 0; i < 5000; i++)
		append(db, &bad);
	close_log(db);
	store_user_keep(&user, "a", "2");
	store_user_close(&user);
	assert_log_holds("1 2", "2");
}

/* Rows where no update can stand: those that are appended are handed over. */
static void
test_positions_that_cannot_be(void **state)
{
	static const struct forged good = { TEXT("a\0"), TEXT(EVENT), NULL };
	struct store_user          user;
	sqlite3                   *db;

	(void)state;
	store_user_open(&user, NULL);
	store_user_tail(&user, 0, NULL);
	store_user_settle(&user);
	store_user_keep(&user, "a", "1");
	db = open_log();
	insert(db, &good, -1);
	insert(db, &good, 0);
	insert(db, &good, newest(db) + (INT64_C(1) << 40));
	insert(db, &good, INT64_MAX);
	close_log(db);
	store_user_keep(&user, "a", "2");
	store_user_keep(&user, "b", "3");
	store_wait(user.got_count == 3);
	store_user_assert_got(&user, "1 2 3");
	assert_int_equal(user.lost_count, 0);
	store_user_close(&user);
	assert_log_holds("1 2 3", "1 2");
}

/* They keep nothing in the log that is too old. */
static void
test_positions_that_cannot_be_are_no_oldest(void **state)
{
	static const struct forged good = { TEXT("a\0"), TEXT(EVENT), NULL };
	struct store_options       options = store_options_of(NULL);
	struct store_user          user;
	sqlite3                   *db;

	(void)state;
	options.age_ms = 60000;
	options.wall_ms = store_hand_wall_ms;
	store_hand_ms = INT64_C(1700000000000);
	store_user_open(&user, &options);
	store_user_keep(&user, "a", "1");
	db = open_log();
	insert(db, &good, -1);
	insert(db, &good, 0);
	insert(db, &good, INT64_MAX);
	close_log(db);
	store_hand_ms += 120000;
	store_user_keep(&user, "a", "2");
	store_wait(store_user_health(&user).update_count == 1);
	store_user_close(&user);
	store_hand_ms = 0;
	assert_log_holds("2", "2");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_what_is_no_update_is_passed_over),
		STORE_TEST(test_updates_of_very_many_topics),
		STORE_TEST(test_very_many_are_passed_over),
		STORE_TEST(test_positions_that_cannot_be),
		STORE_TEST(test_positions_that_cannot_be_are_no_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
