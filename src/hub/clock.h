#ifndef HUB_CLOCK_H
#define HUB_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "pure/date.h"

struct clock;
struct histogram;
struct turns;
struct topic;

#define CLOCK_INTERVAL_MS_MIN 100
#define CLOCK_INTERVAL_MS_MAX (60 * 60 * 1000)

/*
 * The clock publishes the date to a topic for each interval and format that
 * has subscribers. Ticks fall on the multiples of their interval since the
 * epoch, so on the wall clock's seconds. All times are the caller's, in ms:
 * wall_ms of the wall clock, which may jump, now_ms of the monotonic one.
 */
struct clock *clock_new(struct turns *);

/* Without subscribers. */
void clock_free(struct clock *);

/*
 * The topic that ticks at this interval. It lasts while it has subscribers,
 * so subscribe before the next clock_run.
 */
struct topic *clock_topic(struct clock *, int64_t interval_ms, enum date_format,
    int64_t wall_ms);

/* How long it took from a tick until its last subscriber had it. */
const struct histogram *clock_latency(const struct clock *);

/* Whether a topic was asked for that the last clock_run did not know. */
bool clock_has_news(const struct clock *);

/*
 * Publishes what is due. Returns how many ms to wait before the next call, or
 * -1 when nobody subscribes. The wait is never longer than a second, so that
 * the ticks are right again a second after the wall clock was set.
 */
int64_t clock_run(struct clock *, int64_t wall_ms, int64_t now_ms);

#endif
