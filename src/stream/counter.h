#ifndef STREAM_COUNTER_H
#define STREAM_COUNTER_H

#include <stdint.h>
#include <uv.h>

struct buf;
struct stream;
struct topic;
struct turns;

enum counter_format { COUNTER_SSE, COUNTER_TEXT };

struct counter_spec {
	enum counter_format format;
	uint64_t            num;   /* of the last event */
	uint64_t            count; /* that it counts to */
	int64_t             interval_ms;
};

/*
 * A stream's own publisher: a topic with this one subscriber, and the timer
 * that publishes to it. It is freed with the stream.
 */
struct counter;

/* Appends the event of spec->num, and the end behind the last one. */
void counter_append(struct buf *, const struct counter_spec *);

/* spec->num was sent; those behind it follow from counter_start on. */
struct counter *counter_new(uv_loop_t *, struct turns *,
    const struct counter_spec *);
struct topic   *counter_topic(const struct counter *);

/* As struct stream_spec needs them, with the counter as arg. */
void counter_start(void *counter, struct stream *);
void counter_free(void *counter);

#endif
