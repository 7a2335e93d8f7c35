/* What a subscriber's id says of its process. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "presence/subscriber_id.h"

#define PROCESS UINT64_C(0x0123456789ab)

static void
test_an_id_is_read_as_it_was_written(void **state)
{
	struct subscriber_id id = subscriber_id_make(PROCESS), again;
	char                 text[SUBSCRIBER_ID_BYTES];

	(void)state;
	subscriber_id_print(&id, text);
	assert_int_equal(strlen(text), SUBSCRIBER_ID_BYTES - 1);
	assert_memory_equal(text, "urn:uuid:", 9);
	assert_string_equal(text + 33, "0123456789ab");
	assert_int_equal(text[23], '8');
	assert_non_null(strchr("89ab", text[28]));
	assert_true(subscriber_id_read(&again, text));
	assert_memory_equal(&again, &id, sizeof(id));
	assert_int_equal(subscriber_id_process(&again), PROCESS);
}

static void
test_each_id_is_another(void **state)
{
	struct subscriber_id ids[100];
	uint64_t             process = subscriber_id_make_process();

	(void)state;
	assert_true(process != 0 && process >> 48 == 0);
	assert_true(subscriber_id_make_process() != process);
	for (size_t i = 0; i < 100; i++) {
		ids[i] = subscriber_id_make(process);
		assert_int_equal(subscriber_id_process(&ids[i]), process);
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(&ids[i], &ids[j],
			    sizeof(ids[i]));
	}
}

static void
test_what_is_no_id(void **state)
{
	static const char *const texts[] = { "", "urn:uuid:",
		/* upper case, other names, other places of the dashes */
		"urn:uuid:00000000-0000-8000-8000-0123456789AB",
		"URN:uuid:00000000-0000-8000-8000-0123456789ab",
		"urn:uuix:00000000-0000-8000-8000-0123456789ab",
		"urn:uuid:000000000-000-8000-8000-0123456789ab",
		"urn:uuid:00000000-0000-8000-8000--123456789ab",
		"urn:uuid:00000000-0000-8000-8000-0123456789a",
		"urn:uuid:00000000-0000-8000-8000-0123456789ab0",
		"urn:uuid:00000000-0000-8000-8000- 123456789ab",
		"urn:uuid:00000000-0000-8000-8000-0x23456789ab",
		/* another version, and another variant */
		"urn:uuid:00000000-0000-4000-8000-0123456789ab",
		"urn:uuid:00000000-0000-8000-0000-0123456789ab",
		"urn:uuid:00000000-0000-8000-c000-0123456789ab" };
	struct subscriber_id     id;

	(void)state;
	assert_true(subscriber_id_read(&id,
	    "urn:uuid:00000000-0000-8000-8000-0123456789ab"));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(subscriber_id_read(&id, texts[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_id_is_read_as_it_was_written),
		cmocka_unit_test(test_each_id_is_another),
		cmocka_unit_test(test_what_is_no_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
