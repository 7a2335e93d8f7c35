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

#define OPTIONS_MAX 40

struct broker broker;

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
	for (i = 0; i < 6000 && !broker_answers(); i++)
		usleep(5000);
	assert_true(i < 6000);
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

int
redis_set_up(void **state)
{
	if (store_set_up(state) != 0)
		return -1;
	signal(SIGPIPE, SIG_IGN);
	broker_init();
	snprintf(store_url, sizeof(store_url), "%s", broker.url);
	return 0;
}

int
redis_tear_down(void **state)
{
	broker_deinit();
	return store_tear_down(state);
}
