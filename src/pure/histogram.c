#include "pure/histogram.h"

const int64_t histogram_bounds_us[HISTOGRAM_BOUND_COUNT] = { 100, 250, 500,
	1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000,
	1000000 };

void
histogram_add(struct histogram *histogram, int64_t duration_us)
{
	size_t i;

	histogram->total_count++;
	histogram->sum_us += duration_us;
	for (i = 0; i < HISTOGRAM_BOUND_COUNT; i++) {
		if (duration_us <= histogram_bounds_us[i]) {
			histogram->counts[i]++;
			return;
		}
	}
}
