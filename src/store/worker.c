#include "config.h"

#include "store/worker.h"

#include <errno.h>

#include "base/thread.h"

/* SQLite needs little of it, and pages that are not touched cost nothing. */
#define STACK_BYTES (1 << 20)

void
worker_init(struct worker *worker, void (*run)(void *arg),
    void (*ended)(void *arg), void *arg)
{
	worker->run = run;
	worker->ended = ended;
	worker->arg = arg;
	worker->has_thread = false;
	atomic_init(&worker->has_ended, false);
	atomic_init(&worker->is_closing, false);
	sem_init(&worker->begun, 0, 0);
}

void
worker_deinit(struct worker *worker)
{
	if (worker->has_thread) {
		atomic_store(&worker->is_closing, true);
		sem_post(&worker->begun);
		pthread_join(worker->thread, NULL);
	}
	sem_destroy(&worker->begun);
}

static void
end(struct worker *worker)
{
	atomic_store(&worker->has_ended, true);
	worker->ended(worker->arg);
}

static void *
work(void *arg)
{
	struct worker *worker = arg;

	for (;;) {
		while (sem_wait(&worker->begun) == -1 && errno == EINTR)
			continue;
		if (atomic_load(&worker->is_closing))
			return NULL;
		worker->run(worker->arg);
		end(worker);
	}
}

bool
worker_begin(struct worker *worker)
{
	if (!worker->has_thread)
		worker->has_thread = thread_start(&worker->thread, STACK_BYTES,
					 work, worker) == 0;
	if (!worker->has_thread) {
		end(worker);
		return false;
	}
	sem_post(&worker->begun);
	return true;
}

bool
worker_take(struct worker *worker)
{
	return atomic_exchange(&worker->has_ended, false);
}
