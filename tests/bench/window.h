#ifndef BENCH_WINDOW_H
#define BENCH_WINDOW_H

#include <stddef.h>
#include <stdint.h>

/*
 * What arrives while we measure. Ticks are counted from 0 for each stream;
 * the n-th event of every stream has to be the same one, and is as late as it
 * came after the first stream had it, or after it was sent if that is known.
 */
struct window {
	struct window_tick *ticks;
	size_t              tick_count;
	size_t              tick_max;
	uint32_t           *delays_us;
	size_t              delay_count;
	size_t              delay_max;
	uint64_t            events;
	uint64_t            mismatched; /* events unlike the first's */
};

struct window_tick {
	uint64_t first_ns; /* 0: nobody had it yet */
	uint32_t hash;
	uint32_t delay_max_us; /* of the last that had it */
};

void window_init(struct window *);
void window_deinit(struct window *);
/*
 * The event with this index of a stream, counted from 0, has come. sent_ns:
 * when it was sent, or 0.
 */
void window_event(struct window *, size_t index, uint64_t now_ns,
    uint64_t sent_ns, uint32_t hash);

/* How late the last stream had an event: the median of all events. */
uint32_t window_last_us(const struct window *);

/* Sorts the values, and returns the one at a fraction from 0 to 1. */
uint32_t percentile(uint32_t *values, size_t count, double fraction);

#endif
