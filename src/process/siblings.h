#ifndef PROCESS_SIBLINGS_H
#define PROCESS_SIBLINGS_H

#include <uv.h>

struct listeners;

/*
 * Finds out whether other processes of this program serve the same address,
 * as `spawn-fcgi -F` and lighttpd's max-procs have them do. Each would have
 * topics of its own then, and an event would reach some subscribers only.
 *
 * Each process has an abstract unix socket whose name tells the address. One
 * that starts sees the names of the others, and asks them. Only processes of
 * the same user are believed.
 */
struct siblings;

/*
 * Calls on_found(arg), once, later from the loop. NULL when the
 * listeners are not of a kind that is shared.
 */
struct siblings *siblings_new(uv_loop_t *, const struct listeners *,
    void (*on_found)(void *), void *arg);

/* NULL is allowed. */
void siblings_free(struct siblings *);

#endif
