#ifndef STORE_REDIS_LOOP_H
#define STORE_REDIS_LOOP_H

#include <hiredis/async.h>
#include <uv.h>

/*
 * Has the loop drive a connection of hiredis, from a connect under way to
 * redisAsyncFree. Unlike the adapter that hiredis 0.14 brings it reports a
 * connection that is refused, through the connect callback as any failure.
 * An answer that claims to be huge ends the connection.
 * Returns 0 or an error of libuv; the connection is then not driven.
 */
int redis_loop_attach(redisAsyncContext *, uv_loop_t *);

#endif
