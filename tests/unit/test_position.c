/* Positions in the log, and the ids that hold them: RFC 9562 section 5.7. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "pure/position.h"

#define TAG UINT64_C(0x2ab54a952a5540)

static void
assert_found(const char *id, uint64_t tag, uint64_t position)
{
	uint64_t found = 1;

	assert_true(position_from_id(id, strlen(id), tag, &found));
	assert_int_equal(found, position);
}

static void
assert_none(const char *id, uint64_t tag)
{
	uint64_t found = 77;

	assert_false(position_from_id(id, strlen(id), tag, &found));
	assert_int_equal(found, 77);
}

static void
test_rises_whatever_the_clock_does(void **state)
{
	uint64_t last;

	(void)state;
	last = position_next(0, 1000);
	assert_int_equal(last, 1000 << 20);
	assert_int_equal(position_next(last, 1000), last + 1);
	assert_int_equal(position_next(last, 999), last + 1);
	assert_int_equal(position_next(last, -5), last + 1);
	assert_int_equal(position_next(last, 1001), 1001 << 20);
	assert_int_equal(position_ms(position_next(last, 1001)), 1001);
	assert_int_equal(position_next(0, 0), 1);
}

static void
test_id_holds_position_and_tag(void **state)
{
	char     id[POSITION_ID_BYTES];
	uint64_t position = UINT64_C(0x017f22e279b) << 20 | 0xabcde;

	(void)state;
	position_to_id(position, TAG, id);
	assert_string_equal(id,
	    "urn:uuid:0017f22e-279b-7abc-b7aa-b54a952a5540");
	assert_found(id, TAG, position);
	assert_found("urn:uuid:0017F22E-279B-7ABC-B7AA-B54A952A5540", TAG,
	    position);
	assert_none(id, TAG + 1);
}

static void
test_every_bit_comes_back(void **state)
{
	char id[POSITION_ID_BYTES];

	(void)state;
	for (unsigned bit = 0; bit < 63; bit++) {
		position_to_id(UINT64_C(1) << bit, 0, id);
		assert_found(id, 0, UINT64_C(1) << bit);
	}
	position_to_id(INT64_MAX, POSITION_TAG_MASK, id);
	assert_found(id, POSITION_TAG_MASK, INT64_MAX);
}

static void
test_ids_sort_as_positions_do(void **state)
{
	char     before[POSITION_ID_BYTES], after[POSITION_ID_BYTES];
	uint64_t position;

	(void)state;
	for (position = 1; position < UINT64_C(1) << 61; position *= 3) {
		position_to_id(position, POSITION_TAG_MASK, before);
		position_to_id(position + 1, 0, after);
		assert_true(strcmp(before, after) < 0);
	}
}

static void
test_what_is_no_id_of_ours(void **state)
{
	static const char *const ids[] = {
		"",
		"urn:uuid:",
		"earliest",
		"0017f22e-279b-7abc-b7aa-b54a952a5540",
		"urn:uuid:0017f22e-279b-7abc-b7aa-b54a952a554",
		"urn:uuid:0017f22e-279b-7abc-b7aa-b54a952a55400",
		"urn:uuid:0017f22e-279b-4abc-b7aa-b54a952a5540",
		"urn:uuid:0017f22e-279b-7abc-c7aa-b54a952a5540",
		"urn:uuid:0017f22e-279b-7abc-37aa-b54a952a5540",
		"urn:uuid:0017f22e-279b-7abc-b7aa-b54a952a554g",
		"urn:uuid:0017f22e+279b-7abc-b7aa-b54a952a5540",
		"urn:uuid:f017f22e-279b-7abc-b7aa-b54a952a5540",
		"urn:uuid:0817f22e-279b-7abc-b7aa-b54a952a5540",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		assert_none(ids[i], TAG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rises_whatever_the_clock_does),
		cmocka_unit_test(test_id_holds_position_and_tag),
		cmocka_unit_test(test_every_bit_comes_back),
		cmocka_unit_test(test_ids_sort_as_positions_do),
		cmocka_unit_test(test_what_is_no_id_of_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
