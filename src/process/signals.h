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
 * Has these signals wait until signals_init, so that one which comes while the
 * process starts is not lost on it, nor its end.
 */
void signals_hold(void);

/* Has them do again what they do by default. */
void signals_release(void);

/* Also has SIGPIPE ignored. After libfcgi, which sets handlers of its own. */
void signals_init(struct signals *, uv_loop_t *);
void signals_deinit(struct signals *);

#endif
