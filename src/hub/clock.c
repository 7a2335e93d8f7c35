#include "hub/clock.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"
#include "hub/frame.h"
#include "hub/topic.h"
#include "hub/turns.h"
#include "pure/histogram.h"
#include "pure/sse.h"

#define WAIT_MS_MAX 1000

/* A subscriber that is further behind than this comes back by itself. */
#define TICK_COUNT_MAX 64

/* All that ticks at one interval. */
struct rate {
	struct list   node;
	int64_t       interval_ms;
	int64_t       due_ms;
	struct topic *topics[DATE_FORMAT_COUNT]; /* NULL: not asked for */
};

struct clock {
	struct turns    *turns;
	struct list      rates;
	bool             has_news;
	struct histogram tick_latency;
};

struct clock *
clock_new(struct turns *turns)
{
	struct clock *clock = mem_zalloc(sizeof(*clock));

	clock->turns = turns;
	list_init(&clock->rates);
	return clock;
}

/* The first multiple of the interval after now. */
static int64_t
next_due_ms(int64_t interval_ms, int64_t wall_ms)
{
	return (wall_ms / interval_ms + 1) * interval_ms;
}

static struct rate *
rate_find(struct clock *clock, int64_t interval_ms, int64_t wall_ms)
{
	struct rate *rate;

	list_for_each (node, &clock->rates) {
		rate = list_entry(node, struct rate, node);
		if (rate->interval_ms == interval_ms)
			return rate;
	}
	rate = mem_zalloc(sizeof(*rate));
	rate->interval_ms = interval_ms;
	rate->due_ms = next_due_ms(interval_ms, wall_ms);
	list_init(&rate->node);
	list_append(&clock->rates, &rate->node);
	return rate;
}

/* Frees the topics without subscribers; false when none is left. */
static bool
rate_is_used(struct rate *rate)
{
	bool is_used = false;
	int  format;

	for (format = 0; format < DATE_FORMAT_COUNT; format++) {
		if (rate->topics[format] == NULL)
			continue;
		if (topic_subscriber_count(rate->topics[format]) > 0) {
			is_used = true;
			continue;
		}
		topic_free(rate->topics[format]);
		rate->topics[format] = NULL;
	}
	return is_used;
}

static void
rate_free(struct rate *rate)
{
	list_remove(&rate->node);
	free(rate);
}

static void
topic_tick(struct topic *topic, enum date_format format, int64_t tick_ms,
    int64_t now_ms)
{
	char          date[DATE_BYTES_MAX];
	struct buf    bytes = { 0 };
	struct frame *frame;

	sse_append_event(&bytes,
	    &(struct sse_event){
		.data = date,
		.data_bytes = date_print(date, format, tick_ms),
		.retry_ms = -1,
	    });
	frame = frame_new(bytes.data, bytes.len_bytes);
	topic_publish(topic, frame, now_ms);
	frame_unref(frame);
	buf_deinit(&bytes);
}

static void
rate_run(struct rate *rate, int64_t wall_ms, int64_t now_ms)
{
	int64_t tick_ms;
	int     format;

	if (wall_ms >= rate->due_ms) {
		tick_ms = wall_ms - wall_ms % rate->interval_ms;
		for (format = 0; format < DATE_FORMAT_COUNT; format++) {
			if (rate->topics[format] != NULL)
				topic_tick(rate->topics[format],
				    (enum date_format)format, tick_ms, now_ms);
		}
	}
	/* Not from the last due time: the wall clock may have been set. */
	rate->due_ms = next_due_ms(rate->interval_ms, wall_ms);
}

void
clock_free(struct clock *clock)
{
	struct rate *rate;

	while (!list_is_empty(&clock->rates)) {
		rate = list_entry(clock->rates.next, struct rate, node);
		if (rate_is_used(rate))
			assert(!"clock_free with subscribers");
		rate_free(rate);
	}
	free(clock);
}

struct topic *
clock_topic(struct clock *clock, int64_t interval_ms, enum date_format format,
    int64_t wall_ms)
{
	struct rate *rate = rate_find(clock, interval_ms, wall_ms);
	char         name[64];

	assert(interval_ms >= CLOCK_INTERVAL_MS_MIN &&
	    interval_ms <= CLOCK_INTERVAL_MS_MAX);
	/* Who asks now is told a later time than that of a tick that is due. */
	if (wall_ms >= rate->due_ms)
		rate_run(rate, wall_ms, turns_now_ms(clock->turns));
	if (rate->topics[format] == NULL) {
		clock->has_news = true;
		snprintf(name, sizeof(name), "clock/%lld/%s",
		    (long long)interval_ms, date_format_name(format));
		rate->topics[format] = topic_new(clock->turns, name,
		    &(struct topic_limits){
			.frame_count_max = TICK_COUNT_MAX,
			.frame_bytes_max = TICK_COUNT_MAX * DATE_BYTES_MAX,
			.latency = &clock->tick_latency,
		    });
	}
	return rate->topics[format];
}

const struct histogram *
clock_latency(const struct clock *clock)
{
	return &clock->tick_latency;
}

bool
clock_has_news(const struct clock *clock)
{
	return clock->has_news;
}

int64_t
clock_run(struct clock *clock, int64_t wall_ms, int64_t now_ms)
{
	int64_t      wait_ms = -1;
	struct rate *rate;

	clock->has_news = false;
	list_for_each (node, &clock->rates) {
		rate = list_entry(node, struct rate, node);
		if (!rate_is_used(rate)) {
			rate_free(rate);
			continue;
		}
		rate_run(rate, wall_ms, now_ms);
		if (wait_ms == -1 || rate->due_ms - wall_ms < wait_ms)
			wait_ms = rate->due_ms - wall_ms;
	}
	return wait_ms > WAIT_MS_MAX ? WAIT_MS_MAX : wait_ms;
}
