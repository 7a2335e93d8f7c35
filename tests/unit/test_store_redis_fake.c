#include "config.h"

#include "redis_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

/*
 * A proxy before the broker that hands on a number of bytes of each
 * connection's answers, then other bytes, and then closes. With a canned answer
 * it asks no broker, and answers each command with that.
 */
static struct {
	uv_pipe_t   listener;
	char        path[96];
	char        url[110];
	size_t      bytes_max;
	const char *tail;             /* what comes then; NULL: nothing */
	const char *canned;           /* NULL: ask the broker */
	char        from[40], to[40]; /* in its answers; empty: as they are */
	size_t      open_count;
	size_t      cut_count;
} proxy;

struct pair {
	uv_pipe_t    client, server;
	uv_connect_t connect;
	size_t       passed_bytes;
	unsigned     open_count;
	bool         is_closing;
	bool         is_canned;
};

static struct store_user a;

static void
on_pipe_closed(uv_handle_t *handle)
{
	struct pair *pair = handle->data;

	if (--pair->open_count > 0)
		return;
	free(pair);
	proxy.open_count--;
}

static void
close_pair(struct pair *pair)
{
	if (pair->is_closing)
		return;
	pair->is_closing = true;
	uv_close((uv_handle_t *)&pair->client, on_pipe_closed);
	uv_close((uv_handle_t *)&pair->server, on_pipe_closed);
}

static void
on_written(uv_write_t *write, int status)
{
	(void)status;
	free(write->data);
	free(write);
}

static void
pass(uv_pipe_t *pipe, const char *bytes, size_t len_bytes)
{
	uv_write_t *write = mem_alloc(sizeof(*write));
	uv_buf_t    buf;

	buf = uv_buf_init(mem_alloc(len_bytes + 1), (unsigned)len_bytes);
	memcpy(buf.base, bytes, len_bytes);
	write->data = buf.base;
	if (uv_write(write, (uv_stream_t *)pipe, &buf, 1, on_written) != 0)
		on_written(write, 0);
}

static void
on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	(void)handle;
	*buf = uv_buf_init(mem_alloc(size), (unsigned)size);
}

/* How many commands begin here. */
static size_t
count_commands(const char *bytes, size_t len_bytes)
{
	size_t i, count = 0;

	for (i = 0; i < len_bytes; i++)
		count += bytes[i] == '*' && (i == 0 || bytes[i - 1] == '\n');
	return count;
}

static void
on_client_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct pair *pair = stream->data;
	size_t       count;

	if (len < 0) {
		close_pair(pair);
	} else if (pair->is_canned) {
		for (count = count_commands(buf->base, (size_t)len); count > 0;
		     count--)
			pass(&pair->client, proxy.canned, strlen(proxy.canned));
	} else {
		pass(&pair->server, buf->base, (size_t)len);
	}
	free(buf->base);
}

/* Has one text of the broker's answers be another of the same length. */
static void
rewrite(char *bytes, size_t len_bytes)
{
	const size_t len = strlen(proxy.from);

	for (size_t i = 0; len > 0 && i + len <= len_bytes; i++) {
		if (memcmp(bytes + i, proxy.from, len) == 0)
			memcpy(bytes + i, proxy.to, len);
	}
}

static void
on_server_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct pair *pair = stream->data;
	size_t       rest = proxy.bytes_max - pair->passed_bytes;

	if (len < 0 || (size_t)len > rest) {
		if (len > 0 && rest > 0)
			pass(&pair->client, buf->base, rest);
		if (proxy.tail != NULL)
			pass(&pair->client, proxy.tail, strlen(proxy.tail));
		proxy.cut_count++;
		close_pair(pair);
	} else {
		pair->passed_bytes += (size_t)len;
		rewrite(buf->base, (size_t)len);
		pass(&pair->client, buf->base, (size_t)len);
	}
	free(buf->base);
}

