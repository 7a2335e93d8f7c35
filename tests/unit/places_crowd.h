#ifndef PLACES_CROWD_H
#define PLACES_CROWD_H

#include <stddef.h>
#include <stdint.h>

#include "stream/places.h"

/* A crowd of clients that share places, with a clock set by hand. */
struct crowd {
	struct places_limits limits;
	size_t               client_count;
	int64_t              seconds; /* that are measured, after two rounds */
	int                  late_percent; /* of a wait, at most, at random */
};

/* How late an event is that is published at any time, and for whom. */
struct crowd_result {
	int64_t median_ms;
	int64_t p99_ms;
	int64_t max_ms;
	double  worst_part; /* the worst client's mean, to that of all */
	double  connects_per_second;
	double  refused_part; /* of all who came */
};

void crowd_run(const struct crowd *, struct crowd_result *);

#endif
