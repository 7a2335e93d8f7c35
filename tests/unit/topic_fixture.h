#ifndef TOPIC_FIXTURE_H
#define TOPIC_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/cursor.h"
#include "hub/frame.h"
#include "hub/topic.h"
#include "hub/turns.h"

/* A hub whose clock stands still until a test moves it. */
extern struct turns turns;
extern int64_t      hand_us;

/* Of the newest frame of all topics. */
extern uint64_t last_position;

/* The clock in ms. */
int64_t hand_ms(void);

/* What a reader does from within a call, after it has taken its frames. */
struct reader;
typedef void reader_fn(struct reader *);

/*
 * A subscriber that takes all there is and remembers it as text, unless it is
 * full: then it does what a stream does whose client does not read.
 */
struct reader {
	struct cursor  cursor;
	char           name;
	char           text[4096];
	bool           is_full;
	size_t         ready_count;
	size_t         overrun_count;
	reader_fn     *then;
	struct reader *other;
	struct topic  *topic;
};

/*
 * The names of the readers in the order in which they were called; without
 * the calls to those that are full.
 */
extern char   call_names[8192];
extern size_t call_count;

/* A test with a new hub. */
#define TOPIC_TEST(name) \
	cmocka_unit_test_setup_teardown(name, topic_set_up, topic_tear_down)

int topic_set_up(void **state);
int topic_tear_down(void **state);

/* A topic that keeps so many frames, or bytes; 0 stands for no limit. */
struct topic *topic_keeping(size_t frame_count_max, size_t frame_bytes_max);

void publish(struct topic *, const char *text);

/* The same frame to one topic after the other; the first gives its position. */
void publish_frame(struct topic *, struct frame *);

/* Opens a reader behind the newest frame, or before the oldest; resumes it. */
void reader_open(struct reader *, char name, struct topic *);
void reader_open_from_start(struct reader *, char name, struct topic *);

/* The same on several topics, behind that position. */
void reader_open_on(struct reader *, char name, struct topic *const *topics,
    size_t topic_count, uint64_t position);

/* It takes nothing more, or again all that there is. */
void reader_stall(struct reader *);
void reader_resume(struct reader *);

/* Runs the hub until nobody is left to be called. */
void turns_settle(void);

/* As strcmp on call_names, which then starts anew. */
void assert_calls(const char *names);

/* The reader has had this text, and then starts anew. */
void assert_took(struct reader *, const char *text);

#endif
