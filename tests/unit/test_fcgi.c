/*
 * One writer serves all connections: whatever becomes of a write to one
 * client, the next one must receive exactly its own bytes.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "edge/fcgi.h"
#include "edge/record.h"
#include "http/call.h"
#include "stream/peer.h"
#include "wire.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const env[] = { "REQUEST_METHOD=GET", "SCRIPT_NAME=/clock",
	"EMPTY=", NULL };

/* A client: the writer writes to fd, the web server reads from far_fd. */
struct client {
	int      fd, far_fd;
	unsigned id;
};

static struct fcgi  *fcgi;
static struct client a, b;
static char          filler[PEER_WRITE_BYTES_MAX];

static void
client_open(struct client *client, unsigned id)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			     fds),
	    0);
	client->fd = fds[0];
	client->far_fd = fds[1];
	client->id = id;
}

static void
client_close(struct client *client)
{
	close(client->fd);
	close(client->far_fd);
}

static struct fcgi_target
target_of(const struct client *client)
{
	return (struct fcgi_target){ client->fd, (uint16_t)client->id };
}

static int
client_write(struct client *client, const char *bytes, size_t len_bytes)
{
	const struct iovec part = { (void *)bytes, len_bytes };

	return fcgi_write(fcgi, target_of(client), &part, 1);
}

static int
client_end(struct client *client, const char *text)
{
	return fcgi_end(fcgi, target_of(client), text, strlen(text));
}

static void
client_read(struct client *client, struct buf *bytes)
{
	char    read_bytes[4096];
	ssize_t n;

	while ((n = read(client->far_fd, read_bytes, sizeof(read_bytes))) > 0)
		buf_append(bytes, read_bytes, (size_t)n);
}

/* All that the client has is this, in well-formed records. */
static void
assert_has(struct client *client, const char *text, bool is_ended)
{
	struct buf         bytes = { 0 }, out = { 0 };
	struct wire_answer answer = { .out = &out };

	client_read(client, &bytes);
	assert_true(wire_read(&answer, client->id, bytes.data,
	    bytes.len_bytes));
	assert_int_equal(answer.used_bytes, bytes.len_bytes);
	assert_int_equal(out.len_bytes, strlen(text));
	assert_memory_equal(out.data, text, out.len_bytes);
	assert_int_equal(answer.is_ended, is_ended);
	assert_int_equal(answer.is_out_ended, is_ended);
	assert_int_equal(answer.status, RECORD_REQUEST_COMPLETE);
	buf_deinit(&bytes);
	buf_deinit(&out);
}

/* The writer owes nobody anything: the next client gets its bytes alone. */
static void
assert_clean(void)
{
	struct client next;

	client_open(&next, 0x1234);
	assert_int_equal(client_write(&next, "one", 3), 0);
	assert_has(&next, "one", false);
	assert_int_equal(client_end(&next, "two"), 0);
	assert_has(&next, "two", true);
	client_close(&next);
}

