#ifndef PROCESS_ACCEPT_H
#define PROCESS_ACCEPT_H

#include <stdbool.h>
#include <uv.h>

#include "process/listen.h"

struct conns;

/*
 * Accepts connections on all listeners, which it takes over, and hands them to
 * conns.
 */
struct acceptor;

struct acceptor *acceptor_new(uv_loop_t *, struct listeners *, struct conns *);

/*
 * Accepts the connections that wait at the listeners, since a web server whose
 * connection is reset answers its client with an error; then no more. Where
 * systemd keeps the socket they wait for the next process. Closes the
 * listeners, and frees itself within the loop.
 */
void acceptor_stop(struct acceptor *);

#endif
