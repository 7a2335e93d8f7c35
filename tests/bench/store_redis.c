/*
 * What the log in Redis costs: one process publishes at a rate, others read
 * the tail; prints the server's CPU for an event and how long an event takes
 * from its publish to each reader, as one JSON object.
 *
 *	store_redis URL SERVER_PID READERS EVENTS_PER_S SECONDS
 */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"

#include "store_user.h"

#define SAMPLES_MAX 1000000
#define READERS_MAX 100

/* What a reader tells of the updates that came, in us. */
struct result {
	double p50, p99;
	size_t count;
};

static double
cpu_ms(pid_t pid)
{
	char          path[64], text[1024] = "", *at;
	unsigned long user = 0, kernel = 0;
	FILE         *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	if (file == NULL || fgets(text, sizeof(text), file) == NULL) {
		perror(path);
		exit(1);
	}
	fclose(file);
	at = strrchr(text, ')');
	if (at != NULL)
		sscanf(at,
		    ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
		    "%lu %lu",
		    &user, &kernel);
	return (double)(user + kernel) * 1000 / (double)sysconf(_SC_CLK_TCK);
}

/* Reads until it is told to end, then writes p50, p99 and the count. */
static volatile sig_atomic_t is_ending;

static void
on_term(int signal)
{
	(void)signal;
	is_ending = 1;
}

static void
on_tick(uv_timer_t *timer)
{
	if (is_ending)
		uv_stop(timer->loop);
}

static void
read_tail(int out)
{
	uv_timer_t    tick;
	struct result result;

	signal(SIGTERM, on_term);
	store_times_arrivals = true;
	store_user_settle(store_user_open(false), NULL, 0);
	store_need_samples(SAMPLES_MAX);
	if (write(out, "x", 1) != 1)
		_exit(1);
	uv_timer_init(&store_loop, &tick);
	uv_timer_start(&tick, on_tick, 100, 100);
	uv_run(&store_loop, UV_RUN_DEFAULT);
	store_sort_samples();
	result.p50 = store_quantile(0.5);
	result.p99 = store_quantile(0.99);
	result.count = store_sample_count;
	_exit(write(out, &result, sizeof(result)) != sizeof(result));
}

int
main(int argc, char **argv)
{
	pid_t         pids[READERS_MAX], server;
	int           pipes[READERS_MAX][2];
	struct result result;
	struct store *store;
	size_t        readers, i, total, got = 0;
	double        before, p50 = 0, p99 = 0;
	unsigned long rate, seconds;
	char          ready;

	if (argc != 6 || strtoul(argv[3], NULL, 10) > READERS_MAX) {
		fprintf(stderr,
		    "usage: store_redis URL SERVER_PID READERS "
		    "EVENTS_PER_S SECONDS\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	log_init("stderr", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR);
	store_url = argv[1];
	server = (pid_t)strtol(argv[2], NULL, 10);
	readers = strtoul(argv[3], NULL, 10);
	rate = strtoul(argv[4], NULL, 10);
	seconds = strtoul(argv[5], NULL, 10);
	total = rate * seconds;
	for (i = 0; i < readers; i++) {
		if (pipe(pipes[i]) != 0 || (pids[i] = fork()) < 0)
			return 1;
		if (pids[i] == 0)
			read_tail(pipes[i][1]);
		if (read(pipes[i][0], &ready, 1) != 1)
			return 1;
	}
	store = store_user_open(false);
	before = cpu_ms(server);
	store_user_publish_at(store, total, 1e6 / (double)rate, STORE_TOPIC);
	usleep(200000);
	before = cpu_ms(server) - before;
	for (i = 0; i < readers; i++) {
		kill(pids[i], SIGTERM);
		if (read(pipes[i][0], &result, sizeof(result)) !=
		    (ssize_t)sizeof(result))
			return 1;
		waitpid(pids[i], NULL, 0);
		p50 = result.p50 > p50 ? result.p50 : p50;
		p99 = result.p99 > p99 ? result.p99 : p99;
		got += result.count;
	}
	printf("{\"readers\": %zu, \"rate\": %lu, \"kept\": %zu, "
	       "\"published\": %zu, \"delivered\": %zu, \"expected\": %zu, "
	       "\"broker_us\": %.1f, \"p50_ms\": %.1f, \"p99_ms\": %.1f}\n",
	    readers, rate, total - store_failed_count, total, got,
	    total * readers, before * 1000 / (double)total, p50 / 1000,
	    p99 / 1000);
	return 0;
}
