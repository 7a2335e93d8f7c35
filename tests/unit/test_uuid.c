/* UUIDs of version 7: RFC 9562 section 5.7, and its example in A.6. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "pure/uuid.h"

static void
assert_urn(int64_t unix_ms, const char *random_bytes, const char *urn)
{
	char out[UUID_URN_BYTES];

	memset(out, 'x', sizeof(out));
	uuid_print_urn(out, unix_ms, (const uint8_t *)random_bytes);
	assert_string_equal(out, urn);
	assert_int_equal(strlen(out), UUID_URN_BYTES - 1);
}

static void
test_example_of_the_standard(void **state)
{
	(void)state;
	assert_urn(0x017f22e279b0, "\x0c\xc3\x18\xc4\xdc\x0c\x0c\x07\x39\x8f",
	    "urn:uuid:017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

static void
test_version_and_variant_whatever_is_random(void **state)
{
	(void)state;
	assert_urn(0, "\0\0\0\0\0\0\0\0\0\0",
	    "urn:uuid:00000000-0000-7000-8000-000000000000");
	assert_urn(0, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	    "urn:uuid:00000000-0000-7fff-bfff-ffffffffffff");
	assert_urn(0xffffffffffff, "\0\0\0\0\0\0\0\0\0\0",
	    "urn:uuid:ffffffff-ffff-7000-8000-000000000000");
}

static void
test_later_ones_sort_behind(void **state)
{
	char    before[UUID_URN_BYTES], after[UUID_URN_BYTES];
	uint8_t high[10], low[10] = { 0 };

	(void)state;
	memset(high, 0xff, sizeof(high));
	for (int64_t unix_ms = 1; unix_ms < INT64_C(1) << 47; unix_ms *= 3) {
		uuid_print_urn(before, unix_ms, high);
		uuid_print_urn(after, unix_ms + 1, low);
		assert_true(strcmp(before, after) < 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example_of_the_standard),
		cmocka_unit_test(test_version_and_variant_whatever_is_random),
		cmocka_unit_test(test_later_ones_sort_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
