#ifndef PROCESS_SIGNALS_H
#define PROCESS_SIGNALS_H

#include <uv.h>

#define SIGNALS_COUNT 4

/* The signals that the process acts on, from within its loop. */
struct signals {
	uv_signal_t handles[SIGNALS_COUNT];
	void (*on_stop)(void *);   /* SIGTERM, SIGINT, SIGUSR1 */
	void (*on_hangup)(void *); /* SIGHUP */
	void *arg;
};

/*
 * Blocks these signals until signals_init. One that arrives while the process
 * starts is then handled by the loop, instead of killing the process.
 */
void signals_hold(void);

/* Unblocks them, with their default effect. */
void signals_release(void);

/*
 * Handles the signals in the loop, and ignores SIGPIPE. To be called after
 * libfcgi is initialised, which sets handlers of its own.
 */
void signals_init(struct signals *, uv_loop_t *);
void signals_deinit(struct signals *);

#endif