static void
on_connected(uv_connect_t *connect, int status)
{
	struct pair *pair = connect->data;

	if (pair->is_closing)
		return;
	assert_int_equal(status, 0);
	uv_read_start((uv_stream_t *)&pair->server, on_alloc, on_server_read);
	uv_read_start((uv_stream_t *)&pair->client, on_alloc, on_client_read);
}

static void
on_connection(uv_stream_t *listener, int status)
{
	struct pair *pair = mem_zalloc(sizeof(*pair));

	assert_int_equal(status, 0);
	uv_pipe_init(&store_loop, &pair->client, 0);
	uv_pipe_init(&store_loop, &pair->server, 0);
	pair->client.data = pair->server.data = pair->connect.data = pair;
	pair->open_count = 2;
	proxy.open_count++;
	assert_int_equal(uv_accept(listener, (uv_stream_t *)&pair->client), 0);
	pair->is_canned = proxy.canned != NULL;
	if (pair->is_canned)
		uv_read_start((uv_stream_t *)&pair->client, on_alloc,
		    on_client_read);
	else
		uv_pipe_connect(&pair->connect, &pair->server, broker.socket,
		    on_connected);
}

static int
set_up(void **state)
{
	redis_set_up(state);
	memset(&proxy, 0, sizeof(proxy));
	snprintf(proxy.path, sizeof(proxy.path), "%s/proxy", broker.dir);
	snprintf(proxy.url, sizeof(proxy.url), "redis+unix:%s", proxy.path);
	uv_pipe_init(&store_loop, &proxy.listener, 0);
	uv_pipe_bind(&proxy.listener, proxy.path);
	return uv_listen((uv_stream_t *)&proxy.listener, 64, on_connection);
}

static int
tear_down(void **state)
{
	uv_close((uv_handle_t *)&proxy.listener, NULL);
	return redis_tear_down(state);
}

/* A whole conversation through the proxy; whether the end was reached. */
static bool
converse(void)
{
	const struct store_options options = { .url = proxy.url };
	const char                *topic = "t";
	struct update              update = { .topics = &topic,
			     .topic_count = 1,
			     .id = "i",
			     .bytes = "data: 2\n\n",
			     .len_bytes = 9 };
	struct sent_update         plain = { 0 }, keyed = { 0 };
	struct found_update        found;
	size_t                     i, cut_before = proxy.cut_count;
	bool                       is_whole;

	store_user_open(&a, &options);
	store_user_tail(&a, 0, NULL);
	store_user_send(&a, &plain, "t", "1");
	store_user_send_as(&a, &keyed, &update, "key");
	store_user_find(&a, &found, "i", "t");
	store_wait(plain.is_done && keyed.is_done);
	store_wait(proxy.cut_count > cut_before || a.down_count > 0 ||
	    (found.is_done && a.got_count >= 2));
	is_whole = proxy.cut_count == cut_before && a.down_count == 0;
	for (i = 1; i < a.got_count; i++)
		assert_true(a.got[i].position > a.got[i - 1].position);
	if (!found.is_done)
		a.store->engine->find_cancel(a.store, &found.find);
	if (is_whole) {
		assert_int_equal(plain.receipt.result, STORE_KEPT);
		assert_int_equal(keyed.receipt.result, STORE_KEPT);
		assert_int_not_equal(found.position, 0);
	}
	store_user_close(&a);
	store_wait(proxy.open_count == 0);
	return is_whole;
}

/* After each byte of the answers the connections break. */
static void
cut_everywhere(const char *tail)
{
	size_t whole_in_row = 0;

	proxy.tail = tail;
	broker_start(NULL);
	for (proxy.bytes_max = 0; whole_in_row < 3; proxy.bytes_max++) {
		assert_true(proxy.bytes_max < 5000);
		freeReplyObject(broker_command("FLUSHALL"));

		whole_in_row = converse() ? whole_in_row + 1 : 0;
	}
	assert_true(proxy.bytes_max > 200);
}

