/* Which log processes share, by where they are and who started them. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "process/store_place.h"

static char dir[64];

/* A listening socket at that path, relative to the working folder or not. */
static struct listener
listener_at(const char *path, bool is_inherited)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct listener    listener = { .is_unix = true,
		   .is_inherited = is_inherited,
		   .name = (char *)"socket on descriptor 0" };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	listener.fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(listener.fd, (struct sockaddr *)&address,
			     sizeof(address)),
	    0);
	assert_int_equal(listen(listener.fd, 1), 0);
	return listener;
}

/* The store for one listener, or for none; "" and the error if none. */
static const char *
place_of(const struct listener *listener)
{
	static char      text[512];
	struct listeners listeners = { .all = (struct listener *)listener,
		.count = listener != NULL };
	struct buf       url = { 0 };
	const char      *why;
	char             error[512];

	text[0] = '\0';
	if (store_place_find(&listeners, &url, &why, error, sizeof(error)) == 0)
		snprintf(text, sizeof(text), "%.*s", (int)url.len_bytes,
		    url.data);
	else
		assert_non_null(strstr(error, "option store"));
	buf_deinit(&url);
	return text;
}

/* The same for a socket at that path that others may have. */
static void
place_at(const char *path, char place[static 512])
{
	struct listener listener = listener_at(path, true);

	snprintf(place, 512, "%s", place_of(&listener));
	close(listener.fd);
	unlink(path);
}

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/fcgi-sse-XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	unsetenv("DOCUMENT_ROOT");
	unsetenv("PHP_FCGI_CHILDREN");
	unsetenv("XDG_STATE_HOME");
	setenv("HOME", "/nonexistent", 1);
	setenv("STATE_DIRECTORY", dir, 1);
	return 0;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	assert_int_equal(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static void
test_alone_it_is_memory(void **state)
{
	struct listener own, passed;

	(void)state;
	own = listener_at("own.sock", false);
	assert_string_equal(place_of(&own), "memory");
	close(own.fd);
	passed = listener_at("passed.sock", true);
	passed.is_kept = true;
	assert_string_equal(place_of(&passed), "memory");
	close(passed.fd);
}

static void
test_one_file_for_one_socket(void **state)
{
	char absolute[512], relative[512], other[512], path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/chat.sock", dir);
	place_at(path, absolute);
	place_at("chat.sock", relative);
	assert_string_equal(absolute, relative);
	snprintf(path, sizeof(path), "sqlite:%s/chat.sock-", dir);
	assert_memory_equal(absolute, path, strlen(path));
	place_at("other.sock", other);
	assert_string_not_equal(other, relative);
	/* Names that become the same text are told apart. */
	place_at("a b", other);
	place_at("a?b", relative);
	assert_string_not_equal(other, relative);
}

/* Only lighttpd numbers sockets that belong together. */
static void
test_numbers_count_unless_lighttpd_made_them(void **state)
{
	char one[512], two[512];

	(void)state;
	place_at("chat-1", one);
	place_at("chat-2", two);
	assert_string_not_equal(one, two);
	setenv("PHP_FCGI_CHILDREN", "1", 1);
	place_at("chat-1", one);
	place_at("chat-2", two);
	assert_string_not_equal(one, two);
}

static void
test_one_file_for_a_program_in_a_folder(void **state)
{
	char here[512], there[512];

	(void)state;
	snprintf(here, sizeof(here), "%s", place_of(NULL));
	assert_string_equal(place_of(NULL), here);
	assert_int_equal(mkdir("there", 0700), 0);
	assert_int_equal(chdir("there"), 0);
	snprintf(there, sizeof(there), "%s", place_of(NULL));
	assert_string_not_equal(here, there);
	assert_int_equal(chdir(".."), 0);
}

static void
assert_folder(const char *folder)
{
	const char *place = place_of(NULL);
	char        wanted[128];

	snprintf(wanted, sizeof(wanted), "sqlite:%s/", folder);
	assert_true(strncmp(place, wanted, strlen(wanted)) == 0);
}

static void
test_folders_in_their_order(void **state)
{
	char path[128], folder[160];

	(void)state;
	assert_folder(dir);
	unsetenv("STATE_DIRECTORY");
	setenv("XDG_STATE_HOME", dir, 1);
	snprintf(folder, sizeof(folder), "%s/fcgi-sse", dir);
	assert_folder(folder);
	unsetenv("XDG_STATE_HOME");
	setenv("HOME", dir, 1);
	snprintf(folder, sizeof(folder), "%s/.local/state/fcgi-sse", dir);
	assert_folder(folder);
	setenv("HOME", "/nonexistent", 1);
	snprintf(path, sizeof(path), "/var/tmp/fcgi-sse-%lu",
	    (unsigned long)geteuid());
	assert_folder(path);
}

/* What others can read, a link, and what a web server hands out. */
static void
test_folders_that_are_passed_over(void **state)
{
	char path[128], folder[192];

	(void)state;
	unsetenv("STATE_DIRECTORY");
	setenv("XDG_STATE_HOME", dir, 1);
	setenv("HOME", dir, 1);
	snprintf(folder, sizeof(folder), "%s/.local/state/fcgi-sse", dir);
	snprintf(path, sizeof(path), "%s/fcgi-sse", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_folder(folder);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/tmp", path), 0);
	assert_folder(folder);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 65534, 65534), 0);
		assert_folder(folder);
		assert_int_equal(chown(path, 0, 0), 0);
	}
	setenv("DOCUMENT_ROOT", path, 1);
	assert_folder(folder);
	setenv("DOCUMENT_ROOT", "/nonexistent", 1);
	assert_folder(path);
}

static void
test_what_is_below_a_folder(void **state)
{
	(void)state;
	assert_true(store_place_is_below("/usr/bin", "/usr"));
	assert_true(store_place_is_below("/usr/bin", "/usr/"));
	assert_true(store_place_is_below("/usr", "/usr"));
	assert_true(store_place_is_below("/usr", "/"));
	assert_true(store_place_is_below("/usr/lib/../bin", "/usr/bin"));
	assert_false(store_place_is_below("/usr/bin", "/usr/bi"));
	assert_true(store_place_is_below("/usr/bin/none", "/usr"));
	assert_true(store_place_is_below("/none", "/"));
	assert_false(store_place_is_below("/usr/none", "/usr/bin"));
	assert_false(store_place_is_below("/usr/none/none", "/usr"));
	assert_true(store_place_is_below("none", "."));
	assert_false(store_place_is_below("none", "/usr"));
	assert_false(store_place_is_below("/usr", "/usr/bin"));
	assert_false(store_place_is_below("/usr", "/nonexistent"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_alone_it_is_memory, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_one_file_for_one_socket,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_numbers_count_unless_lighttpd_made_them, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_one_file_for_a_program_in_a_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folders_in_their_order,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_folders_that_are_passed_over, setup, teardown),
		cmocka_unit_test(test_what_is_below_a_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
