/* A thread that does one job at a time, or cannot be started. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include "store/worker.h"

#define JOB_COUNT 1000

static bool is_full; /* the system has no place for another thread */

/* Takes the place of the C library's. */
int
pthread_create(pthread_t *thread, const pthread_attr_t *attr,
    void *(*run)(void *), void                         *arg)
{
	int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *),
	    void *);

	if (is_full)
		return EAGAIN;
	*(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
	return real(thread, attr, run, arg);
}

struct office {
	struct worker worker;
	sem_t         ends; /* posted at each */
	pthread_t     thread;
	unsigned      job_count;
	sigset_t      blocked;
};

static void
run(void *arg)
{
	struct office *office = arg;

	office->thread = pthread_self();
	office->job_count++;
	pthread_sigmask(SIG_SETMASK, NULL, &office->blocked);
}

static void
ended(void *arg)
{
	sem_post(&((struct office *)arg)->ends);
}

static void
open_office(struct office *office)
{
	office->job_count = 0;
	sem_init(&office->ends, 0, 0);
	worker_init(&office->worker, run, ended, office);
}

static void
close_office(struct office *office)
{
	worker_deinit(&office->worker);
	sem_destroy(&office->ends);
}

static void
test_jobs_are_done_one_by_one(void **state)
{
	struct office office;

	(void)state;
	open_office(&office);
	assert_false(worker_take(&office.worker));
	for (unsigned i = 1; i <= JOB_COUNT; i++) {
		assert_true(worker_begin(&office.worker));
		sem_wait(&office.ends);
		assert_true(worker_take(&office.worker));
		assert_false(worker_take(&office.worker));
		assert_int_equal(office.job_count, i);
	}
	assert_false(pthread_equal(office.thread, pthread_self()));
	assert_true(sigismember(&office.blocked, SIGTERM));
	close_office(&office);
}

static void
test_a_job_without_a_thread(void **state)
{
	struct office office;

	(void)state;
	open_office(&office);
	is_full = true;
	assert_false(worker_begin(&office.worker));
	is_full = false;
	sem_wait(&office.ends);
	assert_true(worker_take(&office.worker));
	assert_int_equal(office.job_count, 0);
	/* There is a place again. */
	assert_true(worker_begin(&office.worker));
	sem_wait(&office.ends);
	assert_true(worker_take(&office.worker));
	assert_int_equal(office.job_count, 1);
	close_office(&office);
}

static void
test_none_that_never_worked(void **state)
{
	struct office office;

	(void)state;
	open_office(&office);
	close_office(&office);
	assert_int_equal(office.job_count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jobs_are_done_one_by_one),
		cmocka_unit_test(test_a_job_without_a_thread),
		cmocka_unit_test(test_none_that_never_worked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
