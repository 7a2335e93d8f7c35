#include "config.h"

#include "redis_fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#define OPTIONS_MAX 40

struct broker     broker;
uv_loop_t         test_loop;
static uv_timer_t tick;

bool
broker_is_there(const char *test)
{
	const char *path = getenv("PATH");
	char        file[4096];
	int         len;

	while (path != NULL && *path != '\0') {
		len = (int)strcspn(path, ":");
		snprintf(file, sizeof(file), "%.*s/redis-server", len, path);
		if (access(file, X_OK) == 0)
			return true;
		path += len + (path[len] == ':');
	}
	printf("%s: redis-server is missing (Debian: redis-server)\n"
	       "[  SKIPPED ] 1 test(s).\n",
	    test);
	return false;
}

void
broker_init(void)
{
	memset(&broker, 0, sizeof(broker));
	snprintf(broker.dir, sizeof(broker.dir), "/tmp/test-redis-XXXXXX");
	assert_non_null(mkdtemp(broker.dir));
	snprintf(broker.socket, sizeof(broker.socket), "%s/redis.sock",
	    broker.dir);
	snprintf(broker.url, sizeof(broker.url), "redis+unix:%s",
	    broker.socket);
}

static void
exec_broker(const char *const *options)
{
	char        log[96];
	const char *argv[OPTIONS_MAX + 16] = { "redis-server", "--port", "0",
		"--unixsocket", broker.socket, "--dir", broker.dir, "--save",
		"", "--logfile", log };
	size_t      count = 11;

	snprintf(log, sizeof(log), "%s/log", broker.dir);
	while (options != NULL && *options != NULL && count < OPTIONS_MAX)
		argv[count++] = *options++;
	/* It is not to outlive a test that is killed. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

static bool
broker_answers(void)
{
	redisContext *context = redisConnectUnix(broker.socket);
	redisReply   *reply = NULL;
	bool          is_up;

	if (context != NULL && context->err == 0)
		reply = redisCommand(context, "PING");
	/* An error is an answer too: it may want a password. */
	is_up = reply != NULL &&
	    (reply->str == NULL || strncmp(reply->str, "LOADING", 7) != 0);
	freeReplyObject(reply);
	if (context != NULL)
		redisFree(context);
	return is_up;
}

void
broker_start(const char *const *options)
{
	unsigned i;

	assert_int_equal(broker.pid, 0);
	broker.pid = fork();
	assert_true(broker.pid >= 0);
	if (broker.pid == 0)
		exec_broker(options);
	for (i = 0; i < 2000 && !broker_answers(); i++)
		usleep(5000);
	assert_true(i < 2000);
}

void
broker_signal(int signal)
{
	assert_true(broker.pid > 0);
	assert_int_equal(kill(broker.pid, signal), 0);
}

void
broker_kill(void)
{
	if (broker.pid == 0)
		return;
	kill(broker.pid, SIGKILL);
	while (waitpid(broker.pid, NULL, 0) == -1 && errno == EINTR)
		continue;
	broker.pid = 0;
}

void
broker_deinit(void)
{
	char command[128];

	broker_kill();
	snprintf(command, sizeof(command), "rm -rf '%s'", broker.dir);
	assert_int_equal(system(command), 0);
}

static redisReply *
command_va(const char *format, va_list list)
{
	redisContext *context = redisConnectUnix(broker.socket);
	redisReply   *reply;

	assert_non_null(context);
	assert_int_equal(context->err, 0);
	reply = redisvCommand(context, format, list);
	assert_non_null(reply);
	redisFree(context);
	return reply;
}

redisReply *
broker_command(const char *format, ...)
{
	redisReply *reply;
	va_list     list;

	va_start(list, format);
	reply = command_va(format, list);
	va_end(list);
	return reply;
}

long long
broker_number(const char *format, ...)
{
	redisReply *reply;
	va_list     list;
	long long   number;

	va_start(list, format);
	reply = command_va(format, list);
	va_end(list);
	assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
	number = reply->integer;
	freeReplyObject(reply);
	return number;
}

static void
on_tick(uv_timer_t *timer)
{
	(void)timer;
}

int
redis_set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	log_init("stderr", LOG_FORMAT_TEXT,
	    getenv("TEST_LOG") != NULL ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR);
	uv_loop_init(&test_loop);
	/* The loop never waits long, so a condition is looked at often. */
	uv_timer_init(&test_loop, &tick);
	uv_timer_start(&tick, on_tick, 1, 1);
	broker_init();
	return 0;
}

int
redis_tear_down(void **state)
{
	(void)state;
	broker_deinit();
	/* A test that failed has left its stores open: no waiting for them. */
	uv_close((uv_handle_t *)&tick, NULL);
	uv_run(&test_loop, UV_RUN_NOWAIT);
	uv_run(&test_loop, UV_RUN_NOWAIT);
	return uv_loop_close(&test_loop);
}

void
turn(void)
{
	uv_run(&test_loop, UV_RUN_ONCE);
}

