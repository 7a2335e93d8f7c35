/* The doorbell: who is waked, and what is noticed though nobody rang. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/bell.h"

#include "file_fixture.h"

struct listener {
	atomic_int ring_count;
	atomic_int alarm_count;
};

static void
on_ring(void *arg, bool is_alarm)
{
	struct listener *listener = arg;

	if (is_alarm)
		atomic_fetch_add(&listener->alarm_count, 1);
	atomic_fetch_add(&listener->ring_count, 1);
}

static void
listen_to(struct bell *bell, struct listener *listener, const char *topic)
{
	struct bell_words words;

	atomic_init(&listener->ring_count, 0);
	atomic_init(&listener->alarm_count, 0);
	if (topic == NULL) {
		bell_words_set_all(&words);
	} else {
		bell_words_clear(&words);
		bell_words_add(&words, topic);
	}
	assert_int_equal(bell_watch(bell, &words, file_path, on_ring, listener),
	    0);
}

static void
ring(struct bell *bell, const char *topic)
{
	struct bell_words words;

	bell_words_clear(&words);
	bell_words_add(&words, topic);
	bell_begin(bell, &words);
	bell_end(bell, &words);
	bell_ring(bell, &words);
}

static void
wait_for(atomic_int *count, int at_least)
{
	for (int i = 0; i < 10000 && atomic_load(count) < at_least; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	assert_true(atomic_load(count) >= at_least);
}

static void
test_a_ring_wakes_those_of_the_topic(void **state)
{
	struct bell    *bells[3];
	struct listener all, a, b;

	(void)state;
	for (int i = 0; i < 3; i++) {
		bells[i] = bell_open(file_path, true);
		assert_non_null(bells[i]);
	}
	listen_to(bells[0], &all, NULL);
	listen_to(bells[1], &a, "a");
	listen_to(bells[2], &b, "b");
	for (int i = 1; i <= 50; i++) {
		ring(bells[0], "a");
		wait_for(&all.ring_count, i);
		wait_for(&a.ring_count, i);
	}
	assert_int_equal(atomic_load(&b.ring_count), 0);
	ring(bells[0], "b");
	wait_for(&b.ring_count, 1);
	bell_ring_all(bells[0]);
	wait_for(&b.ring_count, 2);
	assert_int_equal(atomic_load(&all.alarm_count), 0);
	for (int i = 0; i < 3; i++) {
		bell_unwatch(bells[i]);
		bell_close(bells[i]);
	}
}

static void
test_one_listens_to_several_topics(void **state)
{
	struct bell      *bell = bell_open(file_path, true);
	struct bell      *other = bell_open(file_path, false);
	struct bell_words words;
	struct listener   listener = { 0, 0 };

	(void)state;
	bell_words_clear(&words);
	bell_words_add(&words, "a");
	bell_words_add(&words, "b");
	assert_int_equal(bell_watch(bell, &words, file_path, on_ring,
			     &listener),
	    0);
	ring(other, "b");
	wait_for(&listener.ring_count, 1);
	ring(other, "a");
	wait_for(&listener.ring_count, 2);
	bell_unwatch(bell);
	bell_close(bell);
	bell_close(other);
}

/* But its owner knows that it rang. */
/* More than the kernel waits for at once. */
static void
test_one_listens_to_many_topics(void **state)
{
	struct bell      *bell = bell_open(file_path, true);
	struct bell      *other = bell_open(file_path, false);
	struct listener   listener = { 0 };
	struct bell_words words;
	char              topic[8];

	(void)state;
	bell_words_clear(&words);
	for (int i = 0; i < 100; i++) {
		snprintf(topic, sizeof(topic), "%d", i);
		bell_words_add(&words, topic);
	}
	assert_int_equal(bell_watch(bell, &words, file_path, on_ring,
			     &listener),
	    0);
	for (int i = 0; i < 100; i++) {
		snprintf(topic, sizeof(topic), "%d", i);
		atomic_store(&listener.ring_count, 0);
		ring(other, topic);
		wait_for(&listener.ring_count, 1);
	}
	bell_unwatch(bell);
	bell_close(other);
	bell_close(bell);
}

/* As on kernels before 5.16, and in containers that do not know the call. */
static int
forbid_to_wait_on_several(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 449, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 4, code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ?
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) :
	    -1;
}

