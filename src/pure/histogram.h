#ifndef PURE_HISTOGRAM_H
#define PURE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

/* How often a duration fell below each of some bounds, as Prometheus has it. */
#define HISTOGRAM_BOUND_COUNT 13

struct histogram {
	uint64_t counts[HISTOGRAM_BOUND_COUNT]; /* each bound's own */
	uint64_t total_count; /* those above the last bound included */
	int64_t  sum_us;
};

/* The upper bounds, rising. */
extern const int64_t histogram_bounds_us[HISTOGRAM_BOUND_COUNT];

void histogram_add(struct histogram *, int64_t duration_us);

#endif
