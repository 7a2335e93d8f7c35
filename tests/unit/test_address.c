#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "pure/address.h"

static void
assert_key(const char *text, const char *expected)
{
	char key[ADDRESS_KEY_BYTES];

	memset(key, 'x', sizeof(key));
	address_key(key, text);
	assert_string_equal(key, expected);
}

static void
test_who_is_one_client(void **state)
{
	(void)state;
	assert_key("192.0.2.1", "192.0.2.1");
	assert_key("::ffff:192.0.2.1", "192.0.2.1");
	assert_key("::FFFF:c000:0201", "192.0.2.1");
	assert_key("2001:db8:1:2::1", "2001:db8:1:2::/64");
	assert_key("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64");
	assert_key("2001:0DB8:0001:0002:0:0:0:0", "2001:db8:1:2::/64");
	assert_key("2001:db8:1:3::1", "2001:db8:1:3::/64");
	assert_key("::1", "::/64");
	assert_key("fe80::1%eth0", "fe80::/64");
}

static void
test_what_is_no_address_has_a_key(void **state)
{
	char long_text[200];

	(void)state;
	assert_key(NULL, "-");
	assert_key("", "-");
	assert_key("unix:", "unix:");
	assert_key("a%b", "a%b");
	assert_key("192.0.2.1.evil.example", "192.0.2.1.evil.example");
	memset(long_text, 'a', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	assert_key(long_text,
	    long_text + sizeof(long_text) - ADDRESS_KEY_BYTES);
}

static void
test_the_loopback_interface(void **state)
{
	(void)state;
	assert_true(address_is_loopback("127.0.0.1"));
	assert_true(address_is_loopback("::1"));
	assert_true(address_is_loopback("::ffff:127.9.9.9"));
	assert_false(address_is_loopback("127.0.0.1.evil.example"));
	assert_false(address_is_loopback("128.0.0.1"));
	assert_false(address_is_loopback("::2"));
	assert_false(address_is_loopback(""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_is_one_client),
		cmocka_unit_test(test_what_is_no_address_has_a_key),
		cmocka_unit_test(test_the_loopback_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
