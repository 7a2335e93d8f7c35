#ifndef TESTS_UNIT_REDIS_FIXTURE_H
#define TESTS_UNIT_REDIS_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "hub/update.h"
#include "store/engine.h"

/* A redis-server of the test's own, on a unix socket in a folder of its own. */
struct broker {
	char  dir[64];
	char  socket[80];
	char  url[100];
	pid_t pid; /* 0: not running */
};

extern struct broker broker;

/*
 * Whether redis-server is there; if not, says so in cmocka's form and main is
 * to return 77.
 */
bool broker_is_there(const char *test);

/* Makes the folder. Options go to the command line, up to a NULL; NULL: none.
 */
void broker_init(void);
void broker_start(const char *const *options);
void broker_signal(int signal);
void broker_kill(void); /* by SIGKILL; it can be started again */
void broker_deinit(void);

/* Answers with the server's reply, which the caller frees. */
redisReply *broker_command(const char *format, ...);
long long   broker_number(const char *format, ...);

/* One update that a user got. */
struct got {
	uint64_t position;
	char    *id;
	char    *topics; /* with commas */
	char    *bytes;
	bool     is_private;
};

/* Somebody with a store. */
struct user {
	struct store    *store;
	struct got      *got;
	size_t           got_count;
	size_t           level_count;
	uint64_t         level_position;
	size_t           lost_count;
	uint64_t         lost_up_to;
	size_t           up_count, down_count;
	enum store_state state;
	char             why[160];
	bool             is_closed;
};

struct sent {
	struct store_publish publish;
	bool                 is_done;
	struct store_receipt receipt;
	char                 why[160];
	char                 id[160];
};

struct found {
	struct store_find find;
	bool              is_done;
	uint64_t          position;
};

extern uv_loop_t test_loop;

/* Set up and tear down: the loop, and the broker's folder. */
int redis_set_up(void **state);
int redis_tear_down(void **state);

/* options may be NULL; its url is the broker's where it has none. */
void user_open(struct user *, const struct store_options *options);
void user_close(struct user *);
void user_tail(struct user *, uint64_t after, const char *topic);
void user_publish(struct user *, struct sent *, const char *topic,
    const char *text);
void user_publish_as(struct user *, struct sent *, const struct update *,
    const char *once);
void user_find(struct user *, struct found *, const char *id,
    const char *topic);

/* Publishes and waits until it is kept; returns the position. */
uint64_t user_keep(struct user *, const char *topic, const char *text);

/* Forgets what it got. */
void user_forget(struct user *);

/* Turns the loop until the condition holds, for 10 s at most. */
#define wait_until(condition)                                               \
	do {                                                                \
		uint64_t wait_end_ms = uv_hrtime() / 1000000 + 10000;       \
		while (!(condition) && uv_hrtime() / 1000000 < wait_end_ms) \
			turn();                                             \
		if (!(condition))                                           \
			fail_msg("%s:%d: waited in vain for %s", __FILE__,  \
			    __LINE__, #condition);                          \
	} while (0)
void turn(void);
void turn_for(uint64_t ms);

#endif
