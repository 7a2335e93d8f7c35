/* base64url as JOSE has it: RFC 4648 sections 5 and 10, RFC 7515 appendix C. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "pure/base64url.h"

static void
assert_decodes(const char *text, const char *expected, size_t len_bytes)
{
	uint8_t bytes[64];
	size_t  found_bytes = 999;

	assert_true(base64url_decode(text, strlen(text), bytes, &found_bytes));
	assert_int_equal(found_bytes, len_bytes);
	assert_memory_equal(bytes, expected, len_bytes);
}

static void
test_vectors(void **state)
{
	(void)state;
	assert_decodes("", "", 0);
	assert_decodes("Zg", "f", 1);
	assert_decodes("Zm8", "fo", 2);
	assert_decodes("Zm9v", "foo", 3);
	assert_decodes("Zm9vYg", "foob", 4);
	assert_decodes("Zm9vYmE", "fooba", 5);
	assert_decodes("Zm9vYmFy", "foobar", 6);
	assert_decodes("A-z_4ME", "\x03\xec\xff\xe0\xc1", 5);
	assert_decodes("AAAA", "\0\0\0", 3);
}

static void
test_what_is_none(void **state)
{
	static const char *const texts[] = { "A", "AAAAA", "Zg==", "Zm8=", "Zh",
		"Zm9", "Zm9v\n", " Zm9v", "Zm 9v", "Z+9v", "Z/9v", "Zm9v.",
		"Zm9\x80", "_" };
	uint8_t                  bytes[64];
	size_t                   len_bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(base64url_decode(texts[i], strlen(texts[i]), bytes,
		    &len_bytes));
	assert_false(base64url_decode("AA\0A", 4, bytes, &len_bytes));
}

/* Of all texts of one length exactly so many decode as there are bytes. */
static void
test_each_sequence_has_one_text(void **state)
{
	uint8_t  bytes[BASE64URL_BYTES_MAX(2)];
	size_t   len_bytes;
	unsigned count = 0;
	char     text[2];

	(void)state;
	for (unsigned i = 0; i < 65536; i++) {
		text[0] = (char)(i >> 8);
		text[1] = (char)(i & 0xff);
		count += base64url_decode(text, 2, bytes, &len_bytes);
	}
	assert_int_equal(count, 256);
}

/* The room of BASE64URL_BYTES_MAX is enough; sanitizers look. */
static void
test_room(void **state)
{
	char     text[64];
	uint8_t *bytes;
	size_t   len_bytes;

	(void)state;
	memset(text, 'A', sizeof(text));
	for (size_t i = 0; i < sizeof(text); i++) {
		bytes = malloc(BASE64URL_BYTES_MAX(i));
		assert_int_equal(base64url_decode(text, i, bytes, &len_bytes),
		    i % 4 != 1);
		if (i % 4 != 1)
			assert_int_equal(len_bytes, i * 3 / 4);
		free(bytes);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_each_sequence_has_one_text),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
