/*
 * Fire: processes that publish to a log in SQLite are killed by SIGKILL at any
 * moment, readers too, which then go on from where they were. Nothing that was
 * acknowledged is missing, and nobody gets an update twice or out of order.
 * STORE_FIRE_SECONDS makes it longer.
 */

#include "store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRITER_COUNT 6
#define READER_COUNT 6
#define LOG_MAX (1 << 20)

/* What a reader was given; in memory that outlives it. */
struct reader_log {
	size_t   count;
	uint64_t positions[LOG_MAX];
};

/* What was acknowledged to a writer. */
struct writer_log {
	size_t   count;
	uint64_t positions[LOG_MAX];
};

static struct reader_log *reader_logs[READER_COUNT];
static struct writer_log *writer_logs[WRITER_COUNT];
static pid_t              writers[WRITER_COUNT];
static pid_t              readers[READER_COUNT];
static size_t             kill_count;

static void *
share(size_t size_bytes)
{
	void *memory = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_true(memory != MAP_FAILED);
	return memory;
}

static void
ignore_level(void *arg, uint64_t position)
{
	(void)arg;
	(void)position;
}

/* A reader that has lost something is a failure. */
static void
fail_lost(void *arg, uint64_t up_to)
{
	(void)arg;
	fprintf(stderr, "lost up to %llu\n", (unsigned long long)up_to);
	_exit(3);
}

static void
ignore_state(void *arg, enum store_state state, const char *why)
{
	(void)arg;
	(void)state;
	(void)why;
}

static void
note_updates(void *arg, const struct update *updates, size_t count)
{
	struct reader_log *log = arg;

	for (size_t i = 0; i < count; i++) {
		if (log->count == LOG_MAX)
			_exit(4);
		/* The count is what a reader that is begun again goes by. */
		log->positions[log->count] = updates[i].position;
		log->count++;
	}
}

static struct store *
open_child(void *arg, bool is_lean)
{
	struct store_options options = { .url = store_url, .is_lean = is_lean };
	struct store_reader  reader = { .on_updates = note_updates,
		 .on_level = ignore_level,
		 .on_lost = fail_lost,
		 .on_state = ignore_state,
		 .arg = arg };
	struct store        *store;
	char                 error[512];

	if (uv_loop_init(&store_loop) != 0)
		_exit(5);
	store = store_open(&store_loop, &options, &reader, error,
	    sizeof(error));
	if (store == NULL) {
		fprintf(stderr, "%s\n", error);
		_exit(6);
	}
	return store;
}

/* Half of them are readers of one topic, lean as a CGI process. */
static void
be_reader(int number)
{
	struct reader_log *log = reader_logs[number];
	const char        *topic = number % 4 == 1 ? "t1" : "t2";
	bool               is_lean = number % 2 == 1;
	struct store      *store = open_child(log, is_lean);
	uint64_t           after;

	after = log->count > 0 ? log->positions[log->count - 1] : 1;
	store_tail(store, after, &topic, is_lean);
	for (;;)
		uv_run(&store_loop, UV_RUN_ONCE);
}

struct flight {
	struct store_publish publish;
	bool                 is_free;
	struct writer_log   *log;
};

static void
note_kept(struct store_publish *publish, const struct store_receipt *receipt)
{
	struct flight *flight = (struct flight *)(void *)publish;

	if (receipt->result != STORE_KEPT)
		_exit(7);
	if (flight->log->count == LOG_MAX)
		_exit(4);
	flight->log->positions[flight->log->count] = receipt->position;
	flight->log->count++;
	flight->is_free = true;
}

static void
be_writer(int number)
{
	static const char *const topics[] = { "t1", "t2", "t3" };
	struct store            *store = open_child(NULL, number % 2 == 1);
	struct flight            flights[4];
	struct update update = { .bytes = "data: x\n\n", .len_bytes = 9 };
	unsigned      next = (unsigned)getpid();

	for (int i = 0; i < 4; i++)
		flights[i] = (struct flight){ { note_kept }, true,
			writer_logs[number] };
	for (;;) {
		for (int i = 0; i < 4; i++) {
			if (!flights[i].is_free)
				continue;
			flights[i].is_free = false;
			update.topics = &topics[next % 3];
			update.topic_count = next % 3 < 2 ? 1 + next % 2 : 1;
			next++;
			store_publish(store, &flights[i].publish, &update,
			    NULL);
		}
		uv_run(&store_loop, UV_RUN_ONCE);
	}
}

