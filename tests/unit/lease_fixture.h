#ifndef LEASE_FIXTURE_H
#define LEASE_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "presence/lease.h"
#include "presence/presence.h"
#include "store_fixture.h"

#define LEASE_MS 3000
#define LEASE_TOPIC "/a/hub/lease"

/*
 * Processes that share a store, as far as presence goes. The clock is set by
 * hand.
 */
struct process {
	struct store   *store;
	struct presence presence;
	struct lease    lease;
	bool            is_there;
	bool            is_stopped; /* it does not run, but is not dead */
	bool            is_deaf;    /* its store hands nothing over */
	bool            is_closed;
	uint64_t        seen_count; /* updates that it has read */
};

extern int64_t lease_hand_us;

/* Records that came through the log; those with a list, and those that ask. */
extern size_t lease_record_count, lease_list_count, lease_asking_count;

/* Setup and teardown of a test. */
int lease_set_up(void **state);
int lease_tear_down(void **state);

/* The process of that number, from 0, begins; 0 is the first one. */
struct process *process_start(size_t number);

/* It ends from one moment to the other, and tells nothing. */
void process_kill(struct process *);

/* It reads nothing, until false. */
void process_set_deaf(struct process *, bool is_deaf);

/* Somebody subscribes; from an address that no other test of it has. */
struct subscriber *process_join_as(struct process *, const char *address,
    const char *topic);
struct subscriber *process_join(struct process *, const char *topic);

/* How many subscriptions of others to the topic it knows. */
size_t process_known(const struct process *, const char *topic);

/* It forgets all others. */
void process_forget(struct process *);

/* Until nothing more happens at this time. */
void lease_settle(void);

/* Half a second at a time, as a process would wake up. */
void lease_pass_ms(int64_t ms);

/* What came through the log: "+" or "-" and the topic. It is forgotten. */
void        lease_assert_told(const char *expected);
const char *lease_told(void);
void        lease_forget_told(void);

#endif
