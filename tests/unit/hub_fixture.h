#ifndef HUB_FIXTURE_H
#define HUB_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "hub/hub.h"
#include "topic_fixture.h"

#define AGE_MS 1000
#define TOPICS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* A hub that keeps three events of a topic, 64 KiB, for AGE_MS. */
extern struct hub hub;

/* The time of day; the monotonic clock is hand_us. */
extern int64_t hub_wall_ms;

/* A test with that hub. */
#define HUB_TEST(name) \
	cmocka_unit_test_setup_teardown(name, hub_set_up, hub_tear_down)

int hub_set_up(void **state);
int hub_tear_down(void **state);

/* An update with the publisher's id; NULL: made from its position. */
void put_on(const char *const *topics, const char *id, const char *text);

/* An update whose text is its id. */
void put(const char *topic, const char *id);

/* A private update, whose text is "x". */
void put_private(const char *topic);

/* What the reader has had, without the id fields; it starts anew. */
void assert_had(struct reader *, const char *text);

/* What somebody is sent who comes now and asks for all that is kept. */
void assert_kept(const char *name, const char *text);

/* Where those who follow the topic begin with that id; 0: it is not known. */
uint64_t find(const char *name, const char *id);

/* So much later the hub has done what was due. */
void pass_ms(int64_t ms);

#endif