static void
test_answers_cut_at_every_byte(void **state)
{
	(void)state;
	cut_everywhere(NULL);
}

static void
test_garbage_after_every_byte(void **state)
{
	(void)state;
	cut_everywhere("\xff\x01*2147483647\r\n$-7\r\n*-9\r\n");
}

/* As no broker answers: nothing is handed over twice. */
static void
test_an_entry_that_comes_again(void **state)
{
	const struct store_options options = { .url = proxy.url };
	const unsigned long long   ms = (unsigned)(time(NULL) + 3600) * 1000ULL;

	(void)state;
	broker_start(NULL);
	proxy.bytes_max = SIZE_MAX / 2;
	for (int i = 1; i <= 2; i++)
		freeReplyObject(
		    broker_command("XADD fcgi-sse{log} %llu-%d t t d %s", ms, i,
			"data: x\n\n"));
	snprintf(proxy.from, sizeof(proxy.from), "%llu-2", ms);
	snprintf(proxy.to, sizeof(proxy.to), "%llu-1", ms);
	store_user_open(&a, &options);
	store_user_tail(&a, 0, NULL);
	store_wait(a.got_count == 1);
	store_turn_for(100);
	assert_int_equal(a.got_count, 1);
	proxy.from[0] = '\0';
	store_wait(a.got_count == 2);
	assert_true(a.got[1].position > a.got[0].position);
	store_user_close(&a);
	store_wait(proxy.open_count == 0);
}

static void
test_answers_of_the_wrong_kind(void **state)
{
	static const char *const answers[] = {
		"+OK\r\n", "+\r\n", ":1\r\n", ":99999999999999999999999\r\n",
		"$-1\r\n", "*-1\r\n", "*0\r\n", "$0\r\n\r\n", "$3\r\n1-1\r\n",
		"$-2\r\n", "*-2\r\n", "$99999999999999999999\r\n",
		"*99999999999999999999\r\n", "*2147483647\r\n", "*1\r\n*-1\r\n",
		"*2\r\n*0\r\n*0\r\n", "*2\r\n:0\r\n:1\r\n",
		"*2\r\n$-1\r\n$-1\r\n", "*2\r\n:0\r\n$3\r\n1-1\r\n",
		"*3\r\n+a\r\n+b\r\n+c\r\n", "*2\r\n$1\r\n1\r\n$1\r\n1\r\n",
		"-ERR x\r\n", "-\r\n", "-LOADING x\r\n",
		"*2\r\n*0\r\n*1\r\n*2\r\n+x\r\n*1\r\n*2\r\n"
		"$3\r\n1-1\r\n*-1\r\n",
		"*2\r\n-ERR no such key\r\n*1\r\n*2\r\n"
		"+x\r\n*1\r\n*2\r\n$3\r\n0-0\r\n*0\r\n",
		"x\r\n", "\r\n",
		"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"
	};
	const struct store_options options = { .url = proxy.url };
	struct sent_update         sent = { 0 };
	struct found_update        found;
	size_t                     i, k;

	(void)state;
	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		/* "+OK" lets the connection begin; then comes the answer. */
		for (k = 0; k < 2; k++) {
			proxy.canned = k == 0 ? answers[i] : "+OK\r\n";
			store_user_open(&a, &options);
			store_user_tail(&a, 0, NULL);
			store_user_send(&a, &sent, "t", "1");
			store_user_find(&a, &found, "i", "t");
			if (k == 1)
				store_turn_for(2);
			proxy.canned = answers[i];
			store_turn_for(10);
			store_user_close(&a);
			assert_true(sent.is_done);
			assert_int_not_equal(sent.receipt.result, STORE_KEPT);
			store_wait(proxy.open_count == 0);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_answers_cut_at_every_byte),
		TEST(test_garbage_after_every_byte),
		TEST(test_an_entry_that_comes_again),
		TEST(test_answers_of_the_wrong_kind)
	};

	if (!broker_is_there("test_store_redis_fake"))
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