static int
set_up(void **state)
{
	const char *error;

	(void)state;
	log_init("/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_DEBUG);
	memset(filler, 'x', sizeof(filler));
	fcgi = fcgi_new(&error);
	if (fcgi == NULL)
		return -1;
	/* libfcgi has put handlers of its own there. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	client_open(&a, 1);
	client_open(&b, 2);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	client_close(&a);
	client_close(&b);
	fcgi_free(fcgi);
	log_deinit();
	return 0;
}

static size_t
descriptor_count(void)
{
	DIR   *dir = opendir("/proc/self/fd");
	size_t count = 0;

	if (dir == NULL)
		skip();
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

/* The records of a request as record.c hands them over: without padding. */
static size_t
put_request(struct buf *records, const char *const *vars, const char *body)
{
	const struct record_limits limits = { SIZE_MAX / 4, SIZE_MAX / 4,
		SIZE_MAX / 4 };
	struct record_reader       reader;

	record_reader_init(&reader, &limits);
	wire_request(records, 5, WIRE_KEEP_CONN, vars, body);
	assert_int_equal(record_next(&reader, records), RECORD_EVENT_REQUEST);
	records->len_bytes = reader.request_bytes;
	return reader.body_bytes;
}

/* Another call in the place of this one. */
static void
call_renew(struct call **call)
{
	call_free(*call);
	*call = call_new();
}

static void
assert_parses(const char *body)
{
	struct buf   records = { 0 };
	struct call *call = call_new();
	size_t       body_bytes = put_request(&records, env, body);

	assert_int_equal(fcgi_parse(fcgi, records.data, records.len_bytes,
			     body_bytes, call),
	    0);
	assert_string_equal(call_env(call, "REQUEST_METHOD"), "GET");
	assert_string_equal(call_env(call, "SCRIPT_NAME"), "/clock");
	assert_string_equal(call_env(call, "EMPTY"), "");
	assert_null(call_env(call, "HTTP_COOKIE"));
	assert_int_equal(call->body_bytes, strlen(body));
	if (body_bytes > 0)
		assert_memory_equal(call->body, body, body_bytes);
	call_free(call);
	buf_deinit(&records);
}

static void
test_parse(void **state)
{
	char *large = calloc(1, 300001);

	(void)state;
	assert_parses("");
	assert_parses("a body");
	memset(large, 'z', 300000);
	assert_parses(large);
	assert_parses("");
	assert_clean();
	free(large);
}

/* Nothing of a longer request is left for a shorter one. */
static void
test_parse_of_variables_of_any_length(void **state)
{
	static const size_t lengths[] = { 70000, 0, 65535, 127, 128, 129, 8192,
		1 };
	char               *text = calloc(1, 70010);
	struct buf          records = { 0 };
	struct call        *call = call_new();

	(void)state;
	assert_parses("");
	for (size_t i = 0; i < COUNT(lengths); i++) {
		const char *const vars[] = { text, NULL };

		memset(text, 'v', 70000);
		memcpy(text, "NAME=", 5);
		text[5 + lengths[i]] = '\0';
		records.len_bytes = 0;
		put_request(&records, vars, "");
		assert_int_equal(fcgi_parse(fcgi, records.data,
				     records.len_bytes, 0, call),
		    0);
		assert_string_equal(call_env(call, "NAME"), text + 5);
		assert_null(call_env(call, "SCRIPT_NAME"));
		call_renew(&call);
	}
	call_free(call);
	buf_deinit(&records);
	free(text);
}

/* Another stream may be written to, or ended, while a request is answered. */
static void
test_a_parsed_request_outlives_other_writes(void **state)
{
	struct buf    records = { 0 };
	struct call  *call = call_new();
	struct client gone = { .fd = -1, .id = 9 };

	(void)state;
	put_request(&records, env, "body");
	assert_int_equal(fcgi_parse(fcgi, records.data, records.len_bytes, 4,
			     call),
	    0);
	assert_int_equal(client_write(&gone, "lost", 4), -1);
	assert_int_equal(client_write(&b, "b", 1), 0);
	assert_int_equal(client_end(&b, "end"), 0);
	assert_string_equal(call_env(call, "SCRIPT_NAME"), "/clock");
	assert_memory_equal(call->body, "body", 4);
	call_free(call);
	assert_has(&b, "bend", true);
	buf_deinit(&records);
}

/* What was cut off is not taken from the request before, which is the same. */
static void
test_a_part_gets_nothing_of_the_request_before(void **state)
{
	struct buf   records = { 0 };
	struct call *call = call_new();

	(void)state;
	put_request(&records, env, "body");
	for (size_t len_bytes = 0; len_bytes < records.len_bytes; len_bytes++) {
		assert_parses("body");
		assert_int_equal(fcgi_parse(fcgi, records.data, len_bytes, 4,
				     call),
		    -1);
		call_renew(&call);
	}
	call_free(call);
	buf_deinit(&records);
}

static void
test_parse_failure(void **state)
{
	struct buf   records = { 0 };
	struct call *call = call_new();
	size_t       before, len_bytes;

	(void)state;
	put_request(&records, env, "body");
	before = descriptor_count();
	/* A part is no request, or one that is not what was counted. */
	for (len_bytes = 0; len_bytes < records.len_bytes; len_bytes++) {
		(void)fcgi_parse(fcgi, records.data, len_bytes, 4, call);
		call_renew(&call);
		assert_int_equal(descriptor_count(), before);
	}
	assert_clean();
	assert_int_equal(fcgi_parse(fcgi, "no request at all, but text", 27, 0,
			     call),
	    -1);
	assert_clean();
	/* A body longer or shorter than the one that was counted. */
	assert_int_equal(fcgi_parse(fcgi, records.data, records.len_bytes, 3,
			     call),
	    -1);
	call_renew(&call);
	assert_clean();
	assert_int_equal(fcgi_parse(fcgi, records.data, records.len_bytes, 5,
			     call),
	    -1);
	assert_clean();
	assert_int_equal(descriptor_count(), before);
	call_free(call);
	assert_parses("good");
	buf_deinit(&records);
}

static void
test_a_write_is_one_record(void **state)
{
	static const char  expected[] = "\1\6\0\1\0\5\3\0hello\0\0\0";
	const struct iovec parts[] = { { (void *)"he", 2 }, { (void *)"", 0 },
		{ (void *)"llo", 3 } };
	struct buf         bytes = { 0 };

	(void)state;
	assert_int_equal(fcgi_write(fcgi, target_of(&a), parts, 3), 0);
	client_read(&a, &bytes);
	assert_int_equal(bytes.len_bytes, sizeof(expected) - 1);
	assert_memory_equal(bytes.data, expected, sizeof(expected) - 1);

	bytes.len_bytes = 0;
	assert_int_equal(client_write(&a, filler, sizeof(filler)), 0);
	client_read(&a, &bytes);
	assert_int_equal(bytes.len_bytes, 8 + sizeof(filler));
	assert_memory_equal(bytes.data, "\1\6\0\1\x1f\x40\0\0", 8);
	buf_deinit(&bytes);
}

static void
test_a_short_answer(void **state)
{
	static const char expected[] = "\1\6\x12\x34\0\5\3\0hello\0\0\0"
				       "\1\6\x12\x34\0\0\0\0"
				       "\1\3\x12\x34\0\10\0\0\0\0\0\0\0\0\0\0";
	struct buf        bytes = { 0 };

	(void)state;
	a.id = 0x1234;
	assert_int_equal(client_end(&a, "hello"), 0);
	client_read(&a, &bytes);
	assert_int_equal(bytes.len_bytes, sizeof(expected) - 1);
	assert_memory_equal(bytes.data, expected, sizeof(expected) - 1);
	buf_deinit(&bytes);
	assert_clean();
}

static void
test_an_answer_in_pieces(void **state)
{
	char *text = calloc(1, sizeof(filler) + 4);

	(void)state;
	memcpy(text, filler, sizeof(filler));
	memcpy(text + sizeof(filler), "end", 3);
	assert_int_equal(client_write(&a, filler, sizeof(filler)), 0);
	assert_int_equal(client_end(&a, "end"), 0);
	assert_has(&a, text, true);
	assert_clean();
	memcpy(text + sizeof(filler), "", 1);
	assert_int_equal(client_end(&b, text), 0);
	assert_has(&b, text, true);
	assert_clean();
	free(text);
}

static void
test_streams_that_take_turns(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(client_write(&a, "a", 1), 0);
		assert_int_equal(client_write(&b, "bb", 2), 0);
		assert_has(&a, "a", false);
		assert_has(&b, "bb", false);
	}
	assert_int_equal(client_write(&b, "last", 4), 0);
	assert_int_equal(client_end(&a, ""), 0);
	assert_has(&a, "", true);
	assert_int_equal(client_end(&b, ""), 0);
	assert_has(&b, "last", true);
	assert_clean();
}

/* The web server has closed, the socket is full, there is none. */
static void
test_a_failed_write_reaches_nobody_else(void **state)
{
	struct client none = { .fd = -1, .id = 3 };

	(void)state;
	assert_int_equal(client_write(&none, "secret", 6), -1);
	assert_clean();

	while (client_write(&b, filler, sizeof(filler)) == 0)
		;
	assert_int_equal(client_write(&b, "secret", 6), -1);
	assert_clean();

	close(a.far_fd);
	a.far_fd = -1;
	assert_int_equal(client_write(&a, "secret", 6), -1);
	assert_int_equal(client_write(&a, "secret", 6), -1);
	assert_clean();
}

static void
test_a_failed_end_reaches_nobody_else(void **state)
{
	struct client none = { .fd = -1, .id = 3 };

	(void)state;
	assert_int_equal(client_end(&none, "secret"), -1);
	assert_clean();
	assert_int_equal(client_end(&none, ""), -1);
	assert_clean();

	while (client_write(&b, filler, sizeof(filler)) == 0)
		;
	assert_int_equal(client_end(&b, "secret"), -1);
	assert_clean();

	close(a.far_fd);
	a.far_fd = -1;
	assert_int_equal(client_end(&a, "secret"), -1);
	assert_clean();
}

static void
test_a_polite_end(void **state)
{
	(void)state;
	assert_int_equal(client_write(&a, "head", 4), 0);
	assert_int_equal(client_write(&a, "event", 5), 0);
	assert_int_equal(client_end(&a, ""), 0);
	assert_has(&a, "headevent", true);
	assert_clean();
}

/* Each parse leaves a writer behind that knows the id of its request. */
static void
test_a_write_after_a_parse_has_its_own_id(void **state)
{
	(void)state;
	assert_parses("body");
	assert_int_equal(client_write(&a, "a", 1), 0);
	assert_has(&a, "a", false);
	assert_parses("");
	assert_int_equal(client_end(&b, "b"), 0);
	assert_has(&b, "b", true);
}

static void
test_nothing_is_left_open(void **state)
{
	const char *error;
	size_t      before = descriptor_count();

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct fcgi *other = fcgi_new(&error);

		assert_non_null(other);
		assert_null(error);
		fcgi_free(other);
	}
	assert_int_equal(descriptor_count(), before);
}

#define FCGI_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FCGI_TEST(test_parse),
		FCGI_TEST(test_parse_of_variables_of_any_length),
		FCGI_TEST(test_a_parsed_request_outlives_other_writes),
		FCGI_TEST(test_a_part_gets_nothing_of_the_request_before),
		FCGI_TEST(test_parse_failure),
		FCGI_TEST(test_a_write_is_one_record),
		FCGI_TEST(test_a_short_answer),
		FCGI_TEST(test_an_answer_in_pieces),
		FCGI_TEST(test_streams_that_take_turns),
		FCGI_TEST(test_a_failed_write_reaches_nobody_else),
		FCGI_TEST(test_a_failed_end_reaches_nobody_else),
		FCGI_TEST(test_a_polite_end),
		FCGI_TEST(test_a_write_after_a_parse_has_its_own_id),
		FCGI_TEST(test_nothing_is_left_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
