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
#include "base/mem.h"
#include "hub/update.h"
#include "store/store.h"

#define EVENT_BYTES 220
#define SAMPLES_MAX 1000000
#define READERS_MAX 100

static uv_loop_t     loop;
static struct store *store;
static bool          is_level;
static int32_t       samples[SAMPLES_MAX]; /* us from publish to here */
static size_t        sample_count;
static size_t        answered_count, kept_count;

static void
on_updates(void *arg, const struct update *updates, size_t count)
{
	uint64_t now_us = uv_hrtime() / 1000;
	size_t   i;

	(void)arg;
	for (i = 0; i < count && sample_count < SAMPLES_MAX; i++)
		samples[sample_count++] = (int32_t)(now_us -
		    strtoull(updates[i].bytes + 6, NULL, 10));
}

static void
on_level(void *arg, uint64_t position)
{
	(void)arg;
	(void)position;
	is_level = true;
}

static void
on_lost(void *arg, uint64_t up_to)
{
	(void)arg;
	fprintf(stderr, "lost up to %llu\n", (unsigned long long)up_to);
}

static void
on_state(void *arg, enum store_state state, const char *why)
{
	(void)arg;
	if (state == STORE_DOWN)
		fprintf(stderr, "down: %s\n", why);
}

static void
open_store(const char *url)
{
	const struct store_reader reader = { on_updates, on_level, on_lost,
		on_state, NULL };
	struct store_options      options = { .url = url };
	char                      error[300];

	log_init("stderr", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR);
	uv_loop_init(&loop);
	store = store_open(&loop, &options, &reader, error, sizeof(error));
	if (store == NULL) {
		fprintf(stderr, "%s\n", error);
		exit(1);
	}
}

static int
compare_samples(const void *a, const void *b)
{
	int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;

	return (left > right) - (left < right);
}

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
read_tail(const char *url, int out)
{
	uv_timer_t tick;
	int32_t    result[3] = { 0 };

	signal(SIGTERM, on_term);
	open_store(url);
	store_tail(store, 0, NULL, 0);
	while (!is_level)
		uv_run(&loop, UV_RUN_ONCE);
	sample_count = 0;
	if (write(out, "x", 1) != 1)
		_exit(1);
	uv_timer_init(&loop, &tick);
	uv_timer_start(&tick, on_tick, 100, 100);
	uv_run(&loop, UV_RUN_DEFAULT);
	qsort(samples, sample_count, sizeof(samples[0]), compare_samples);
	if (sample_count > 0) {
		result[0] = samples[sample_count / 2];
		result[1] = samples[sample_count * 99 / 100];
	}
	result[2] = (int32_t)sample_count;
	_exit(write(out, result, sizeof(result)) != sizeof(result));
}

static void
on_done(struct store_publish *publish, const struct store_receipt *receipt)
{
	answered_count++;
	kept_count += receipt->result == STORE_KEPT;
	free(publish);
}

static void
publish(void)
{
	struct store_publish *publish = mem_zalloc(sizeof(*publish));
	const char           *topic = "https://example.org/news/one";
	char                  bytes[EVENT_BYTES];
	struct update         update = { .topics = &topic,
			.topic_count = 1,
			.bytes = bytes,
			.len_bytes = sizeof(bytes) };

	memset(bytes, 'x', sizeof(bytes));
	snprintf(bytes, sizeof(bytes), "data: %llu ",
	    (unsigned long long)(uv_hrtime() / 1000));
	bytes[strlen(bytes)] = 'x';
	memcpy(bytes + sizeof(bytes) - 2, "\n\n", 2);
	publish->done = on_done;
	store_publish(store, publish, &update, NULL);
}

static size_t
publish_all(unsigned long rate, unsigned long seconds)
{
	uint64_t begin_ns = uv_hrtime(), due;
	size_t   count = 0, total = rate * seconds;

	while (answered_count < total) {
		due = (uv_hrtime() - begin_ns) * rate / 1000000000;
		for (; count < due && count < total; count++)
			publish();
		uv_run(&loop, UV_RUN_NOWAIT);
		usleep(count - answered_count == 0 ? 200 : 50);
	}
	return total;
}

int
main(int argc, char **argv)
{
	pid_t         pids[READERS_MAX], server;
	int           pipes[READERS_MAX][2];
	int32_t       result[3], p50 = 0, p99 = 0;
	size_t        readers, i, total, got = 0;
	double        before;
	unsigned long rate, seconds;
	char          ready;

	if (argc != 6 || strtoul(argv[3], NULL, 10) > READERS_MAX) {
		fprintf(stderr,
		    "usage: store_redis URL SERVER_PID READERS "
		    "EVENTS_PER_S SECONDS\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	server = (pid_t)strtol(argv[2], NULL, 10);
	readers = strtoul(argv[3], NULL, 10);
	rate = strtoul(argv[4], NULL, 10);
	seconds = strtoul(argv[5], NULL, 10);
	for (i = 0; i < readers; i++) {
		if (pipe(pipes[i]) != 0 || (pids[i] = fork()) < 0)
			return 1;
		if (pids[i] == 0)
			read_tail(argv[1], pipes[i][1]);
		if (read(pipes[i][0], &ready, 1) != 1)
			return 1;
	}
	open_store(argv[1]);
	before = cpu_ms(server);
	total = publish_all(rate, seconds);
	usleep(200000);
	before = cpu_ms(server) - before;
	for (i = 0; i < readers; i++) {
		kill(pids[i], SIGTERM);
		if (read(pipes[i][0], result, sizeof(result)) !=
		    (ssize_t)sizeof(result))
			return 1;
		waitpid(pids[i], NULL, 0);
		p50 = result[0] > p50 ? result[0] : p50;
		p99 = result[1] > p99 ? result[1] : p99;
		got += (size_t)result[2];
	}
	printf("{\"readers\": %zu, \"rate\": %lu, \"kept\": %zu, "
	       "\"published\": %zu, \"delivered\": %zu, \"expected\": %zu, "
	       "\"broker_us\": %.1f, \"p50_ms\": %.1f, \"p99_ms\": %.1f}\n",
	    readers, rate, kept_count, total, got, total * readers,
	    before * 1000 / (double)total, p50 / 1000.0, p99 / 1000.0);
	return 0;
}