static int
listen_without_the_call(struct bell *bell)
{
	struct bell      *other = bell_open(file_path, false);
	struct bell_words words;
	struct listener   listener = { 0 };

	bell_words_clear(&words);
	bell_words_add(&words, "a");
	bell_words_add(&words, "b");
	if (forbid_to_wait_on_several() == -1 ||
	    bell_watch(bell, &words, file_path, on_ring, &listener) == -1)
		return 1;
	/* What was rung until then may have been missed. */
	wait_for(&listener.alarm_count, 1);
	atomic_store(&listener.ring_count, 0);
	ring(other, "b");
	wait_for(&listener.ring_count, 1);
	bell_unwatch(bell);
	bell_close(other);
	return 0;
}

static void
test_a_kernel_that_waits_on_one_only(void **state)
{
	struct bell *bell = bell_open(file_path, true);
	int          status;
	pid_t        pid;

	(void)state;
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0)
		_exit(listen_without_the_call(bell));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	bell_close(bell);
}

static void
test_nobody_is_woken_where_nobody_else_is(void **state)
{
	struct bell      *bell = bell_open(file_path, true);
	struct bell      *other = bell_open(file_path, false);
	struct bell_words words;
	struct listener   listener;

	(void)state;
	listen_to(bell, &listener, NULL);
	bell_words_set_all(&words);
	assert_int_equal(bell_ring(bell, &words), 0);
	bell_close(bell_ref(bell));
	ring(other, "a");
	wait_for(&listener.ring_count, 1);
	bell_unwatch(bell);
	assert_int_equal(bell_ring(other, &words), 0);
	bell_close(bell);
	bell_close(other);
}

/* Whoever commits is killed between its commit and its ring. */
static void
test_a_ring_that_never_came_is_noticed(void **state)
{
	struct bell      *bell = bell_open(file_path, true);
	struct bell      *killed = bell_open(file_path, false);
	struct bell_words words;
	struct listener   listener;

	(void)state;
	listen_to(bell, &listener, "a");
	bell_words_clear(&words);
	bell_words_add(&words, "a");
	bell_begin(killed, &words);
	bell_close(killed);
	wait_for(&listener.ring_count, 1);
	bell_unwatch(bell);
	listen_to(bell, &listener, "a");
	wait_for(&listener.alarm_count, 1);
	/* The next one rings as ever, and its end is even again. */
	ring(bell, "a");
	assert_int_equal(bell_word_all(bell) & 1, 0);
	bell_unwatch(bell);
	bell_close(bell);
}

static void
test_another_file_is_noticed(void **state)
{
	struct bell    *bell = bell_open(file_path, true);
	struct listener listener;

	(void)state;
	listen_to(bell, &listener, NULL);
	unlink(file_path);
	wait_for(&listener.alarm_count, 1);
	bell_unwatch(bell);
	bell_close(bell);
}

static void
test_a_cut_file_is_no_bus_error(void **state)
{
	struct bell    *bell = bell_open(file_path, true);
	struct listener listener;

	(void)state;
	listen_to(bell, &listener, NULL);
	assert_int_equal(truncate(file_path, 0), 0);
	ring(bell, "a");
	assert_int_equal(bell_word_all(bell), 0);
	wait_for(&listener.alarm_count, 2);
	bell_unwatch(bell);
	bell_close(bell);
	assert_int_equal(truncate(file_path, 17), 0);
	assert_null(bell_open(file_path, true));
	assert_int_equal(errno, EINVAL);
	unlink(file_path);
	assert_null(bell_open(file_path, false));
	assert_int_equal(errno, ENOENT);
}

static void
test_a_process_hears_another(void **state)
{
	struct bell    *bell;
	struct listener listener;
	int             status;
	pid_t           pid;

	(void)state;
	bell = bell_open(file_path, true);
	listen_to(bell, &listener, "a");
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		bell = bell_open(file_path, false);
		if (bell != NULL)
			ring(bell, "a");
		_exit(bell == NULL);
	}
	wait_for(&listener.ring_count, 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	bell_unwatch(bell);
	bell_close(bell);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_ring_wakes_those_of_the_topic),
		cmocka_unit_test(test_one_listens_to_several_topics),
		cmocka_unit_test(test_one_listens_to_many_topics),
		cmocka_unit_test(test_a_kernel_that_waits_on_one_only),
		cmocka_unit_test(test_nobody_is_woken_where_nobody_else_is),
		cmocka_unit_test(test_a_ring_that_never_came_is_noticed),
		cmocka_unit_test(test_another_file_is_noticed),
		cmocka_unit_test(test_a_cut_file_is_no_bus_error),
		cmocka_unit_test(test_a_process_hears_another),
	};

	return cmocka_run_group_tests(tests, file_set_up, file_tear_down);
}
