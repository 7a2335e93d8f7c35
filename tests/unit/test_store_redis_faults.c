#include "config.h"

#include "redis_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "pure/position.h"

#define LOG "fcgi-sse{log}"

static struct store_user a, b;

static void
open_up(struct store_user *user)
{
	store_user_open(user, NULL);
	store_wait(user->up_count == 1);
}

/* A port of 127.0.0.1 that nobody listens at. */
static int
free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t          len = sizeof(address);
	int                fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	getsockname(fd, (struct sockaddr *)&address, &len);
	close(fd);
	return ntohs(address.sin_port);
}

static void
assert_refused(struct store_user *user, const char *why)
{
	struct sent_update sent = { 0 };

	store_user_send(user, &sent, "t", "x");
	store_wait(sent.is_done);
	assert_int_equal(sent.receipt.result, STORE_NOT_KEPT);
	assert_non_null(strstr(sent.why, why));
	assert_int_equal(sent.receipt.retry_after_s, 2);
}

static void
test_a_refused_connection_is_told_at_once(void **state)
{
	struct store_options options = { 0 };
	char                 url[80];
	struct sent_update   sent = { 0 };

	(void)state;
	snprintf(url, sizeof(url), "redis://127.0.0.1:%d", free_port());
	options.url = url;
	store_user_open(&a, &options);
	store_user_send(&a, &sent, "t", "x"); /* waits for the first attempt */
	store_wait(sent.is_done);
	assert_int_equal(sent.receipt.result, STORE_NOT_KEPT);
	assert_non_null(strstr(sent.why, "refused"));
	assert_refused(&a, "refused");
	assert_int_equal(a.state, STORE_DOWN);
	store_user_close(&a);
	/* No such socket; it comes later. */
	store_user_open(&a, NULL);
	store_wait(a.down_count > 0);
	assert_refused(&a, "No such file");
	broker_start(NULL);
	store_wait(a.up_count == 1);
	store_user_keep(&a, "t", "x");
	store_user_close(&a);
}

static void
test_names_are_resolved(void **state)
{
	struct store_options options = { 0 };
	char                 port[16], url[80];
	const char          *words[] = { "--port", port, NULL };

	(void)state;
	snprintf(port, sizeof(port), "%d", free_port());
	broker_start(words);
	snprintf(url, sizeof(url), "redis://localhost:%s/3?key=x", port);
	options.url = url;
	store_user_open(&a, &options);
	store_wait(a.up_count == 1);
	store_user_keep(&a, "t", "x");
	store_user_close(&a);
	freeReplyObject(broker_command("SWAPDB 0 3"));
	assert_int_equal(broker_number("XLEN x{log}"), 1);
	options.url = "redis://no-such-host.invalid";
	store_user_open(&a, &options);
	store_wait(a.down_count > 0);
	assert_int_not_equal(strlen(a.why), 0);
	store_user_close(&a);
}

static void
test_a_store_closes_while_it_resolves(void **state)
{
	const struct store_options options = {
		.url = "redis://no-such-host.invalid"
	};
	struct sent_update sent = { 0 };

	(void)state;
	store_user_open(&a, &options);
	store_turn();
	store_user_send(&a, &sent, "t", "x");
	store_user_close(&a);
	assert_true(sent.is_done);
	assert_int_equal(sent.receipt.result, STORE_NOT_KEPT);
}

static void
test_passwords(void **state)
{
	static const char *const words[] = { "--requirepass", "right", NULL };
	struct store_options     options = { 0 };
	char                     url[200];

	(void)state;
	broker_start(words);
	store_user_open(&a, NULL);
	store_wait(a.down_count > 0);
	assert_string_equal(a.why, "the broker wants a password");
	assert_refused(&a, "wants a password");
	store_user_close(&a);
	snprintf(url, sizeof(url), "%s?password=wrong", broker.url);
	options.url = url;
	store_user_open(&a, &options);
	store_wait(a.down_count > 0);
	assert_string_equal(a.why, "the broker refused the password");
	store_user_close(&a);
	snprintf(url, sizeof(url), "%s?password=right&user=default",
	    broker.url);
	store_user_open(&a, &options);
	store_wait(a.up_count == 1);
	store_user_keep(&a, "t", "x");
	store_user_close(&a);
}