static pid_t
begin(void (*be)(int), int number)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		be(number);
		_exit(8);
	}
	return pid;
}

static void
end(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status))
		fail_msg("a process has failed: %d", WEXITSTATUS(status));
	kill_count++;
}

static int
compare_positions(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool
has_position(const uint64_t *positions, size_t count, uint64_t position)
{
	return bsearch(&position, positions, count, sizeof(*positions),
		   compare_positions) != NULL;
}

/* All that is in the log, and what of it goes to a topic. */
static void
read_log(const char *topic, struct reader_log *into)
{
	struct store_user user;

	store_user_open(&user, NULL);
	store_user_tail(&user, 0, topic);
	store_user_settle(&user);
	into->count = user.got_count;
	for (size_t i = 0; i < user.got_count; i++)
		into->positions[i] = user.got[i].position;
	store_user_close(&user);
}

static void
wait_for_readers(struct reader_log *const *logs)
{
	const struct reader_log *log;
	uint64_t                 end_ms = uv_hrtime() / 1000000 + 20000;

	for (int i = 0; i < READER_COUNT; i++) {
		log = logs[i % 2 == 0 ? 0 : i % 4 == 1 ? 1 : 2];
		while (*(volatile size_t *)&reader_logs[i]->count <
		    log->count) {
			assert_true(uv_hrtime() / 1000000 < end_ms);
			usleep(10000);
		}
		assert_int_equal(reader_logs[i]->count, log->count);
		assert_memory_equal(reader_logs[i]->positions, log->positions,
		    log->count * sizeof(uint64_t));
	}
}

static void
test_nothing_is_lost_and_nothing_comes_twice(void **state)
{
	const char        *text = getenv("STORE_FIRE_SECONDS");
	uint64_t           seconds = text == NULL ? 5 : strtoul(text, NULL, 10);
	uint64_t           end_ms = uv_hrtime() / 1000000 + seconds * 1000;
	struct reader_log *logs[3];
	size_t             kept_count = 0, delivered_count = 0;
	int                number;

	(void)state;
	for (int i = 0; i < READER_COUNT; i++)
		reader_logs[i] = share(sizeof(struct reader_log));
	for (int i = 0; i < WRITER_COUNT; i++)
		writer_logs[i] = share(sizeof(struct writer_log));
	for (int i = 0; i < 3; i++)
		logs[i] = share(sizeof(struct reader_log));
	for (int i = 0; i < WRITER_COUNT; i++)
		writers[i] = begin(be_writer, i);
	for (int i = 0; i < READER_COUNT; i++)
		readers[i] = begin(be_reader, i);
	while (uv_hrtime() / 1000000 < end_ms) {
		usleep((useconds_t)(random() % 20000));
		number = (int)(random() % WRITER_COUNT);
		end(writers[number]);
		writers[number] = begin(be_writer, number);
		if (random() % 3 > 0)
			continue;
		number = (int)(random() % READER_COUNT);
		end(readers[number]);
		readers[number] = begin(be_reader, number);
	}
	for (int i = 0; i < WRITER_COUNT; i++)
		end(writers[i]);
	read_log(NULL, logs[0]);
	read_log("t1", logs[1]);
	read_log("t2", logs[2]);
	wait_for_readers(logs);
	for (int i = 0; i < READER_COUNT; i++) {
		end(readers[i]);
		delivered_count += reader_logs[i]->count;
	}
	for (int i = 0; i < WRITER_COUNT; i++) {
		kept_count += writer_logs[i]->count;
		for (size_t j = 0; j < writer_logs[i]->count; j++)
			assert_true(has_position(logs[0]->positions,
			    logs[0]->count, writer_logs[i]->positions[j]));
	}
	print_message("%zu killed, %zu acknowledged of %zu, %zu deliveries\n",
	    kill_count, kept_count, logs[0]->count, delivered_count);
	assert_true(kept_count > 100 && kept_count <= logs[0]->count);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_nothing_is_lost_and_nothing_comes_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
