#ifndef PROCESS_NOTIFY_H
#define PROCESS_NOTIFY_H

#include <uv.h>

/*
 * Tells the service manager how the process is, if it asks for that by
 * NOTIFY_SOCKET (sd_notify(3)). The protocol is one datagram and is promised
 * to stay; a library for it would be larger than the rest of the process.
 */
struct notify {
	int        fd; /* -1: nobody asks */
	uv_timer_t watchdog;
};

/* With WATCHDOG_USEC it also sends a sign of life at half that time. */
void notify_init(struct notify *, uv_loop_t *);
void notify_deinit(struct notify *);

/* Sends a state, such as "READY=1". */
void notify_send(const struct notify *, const char *state);

#endif