static void
test_a_broker_that_hangs_counts_as_down(void **state)
{
	struct sent_update sent = { 0 };

	(void)state;
	broker_start(NULL);
	open_up(&a);
	broker_signal(SIGSTOP);
	store_user_send(&a, &sent, "t", "x");
	store_wait(sent.is_done);
	assert_int_equal(sent.receipt.result, STORE_MAYBE_KEPT);
	assert_non_null(strstr(sent.why, "may have been published"));
	assert_refused(&a, "no answer in 5 s");
	broker_signal(SIGCONT);
	store_wait(a.up_count == 2);
	store_user_keep(&a, "t", "y");
	store_user_close(&a);
}

static void
test_a_full_or_read_only_broker_refuses(void **state)
{
	(void)state;
	broker_start(NULL);
	open_up(&a);
	freeReplyObject(broker_command("CONFIG SET maxmemory 1"));
	assert_refused(&a, "memory is full");
	assert_int_equal(a.state, STORE_DOWN);
	assert_refused(&a, "memory is full");
	freeReplyObject(broker_command("CONFIG SET maxmemory 0"));
	store_wait(a.up_count == 2);
	store_user_keep(&a, "t", "x");
	freeReplyObject(broker_command("REPLICAOF 127.0.0.1 1"));
	assert_refused(&a, "read-only replica");
	freeReplyObject(broker_command("REPLICAOF NO ONE"));
	store_wait(a.up_count == 3);
	store_user_close(&a);
}

static void
test_unanswered_publishes_may_have_been_kept(void **state)
{
	struct sent_update sent[3] = { 0 };
	size_t             i;

	(void)state;
	broker_start(NULL);
	open_up(&a);
	broker_signal(SIGSTOP);
	for (i = 0; i < 3; i++)
		store_user_send(&a, &sent[i], "t", "x");
	store_turn_for(20);
	broker_kill();
	store_wait(sent[2].is_done);
	for (i = 0; i < 3; i++)
		assert_int_equal(sent[i].receipt.result, STORE_MAYBE_KEPT);
	store_user_close(&a);
}

static void
test_a_lost_log_goes_on_above_what_was_seen(void **state)
{
	uint64_t before, after;

	(void)state;
	broker_start(NULL);
	open_up(&a);
	store_user_tail(&a, 0, NULL);
	/* The broker's clock was a day ahead. */
	before = position_at((time(NULL) + 86400) * INT64_C(1000));
	freeReplyObject(broker_command("XADD " LOG " %llu-5 t t d %s",
	    (unsigned long long)position_ms(before), "data: 1\n\n"));
	store_wait(a.got_count == 1);
	broker_kill();
	store_wait(a.down_count == 1);
	broker_start(NULL);
	store_wait(a.up_count == 2);
	assert_int_equal(a.lost_count, 1);
	assert_int_equal(a.lost_up_to, 0);
	after = store_user_keep(&a, "t", "2");
	assert_true(after > before + 5);
	store_wait(a.got_count == 2);
	assert_int_equal(a.got[1].position, after);
	assert_int_equal(a.lost_count, 1);
	/* Without a reconnect: the check finds it. */
	freeReplyObject(broker_command("FLUSHALL"));
	store_wait(a.lost_count == 2);
	before = after;
	after = store_user_keep(&a, "t", "3");
	assert_true(after > before);
	store_wait(a.got_count == 3);
	store_user_close(&a);
}

static void
test_a_flush_does_not_change_the_tag(void **state)
{
	uint64_t tag;

	(void)state;
	broker_start(NULL);
	open_up(&a);
	tag = a.store->engine->tag(a.store);
	store_user_keep(&a, "t", "1");
	store_turn_for(3); /* the next has its own millisecond */
	freeReplyObject(broker_command("FLUSHALL"));
	store_user_keep(&a, "t", "2");
	broker_kill();
	broker_start(NULL);
	store_wait(a.up_count == 2);
	assert_int_equal(a.store->engine->tag(a.store), tag);
	open_up(&b);
	assert_int_equal(b.store->engine->tag(b.store), tag);
	store_user_close(&b);
	store_user_close(&a);
}

static void
test_a_full_millisecond_is_left(void **state)
{
	uint64_t ms = (uint64_t)(time(NULL) + 3600) * 1000, first, second;

	(void)state;
	broker_start(NULL);
	open_up(&a);
	store_user_tail(&a, 0, NULL);
	freeReplyObject(broker_command("XADD " LOG " %llu-524288 t t d %s",
	    (unsigned long long)ms, "data: 1\n\n"));
	store_wait(a.got_count == 1);
	first = a.got[0].position;
	assert_true(first == position_at((int64_t)ms) + 524288);
	store_wait(broker_number("XLEN " LOG) == 2);
	second = store_user_keep(&a, "t", "2");
	assert_true(second == position_at((int64_t)ms + 1) + 1);
	store_wait(a.got_count == 2);
	assert_int_equal(a.lost_count, 0);
	store_user_close(&a);
}

