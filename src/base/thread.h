#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <stddef.h>

/*
 * Starts a thread beside the loop's. It receives no signals: these are for the
 * loop. Returns 0 or an error number, as pthread_create does.
 */
int thread_start(pthread_t *, size_t stack_bytes, void *(*run)(void *arg),
    void *arg);

#endif
