#ifndef EDGE_REQUEST_H
#define EDGE_REQUEST_H

#include <uv.h>

struct conn;

/*
 * How requests come in on a connection: bytes are collected until their
 * records make a whole request, which becomes a call, which is answered.
 */

/* What the sockets of all connections report to. */
void request_on_poll(uv_poll_t *, int status, int events);

/* The request has not come in time. */
void request_time_out(struct conn *);

/* The answer has not come in time: the client gets another one. */
void request_time_out_answer(struct conn *);

#endif
