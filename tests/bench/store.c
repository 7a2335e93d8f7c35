/*
 * store URL MODE NUMBER...: what a store costs, driven through its interface.
 * Prints one JSON object. The modes:
 *   append COUNT IN-FLIGHT   one process publishes, so many at a time
 *   writers PROCESSES COUNT  several publish, one update at a time each
 *   load MIB                 what reading so much takes at a start
 *   bell RATE SECONDS        from a publish in one process to another
 *   lean PROCESSES COUNT     processes that each read two topics: idle, then
 *                            updates to one of them, then to all
 */

#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store_user.h"

#define IDLE_SECONDS 5

static double
cpu_us(int who)
{
	struct rusage usage;

	getrusage(who, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
	    (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void
run_append(size_t count, size_t flight_count)
{
	struct store *store = store_user_open(false);
	double        cpu, began;

	store_user_settle(store, NULL, 0);
	store_need_samples(count);
	cpu = cpu_us(RUSAGE_SELF);
	began = now_us();
	store_user_publish_all(store, count, flight_count);
	printf("{\"mode\": \"append\", \"in_flight\": %zu, "
	       "\"per_second\": %.0f, \"cpu_us\": %.1f, ",
	    flight_count, (double)count / (now_us() - began) * 1e6,
	    (cpu_us(RUSAGE_SELF) - cpu) / (double)count);
	store_print_latency();
	printf("}\n");
	store_user_close(store);
}

/* Starts a child; in the parent, where its samples come from. */
static pid_t
start(int *from)
{
	int   ends[2];
	pid_t pid;

	fflush(stdout);
	if (pipe(ends) != 0 || (pid = fork()) == -1) {
		perror("fork");
		exit(1);
	}
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(ends[pid != 0]);
	*from = ends[pid == 0];
	return pid;
}

static void
run_writers(size_t process_count, size_t count)
{
	int   *pipes = calloc(process_count, sizeof(*pipes));
	double began = now_us();

	for (size_t i = 0; i < process_count; i++) {
		if (start(&pipes[i]) == 0) {
			struct store *store = store_user_open(false);

			store_need_samples(count);
			store_user_publish_all(store, count, 1);
			store_write_samples(pipes[i]);
			store_user_close(store);
			exit(store_failed_count > 0);
		}
	}
	store_need_samples(process_count * count);
	for (size_t i = 0; i < process_count; i++)
		store_read_samples(pipes[i], count);
	while (wait(NULL) > 0)
		continue;
	printf("{\"mode\": \"writers\", \"processes\": %zu, "
	       "\"per_second\": %.0f, \"cpu_us\": %.1f, ",
	    process_count,
	    (double)store_sample_count / (now_us() - began) * 1e6,
	    cpu_us(RUSAGE_CHILDREN) / (double)store_sample_count);
	store_print_latency();
	printf("}\n");
	free(pipes);
}

static void
run_load(size_t mib)
{
	struct store *store = store_user_open(false);
	size_t        count;
	double        began, opened, cpu;

	count = (mib << 20) / (STORE_UPDATE_BYTES + sizeof(STORE_TOPIC));
	store_need_samples(0);
	store_user_publish_all(store, count, 1000);
	store_user_close(store);
	store_got_count = 0;
	cpu = cpu_us(RUSAGE_SELF);
	began = now_us();
	store = store_user_open(false);
	opened = now_us();
	store_user_settle(store, NULL, 0);
	printf("{\"mode\": \"load\", \"updates\": %zu, \"open_ms\": %.1f, "
	       "\"load_ms\": %.1f, \"cpu_ms\": %.1f}\n",
	    store_got_count, (opened - began) / 1e3, (now_us() - began) / 1e3,
	    (cpu_us(RUSAGE_SELF) - cpu) / 1e3);
	store_user_close(store);
}

static void
run_bell(size_t rate, size_t seconds)
{
	size_t        count = rate * seconds;
	struct store *store;
	double        cpu;
	pid_t         pid;
	int           from;

	pid = start(&from);
	if (pid == 0) {
		store = store_user_open(false);
		raise(SIGSTOP);
		store_user_publish_at(store, count, 1e6 / (double)rate,
		    STORE_TOPIC);
		store_user_close(store);
		exit(store_failed_count > 0);
	}
	store = store_user_open(false);
	store_user_settle(store, NULL, 0);
	waitpid(pid, NULL, WUNTRACED);
	store_times_arrivals = true;
	store_got_count = 0;
	store_need_samples(count);
	cpu = cpu_us(RUSAGE_SELF);
	kill(pid, SIGCONT);
	while (store_got_count < count)
		uv_run(&store_loop, UV_RUN_ONCE);
	printf("{\"mode\": \"bell\", \"rate\": %zu, "
	       "\"reader_cpu_us\": %.1f, ",
	    rate, (cpu_us(RUSAGE_SELF) - cpu) / (double)count);
	store_print_latency();
	printf("}\n");
	store_user_close(store);
	waitpid(pid, NULL, 0);
}

/* A process as a web server starts for one stream; it ends by SIGKILL. */
static void
be_lean(size_t number, int to)
{
	char          own[32];
	const char   *topics[2] = { own, "all" };
	struct store *store = store_user_open(true);

	snprintf(own, sizeof(own), "topic-%zu", number);
	store_need_samples(1024);
	store_user_settle(store, topics, 2);
	store_times_arrivals = true;
	/* The first sample says that it is ready. */
	store_sample_count = 1;
	for (;;) {
		store_write_samples(to);
		store_sample_count = 0;
		uv_run(&store_loop, UV_RUN_ONCE);
	}
}

static double
cpu_of_all(const pid_t *pids, size_t count)
{
	clockid_t       clock;
	struct timespec used;
	double          us = 0;

	for (size_t i = 0; i < count; i++) {
		if (clock_getcpuclockid(pids[i], &clock) == 0 &&
		    clock_gettime(clock, &used) == 0)
			us += (double)used.tv_sec * 1e6 +
			    (double)used.tv_nsec / 1e3;
	}
	return us;
}

/* CPU of all of them for an update; what is sampled is all arrivals. */
static double
publish_to_lean(struct store *store, const pid_t *pids, const int *pipes,
    size_t process_count, size_t count, const char *topic)
{
	bool   is_one = strcmp(topic, "all") != 0;
	double cpu = cpu_of_all(pids, process_count);

	store_times_arrivals = true;
	store_need_samples(count * process_count);
	store_user_publish_at(store, count, 50000, topic);
	for (size_t i = 0; i < (is_one ? 1 : process_count); i++)
		store_read_samples(pipes[i], count);
	return (cpu_of_all(pids, process_count) - cpu) / (double)count;
}

static void
run_lean(size_t process_count, size_t count)
{
	pid_t        *pids = calloc(process_count, sizeof(*pids));
	int          *pipes = calloc(process_count, sizeof(*pipes));
	struct store *store;
	double        idle;

	for (size_t i = 0; i < process_count; i++) {
		pids[i] = start(&pipes[i]);
		if (pids[i] == 0)
			be_lean(i, pipes[i]);
	}
	store_need_samples(process_count);
	for (size_t i = 0; i < process_count; i++)
		store_read_samples(pipes[i], 1);
	idle = cpu_of_all(pids, process_count);
	sleep(IDLE_SECONDS);
	idle = cpu_of_all(pids, process_count) - idle;
	printf("{\"mode\": \"lean\", \"processes\": %zu, "
	       "\"idle_percent\": %.2f, ",
	    process_count, idle / (IDLE_SECONDS * 1e6) * 100);
	fflush(stdout);
	store = store_user_open(false);
	printf("\"one\": {\"cpu_us\": %.1f, ",
	    publish_to_lean(store, pids, pipes, process_count, count,
		"topic-0"));
	store_print_latency();
	printf("}, \"all\": {\"cpu_us\": %.1f, ",
	    publish_to_lean(store, pids, pipes, process_count, count, "all"));
	store_print_latency();
	printf("}}\n");
	store_user_close(store);
	for (size_t i = 0; i < process_count; i++)
		kill(pids[i], SIGKILL);
	while (wait(NULL) > 0)
		continue;
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(size_t, size_t);
	} modes[] = {
		{ "append", run_append },
		{ "writers", run_writers },
		{ "bell", run_bell },
		{ "lean", run_lean },
	};
	size_t numbers[2] = { 0, 0 };

	for (int i = 3; i < argc && i < 5; i++)
		numbers[i - 3] = (size_t)strtoul(argv[i], NULL, 10);
	if (argc >= 4)
		store_url = argv[1];
	if (argc == 4 && strcmp(argv[2], "load") == 0) {
		run_load(numbers[0]);
		return 0;
	}
	for (size_t i = 0; argc == 5 && i < sizeof(modes) / sizeof(modes[0]);
	     i++) {
		if (strcmp(argv[2], modes[i].name) != 0)
			continue;
		modes[i].run(numbers[0], numbers[1]);
		return 0;
	}
	fprintf(stderr, "usage: store URL MODE NUMBER...\n");
	return 2;
}