void
turn_for(uint64_t ms)
{
	uint64_t end_ms = uv_hrtime() / 1000000 + ms;

	while (uv_hrtime() / 1000000 < end_ms)
		turn();
}

static char *
join_topics(const struct update *update)
{
	char   text[1024] = "";
	size_t i;

	for (i = 0; i < update->topic_count; i++) {
		if (i > 0)
			strcat(text, ",");
		strncat(text, update->topics[i], 200);
	}
	return mem_strdup(text);
}

static void
on_updates(void *arg, const struct update *updates, size_t count)
{
	struct user *user = arg;
	struct got  *got;
	size_t       i;

	assert_true(count > 0);
	user->got = mem_realloc(user->got,
	    (user->got_count + count) * sizeof(*got));
	for (i = 0; i < count; i++) {
		got = &user->got[user->got_count++];
		got->position = updates[i].position;
		got->id = updates[i].id ? mem_strdup(updates[i].id) : NULL;
		got->topics = join_topics(&updates[i]);
		got->bytes = mem_strndup(updates[i].bytes,
		    updates[i].len_bytes);
		got->is_private = updates[i].is_private;
	}
}

static void
on_level(void *arg, uint64_t position)
{
	struct user *user = arg;

	user->level_count++;
	user->level_position = position;
}

static void
on_lost(void *arg, uint64_t up_to)
{
	struct user *user = arg;

	user->lost_count++;
	user->lost_up_to = up_to;
}

static void
on_state(void *arg, enum store_state state, const char *why)
{
	struct user *user = arg;

	user->state = state;
	user->up_count += state == STORE_UP;
	user->down_count += state == STORE_DOWN;
	snprintf(user->why, sizeof(user->why), "%s", why ? why : "");
}

void
user_open(struct user *user, const struct store_options *options)
{
	const struct store_reader  reader = { on_updates, on_level, on_lost,
		 on_state, user };
	const struct store_engine *engine = &redis_unix_engine;
	struct store_options       all = { 0 };
	char                       error[300] = "";

	memset(user, 0, sizeof(*user));
	if (options != NULL)
		all = *options;
	if (all.url == NULL)
		all.url = broker.url;
	if (strncmp(all.url, "redis+unix:", 11) != 0)
		engine = &redis_engine;
	user->store = engine->open(&test_loop, &all, &reader, error,
	    sizeof(error));
	if (user->store == NULL)
		fail_msg("%s", error);
}

static void
on_closed(void *arg)
{
	((struct user *)arg)->is_closed = true;
}

void
user_forget(struct user *user)
{
	size_t i;

	for (i = 0; i < user->got_count; i++) {
		free(user->got[i].id);
		free(user->got[i].topics);
		free(user->got[i].bytes);
	}
	free(user->got);
	user->got = NULL;
	user->got_count = 0;
}

void
user_close(struct user *user)
{
	user->store->engine->close(user->store, on_closed, user);
	wait_until(user->is_closed);
	user_forget(user);
}

void
user_tail(struct user *user, uint64_t after, const char *topic)
{
	user->store->engine->tail(user->store, after, &topic, topic != NULL);
}

static void
on_sent(struct store_publish *publish, const struct store_receipt *receipt)
{
	struct sent *sent = (struct sent *)publish;

	assert_false(sent->is_done);
	sent->is_done = true;
	sent->receipt = *receipt;
	snprintf(sent->why, sizeof(sent->why), "%s",
	    receipt->why ? receipt->why : "");
	snprintf(sent->id, sizeof(sent->id), "%s",
	    receipt->id ? receipt->id : "");
}

void
user_publish_as(struct user *user, struct sent *sent,
    const struct update *update, const char *once)
{
	memset(sent, 0, sizeof(*sent));
	sent->publish.done = on_sent;
	user->store->engine->publish(user->store, &sent->publish, update, once);
	/* Never from within the call. */
	assert_false(sent->is_done);
}

void
user_publish(struct user *user, struct sent *sent, const char *topic,
    const char *text)
{
	char          bytes[256];
	struct update update = { .topics = &topic, .topic_count = 1 };

	snprintf(bytes, sizeof(bytes), "data: %s\n\n", text);
	update.bytes = bytes;
	update.len_bytes = strlen(bytes);
	user_publish_as(user, sent, &update, NULL);
}

uint64_t
user_keep(struct user *user, const char *topic, const char *text)
{
	struct sent sent;

	user_publish(user, &sent, topic, text);
	wait_until(sent.is_done);
	assert_string_equal(sent.why, "");
	assert_int_equal(sent.receipt.result, STORE_KEPT);
	return sent.receipt.position;
}

static void
on_found(struct store_find *find, const struct update *update)
{
	struct found *found = (struct found *)find;

	assert_false(found->is_done);
	found->is_done = true;
	found->position = update == NULL ? 0 : update->position;
}

void
user_find(struct user *user, struct found *found, const char *id,
    const char *topic)
{
	memset(found, 0, sizeof(*found));
	found->find.done = on_found;
	user->store->engine->find(user->store, &found->find, id, &topic,
	    topic != NULL);
	assert_false(found->is_done);
}
