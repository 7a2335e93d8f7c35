#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "store/redis_url.h"

static struct redis_url url;

static void
parse(const char *text)
{
	char error[300] = "";

	if (!redis_url_init(&url, text, error, sizeof(error)))
		fail_msg("%s", error);
}

static void
test_a_host_alone_has_the_usual_port(void **state)
{
	(void)state;
	parse("redis://cache.example.org");
	assert_string_equal(url.host, "cache.example.org");
	assert_string_equal(url.port, "6379");
	assert_string_equal(url.db, "0");
	assert_string_equal(url.key, REDIS_URL_KEY);
	assert_null(url.user);
	assert_null(url.password);
	assert_false(url.is_tls);
	assert_false(url.is_unix);
	redis_url_deinit(&url);
}

static void
test_all_parts_are_taken_and_decoded(void **state)
{
	(void)state;
	parse(
	    "rediss://chat%20er:p%40s%2Fs+:%3f@10.0.0.1:6380/3?key=my%2Fsite");
	assert_true(url.is_tls);
	assert_string_equal(url.user, "chat er");
	assert_string_equal(url.password, "p@s/s+:?");
	assert_string_equal(url.host, "10.0.0.1");
	assert_string_equal(url.port, "6380");
	assert_string_equal(url.db, "3");
	assert_string_equal(url.key, "my/site");
	redis_url_deinit(&url);
}

static void
test_the_name_holds_no_password(void **state)
{
	(void)state;
	parse("redis://u:geheim@[2001:db8::7]:7000/1");
	assert_string_equal(url.host, "2001:db8::7");
	assert_string_equal(url.name,
	    "redis://[2001:db8::7]:7000/1?key=fcgi-sse");
	redis_url_deinit(&url);
	parse("redis+unix:/run/r.sock?password=geheim&key=a");
	assert_string_equal(url.password, "geheim");
	assert_string_equal(url.name, "redis+unix:/run/r.sock?db=0&key=a");
	redis_url_deinit(&url);
}

static void
test_a_password_needs_no_user(void **state)
{
	(void)state;
	parse("redis://:word@h");
	assert_null(url.user);
	assert_string_equal(url.password, "word");
	redis_url_deinit(&url);
	parse("redis://a:b@c@h"); /* the last "@" counts */
	assert_string_equal(url.password, "b@c");
	assert_string_equal(url.host, "h");
	redis_url_deinit(&url);
}

static void
test_a_unix_socket_has_a_path_and_options(void **state)
{
	(void)state;
	parse("redis+unix:/run/a@b#%3f.sock?db=15&key=x");
	assert_true(url.is_unix);
	assert_string_equal(url.host, "/run/a@b#?.sock");
	assert_string_equal(url.db, "15");
	redis_url_deinit(&url);
	parse("redis://h/?key=x");
	assert_string_equal(url.db, "0");
	redis_url_deinit(&url);
}

static void
test_bad_ones_are_told_without_their_password(void **state)
{
	static const char *const bad[] = { "", "redis:", "redis:/", "redis://",
		"redis://:6379", "redis:///1", "http://h", "redis://h:0",
		"redis://h:65536", "redis://h:x",
		"redis://h:", "redis://h:99999999999999999999", "redis://h/x",
		"redis://h/-1", "redis://h/1/2", "redis://h?db=1",
		"redis://h?key", "redis://h?",
		"redis://h?key=", "redis://h?key=a&key=b", "redis://h?key=a&",
		"redis://h?key=%7bx%7d", "redis://h?key=%0a", "redis://h%00",
		"redis://h%", "redis://h%4", "redis://h%zz", "redis://h\nx",
		"redis://[::1", "redis://[::1]x", "redis://[]", "redis://a b",
		"redis://geheim@h", "redis://u:@h", "redis://:@h",
		"redis://u:geheim%@h", "redis://u:geh%00eim@h",
		"redis://u:geheim@", "redis://u:geheim@:1",
		"redis://u:ge/geheim@h:x", "redis://u:ge?geheim@h",
		"redis://u:ge#geheim@h", "redis://u:geheim@h#",
		"redis+unix:", "redis+unix:?db=1", "redis+unix:/a?db=x",
		"redis+unix:/a?password=geheim@b&db=x", "redis+unix:/a?user=x",
		"redis+unix:/a?port=1",
		"redis+unix:/a?password=geheim&password=b" };
	char                     error[300], long_path[300];
	size_t                   i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		error[0] = '\0';
		if (redis_url_init(&url, bad[i], error, sizeof(error)))
			fail_msg("taken: %s", bad[i]);
		assert_int_not_equal(strlen(error), 0);
		assert_null(strstr(error, "geheim"));
		redis_url_deinit(&url);
	}
	memset(long_path, 'a', sizeof(long_path) - 1);
	memcpy(long_path, "redis+unix:/", 12);
	long_path[sizeof(long_path) - 1] = '\0';
	assert_false(redis_url_init(&url, long_path, error, sizeof(error)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_host_alone_has_the_usual_port),
		cmocka_unit_test(test_all_parts_are_taken_and_decoded),
		cmocka_unit_test(test_the_name_holds_no_password),
		cmocka_unit_test(test_a_password_needs_no_user),
		cmocka_unit_test(test_a_unix_socket_has_a_path_and_options),
		cmocka_unit_test(test_bad_ones_are_told_without_their_password)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
