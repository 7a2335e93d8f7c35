#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <uv.h>

#include "hub/update.h"
#include "store/store.h"

/* The loop of all stores of a test, turned by hand. */
extern uv_loop_t store_loop;

/* A folder of the test's own, and a URL of a file in it. */
extern char store_dir[64];
extern char store_url[128];

/* A clock that stands still; 0: the system's. */
extern int64_t store_hand_ms;
int64_t        store_hand_wall_ms(void);

/* As many updates as a user remembers. */
struct got_update {
	uint64_t position;
	char    *id;     /* NULL: none */
	char    *topics; /* with commas */
	char    *bytes;  /* with a NUL behind them */
	size_t   len_bytes;
	bool     is_private;
};

/* Somebody who has a store open, and checks that it keeps to the contract. */
struct store_user {
	struct store      *store;
	struct got_update *got;
	size_t             got_count;
	uint64_t           last; /* position, since the last tail */
	size_t             level_count;
	uint64_t           level_position;
	size_t             lost_count;
	uint64_t           lost_up_to;
	size_t             up_count, down_count;
	enum store_state   state;
	char               why[160];
	bool               is_closed;
	bool               may_go_back; /* its positions may fall */

	/* Called with each batch, after it was remembered. */
	void (*then)(struct store_user *);
};

struct sent_update {
	struct store_publish publish;
	bool                 is_done;
	struct store_receipt receipt;
	char                 why[160];
	char                 id[160];
	void (*then)(struct sent_update *);
	struct store_user *user;
};

struct found_update {
	struct store_find find;
	bool              is_done;
	uint64_t          position;  /* 0: nothing; the rest is not set */
	char              topic[16]; /* empty: none is known */
	bool              is_private;
};

/* Setup and teardown of a test: the loop and the folder. */
int store_set_up(void **state);
int store_tear_down(void **state);

/* Options without a URL get store_url. */
struct store_options store_options_of(const char *url);
void store_user_open(struct store_user *, const struct store_options *);
void store_user_close(struct store_user *);

/* NULL: all topics. */
void store_user_tail(struct store_user *, uint64_t after, const char *topic);

/* To a topic; the update's bytes are "data: TEXT" and a blank line. */
void store_user_send(struct store_user *, struct sent_update *,
    const char *topic, const char *text);
void store_user_send_as(struct store_user *, struct sent_update *,
    const struct update *, const char *once);
void store_user_find(struct store_user *, struct found_update *, const char *id,
    const char *topic);

/* Sends, and waits until it is kept. */
uint64_t store_user_keep(struct store_user *, const char *topic,
    const char *text);

/* Waits until it is level, after store_user_tail. */
void store_user_settle(struct store_user *);

void store_user_forget(struct store_user *);

/* The texts of what it got, with spaces between. It forgets them. */
void store_user_assert_got(struct store_user *, const char *texts);

struct store_health store_user_health(const struct store_user *);

/* The path of one of a log's files, by what is behind its name. */
const char *store_file(const char *suffix);
void        store_remove_file(const char *suffix);

/* How many databases were set aside. */
int store_corrupt_count(void);

/* The store cannot be opened; the line names it, and has this part. */
void store_assert_refused(const char *part);

/* Publishes so many to "a", "NUMBER NUMBER-OF-200-DIGITS" each. */
void store_fill(int count);

/* Turns the loop until the condition holds, for 60 s at most. */
#define store_wait(condition)                                               \
	do {                                                                \
		uint64_t wait_end_ms = uv_hrtime() / 1000000 + 60000;       \
		while (!(condition) && uv_hrtime() / 1000000 < wait_end_ms) \
			store_turn();                                       \
		if (!(condition))                                           \
			fail_msg("%s:%d: waited in vain for %s", __FILE__,  \
			    __LINE__, #condition);                          \
	} while (0)
void store_turn(void); /* waits for something to happen, 20 ms at most */
void store_turn_for(uint64_t ms);

#define STORE_TEST(name) \
	cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)

#endif
