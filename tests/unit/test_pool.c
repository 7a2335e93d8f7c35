#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "edge/pool.h"

static struct pool       pool;
static struct pool_share shares[4];

static int
set_up(void **state)
{
	(void)state;
	pool_init(&pool);
	pool_set_limits(&pool, 20000, 100000);
	for (size_t i = 0; i < 4; i++)
		pool_share_init(&shares[i]);
	return 0;
}

static void
test_what_is_held_is_counted(void **state)
{
	(void)state;
	pool_hold(&pool, &shares[0], 5000);
	pool_hold(&pool, &shares[1], POOL_SMALL_BYTES);
	pool_hold(&pool, &shares[2], POOL_SMALL_BYTES + 1);
	assert_int_equal(pool.small.bytes, 5000 + POOL_SMALL_BYTES);
	assert_int_equal(pool.large.bytes, POOL_SMALL_BYTES + 1);
	/* A request that grows moves to the other half. */
	pool_hold(&pool, &shares[0], 50000);
	assert_int_equal(pool.small.bytes, POOL_SMALL_BYTES);
	assert_int_equal(pool.large.bytes, 50000 + POOL_SMALL_BYTES + 1);
	assert_int_equal(pool.bytes, 50001 + 2 * POOL_SMALL_BYTES);
	for (size_t i = 0; i < 4; i++)
		pool_hold(&pool, &shares[i], 0);
	assert_int_equal(pool.bytes, 0);
	assert_true(list_is_empty(&pool.small.shares));
	assert_true(list_is_empty(&pool.large.shares));
}

static void
test_bodies_leave_the_small_ones_theirs(void **state)
{
	(void)state;
	pool_hold(&pool, &shares[0], 100000);
	assert_false(pool_has(&pool, &shares[1], 10000));
	assert_true(pool_has(&pool, &shares[1], POOL_SMALL_BYTES));
	/* A share's own bytes are not counted against it. */
	assert_true(pool_has(&pool, &shares[0], 100000));
	assert_false(pool_has(&pool, &shares[0], 100001));
	pool_hold(&pool, &shares[1], 8000);
	pool_hold(&pool, &shares[2], 8000);
	assert_false(pool_has(&pool, &shares[3], 8000));
	assert_true(pool_has(&pool, &shares[3], 4000));
}

static void
test_the_largest_makes_room(void **state)
{
	(void)state;
	pool_hold(&pool, &shares[0], 20000);
	pool_hold(&pool, &shares[1], 50000);
	pool_hold(&pool, &shares[2], 30000);
	assert_ptr_equal(pool_victim(&pool, &shares[3], 10000), &shares[1]);
	assert_ptr_equal(pool_victim(&pool, &shares[3], 50000), &shares[1]);
	/* Nobody has to for a larger one. */
	assert_null(pool_victim(&pool, &shares[3], 50001));
	assert_null(pool_victim(&pool, &shares[1], 60000));
	assert_ptr_equal(pool_victim(&pool, &shares[1], 25000), &shares[2]);
	/* And no body for a small one. */
	assert_null(pool_victim(&pool, &shares[3], 100));
}

/* Many requests of one client are not to outweigh a larger one of another. */
static void
test_the_client_that_holds_most_makes_room(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		pool_own(&pool, &shares[i], "192.0.2.1");
		pool_hold(&pool, &shares[i], 20000 + 1000 * i);
	}
	pool_own(&pool, &shares[3], "192.0.2.2");
	assert_ptr_equal(pool_victim(&pool, &shares[3], 60000), &shares[2]);
	assert_null(pool_victim(&pool, &shares[3], 70000));
	pool_hold(&pool, &shares[3], 60000);
	/* Its own are to make room for one another as before. */
	assert_ptr_equal(pool_victim(&pool, &shares[0], 21000), &shares[2]);
	assert_null(pool_victim(&pool, &shares[0], 25000));
	/* An IPv6 network is one, and what holds nothing is nobody's. */
	pool_hold(&pool, &shares[2], 0);
	assert_ptr_equal(pool_victim(&pool, &shares[2], 10000), &shares[3]);
	pool_own(&pool, &shares[2], "2001:db8::1");
	pool_own(&pool, &shares[3], "2001:db8::2");
	assert_null(pool_victim(&pool, &shares[2], 70000));
	assert_ptr_equal(pool_victim(&pool, &shares[0], 10000), &shares[3]);
	for (size_t i = 0; i < 4; i++)
		pool_hold(&pool, &shares[i], 0);
	assert_null(pool.clients);
}

#define POOL_TEST(name) cmocka_unit_test_setup(name, set_up)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(test_what_is_held_is_counted),
		POOL_TEST(test_bodies_leave_the_small_ones_theirs),
		POOL_TEST(test_the_largest_makes_room),
		POOL_TEST(test_the_client_that_holds_most_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
