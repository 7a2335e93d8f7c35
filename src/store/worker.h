#ifndef STORE_WORKER_H
#define STORE_WORKER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

/*
 * A thread that does what blocks, one job at a time. The loop begins a job and
 * is told of its end; no lock is held meanwhile for which the other would have
 * to wait.
 */
struct worker {
	void (*run)(void *arg);   /* a job, in the thread */
	void (*ended)(void *arg); /* in the thread, when there is an end to take
	                           */
	void       *arg;
	pthread_t   thread;
	sem_t       begun;
	atomic_bool has_ended; /* and the loop has not taken that yet */
	atomic_bool is_closing;
	bool        has_thread;
};

/* The thread is not started before the first job. */
void worker_init(struct worker *, void (*run)(void *arg),
    void (*ended)(void *arg), void *arg);

/* Ends the thread. No job is under way. */
void worker_deinit(struct worker *);

/* What to say when there is none. */
#define WORKER_NONE "no thread can be started"

/*
 * Begins a job; that before has been taken. false: there is no thread and none
 * can be started, so this job has ended without a run.
 */
bool worker_begin(struct worker *);

/* Whether the job has ended, once. */
bool worker_take(struct worker *);

#endif
