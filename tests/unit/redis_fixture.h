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

#include "store/engine.h"

#include "store_fixture.h"

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

/*
 * Set up and tear down: those of store_fixture, and the broker's folder. Stores
 * that are opened without a URL are the broker's.
 */
int redis_set_up(void **state);
int redis_tear_down(void **state);

#endif