static void
test_a_tail_that_falls_behind_is_told(void **state)
{
	uint64_t positions[3];

	(void)state;
	broker_start(NULL);
	open_up(&a);
	positions[0] = store_user_keep(&a, "t", "0");
	store_user_tail(&a, 0, NULL);
	store_wait(a.got_count == 1 && a.level_count == 1);
	store_user_keep(&a, "t", "0");
	store_wait(a.got_count == 2);
	/* All that was trimmed had been read. */
	a.store->engine->hold(a.store, true);
	store_turn_for(2200);
	freeReplyObject(broker_command("XTRIM " LOG " MAXLEN 0"));
	positions[1] = store_user_keep(&a, "t", "1");
	a.store->engine->hold(a.store, false);
	store_wait(a.got_count == 3);
	assert_int_equal(a.lost_count, 0);
	/* Now something was not. */
	a.store->engine->hold(a.store, true);
	store_turn_for(2200);
	positions[1] = store_user_keep(&a, "t", "2");
	store_user_keep(&a, "t", "3");
	positions[2] = store_user_keep(&a, "t", "4");
	freeReplyObject(broker_command("XTRIM " LOG " MAXLEN 1"));
	a.store->engine->hold(a.store, false);
	store_wait(a.lost_count == 1 && a.level_count == 2);
	assert_true(a.lost_up_to >= positions[1]);
	assert_true(a.lost_up_to < positions[2]);
	assert_int_equal(a.got[a.got_count - 1].position, positions[2]);
	store_user_close(&a);
}

/* More comes at once than the log keeps, while a read waits for the next. */
static void
test_a_burst_that_trims_itself_is_told(void **state)
{
	(void)state;
	broker_start(NULL);
	open_up(&a);
	store_user_keep(&a, "t", "0");
	store_user_tail(&a, 0, NULL);
	store_wait(a.got_count == 1 && a.level_count == 1);
	freeReplyObject(broker_command("EVAL %s 1 " LOG,
	    "for i = 1, 5000 do redis.call('XADD', KEYS[1], '*', 't', 't', "
	    "'d', 'data: x\\n\\n') end "
	    "redis.call('XTRIM', KEYS[1], 'MAXLEN', 2000)"));
	store_wait(a.got_count == 2001);
	assert_int_equal(a.lost_count, 1);
	store_user_close(&a);
}

static void
test_a_position_ahead_of_the_log_waits_for_what_comes(void **state)
{
	uint64_t ahead = position_at((time(NULL) + 86400) * INT64_C(1000));
	uint64_t position;

	(void)state;
	broker_start(NULL);
	open_up(&a);
	store_user_keep(&a, "t", "1");
	/* A client may make one up: the log is not to jump there. */
	a.may_go_back = true;
	store_user_tail(&a, ahead, NULL);
	store_wait(a.level_count == 1);
	assert_int_equal(a.got_count, 0);
	assert_true(a.level_position < ahead);
	position = store_user_keep(&a, "t", "2");
	assert_true(position < ahead);
	store_wait(a.got_count == 1);
	assert_int_equal(a.lost_count, 0);
	store_user_close(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, redis_set_up, redis_tear_down)
		TEST(test_a_refused_connection_is_told_at_once),
		TEST(test_names_are_resolved),
		TEST(test_a_store_closes_while_it_resolves),
		TEST(test_passwords),
		TEST(test_a_broker_that_hangs_counts_as_down),
		TEST(test_a_full_or_read_only_broker_refuses),
		TEST(test_unanswered_publishes_may_have_been_kept),
		TEST(test_a_lost_log_goes_on_above_what_was_seen),
		TEST(test_a_flush_does_not_change_the_tag),
		TEST(test_a_full_millisecond_is_left),
		TEST(test_a_tail_that_falls_behind_is_told),
		TEST(test_a_burst_that_trims_itself_is_told),
		TEST(test_a_position_ahead_of_the_log_waits_for_what_comes)
	};

	if (!broker_is_there("test_store_redis_faults"))
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
