#ifndef PROCESS_NOTIFY_H
#define PROCESS_NOTIFY_H

#include <uv.h>

/*
 * Tells the service manager the state of the process, if NOTIFY_SOCKET is set
 * (sd_notify(3)). The protocol is one datagram, and systemd promises to keep
 * it.
 */
struct notify {
	int        fd; /* -1: there is none */
	uv_timer_t watchdog;
};

/* If WATCHDOG_USEC is set, WATCHDOG=1 is sent twice within that time. */
void notify_init(struct notify *, uv_loop_t *);
void notify_deinit(struct notify *);

/* Sends a state, such as "READY=1". */
void notify_send(const struct notify *, const char *state);

#endif
