#ifndef STORE_REDIS_LINK_H
#define STORE_REDIS_LINK_H

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct redis_args;
struct redis_url;

/*
 * One connection to the server that comes back by itself: the host's name is
 * resolved beside the loop, its addresses are tried in turn, the password and
 * the database are sent. Each state has its deadline; after a failure the next
 * attempt waits, 50 ms at first and up to 5 s, with jitter.
 */
enum redis_link_state {
	REDIS_LINK_CLOSED,
	REDIS_LINK_WAITING, /* for the next attempt */
	REDIS_LINK_RESOLVING,
	REDIS_LINK_CONNECTING,
	REDIS_LINK_GREETING, /* AUTH and SELECT are sent */
	REDIS_LINK_READY
};

/* The longest that a server may let a command wait; then it counts as down. */
#define REDIS_LINK_ANSWER_MS 5000

struct redis_link {
	uv_loop_t              *loop;
	const struct redis_url *url;

	/* Both are called from the loop. why lasts for the call. */
	void (*on_ready)(void *arg);
	void (*on_down)(void *arg, const char *why);
	void *arg;

	enum redis_link_state state;
	redisAsyncContext    *context; /* NULL: no connection */
	uv_timer_t            timer;
	uv_getaddrinfo_t      request;
	bool                  is_looking_up; /* the request is in use */
	char                 *addresses;     /* each with its NUL */
	size_t                address_count;
	size_t                address_next; /* the one to try */
	uint64_t              wait_ms;      /* before the next attempt */
	size_t                pending_count;
	uint64_t              progress_ms; /* when the last answer came */
	void (*on_closed)(void *arg);      /* NULL: not being closed */
};

/* The timer becomes one of the loop's: redis_link_close is due. */
void redis_link_init(struct redis_link *, uv_loop_t *,
    const struct redis_url *);

/* Begins to connect, from the loop, unless it has begun already. */
void redis_link_open(struct redis_link *);

/*
 * Takes the answer, which lasts for the call, or NULL: the connection was lost
 * before it came. Called once, from the loop or from within redis_link_fail,
 * _reset or _close.
 */
typedef void redis_answer_fn(void *arg, const redisReply *);

/* Sends a command; false, and nothing is called: the link is not ready. */
bool redis_link_call(struct redis_link *, const struct redis_args *,
    redis_answer_fn *, void *arg);

/* Gives the connection up, and makes another after a while. */
void redis_link_fail(struct redis_link *, const char *why);

/* The same, but at once, and on_down is not called. */
void redis_link_reset(struct redis_link *);

/* The server does what it is to do: the next wait is a short one. */
void redis_link_settle(struct redis_link *);

/* on_closed is called from the loop when nothing of the link is left. */
void redis_link_close(struct redis_link *, void (*on_closed)(void *arg));

#endif
