#ifndef TOOL_STORE_SESSION_H
#define TOOL_STORE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "store/store.h"

/*
 * A store that a command uses by itself, beside the servers that share it. It
 * leaves the limits of the log to them. The loop turns while the command waits.
 */
struct store_session {
	uv_loop_t                  loop;
	uv_timer_t                 timer;
	struct store              *store;
	const struct store_reader *tail;    /* NULL: nothing is read */
	bool                       is_told; /* that it is up, or down */
};

#define STORE_ERROR_BYTES 640

/* What names the store where the command line does not. */
#define STORE_URL_VARIABLE "FCGI_SSE_STORE"

/* The variable's value; NULL: it is not set, or empty. */
const char *store_session_default_url(void);

/*
 * Reports it if a URL of the command line has a password in it: everybody on
 * the machine can read the command line of a process.
 */
void store_session_warn(const char *url);

/*
 * Whether the URL is that of a store that other processes can use, and, unless
 * is_new, of a file that exists. -1: it is not, and error is a line.
 */
int store_session_check_url(const char *url, bool is_new, char *error,
    size_t error_bytes);

/*
 * Opens such a store. is_new: a file that is not there is made, with this tag
 * (0: any). The tail, which may be NULL and has to
 * last, has no on_state. Waits until the store says whether it is up, at most
 * for that time. -1: it never will be up, or is no such store; error is a line
 * without a password, and there is nothing to close.
 */
int store_session_open(struct store_session *, const char *url, bool is_new,
    uint64_t tag, const struct store_reader *tail, int64_t wait_ms, char *error,
    size_t error_bytes);

/* Whether it takes updates; why is then NULL, else a reason. */
bool store_session_is_up(const struct store_session *, const char **why);

/* Answers what is under way, and frees everything. */
void store_session_close(struct store_session *);

/* Turns the loop until the flag is set or the time is over: false. */
bool store_session_wait(struct store_session *, const bool *flag,
    int64_t wait_ms);

#endif
