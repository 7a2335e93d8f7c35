/*
 * How late an event is when clients take turns on few places: by the rules of
 * stream/places.h, without a network. The arguments are the number of places
 * and numbers of clients.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../unit/places_crowd.h"

#define TURN_MS_MIN 200

static const int64_t turns_s[] = { 1, 5, 15, 60 };

static void
print_row(size_t place_count, size_t client_count, int64_t turn_s)
{
	const struct crowd crowd = {
		.limits = { place_count, TURN_MS_MIN, turn_s * 1000 },
		.client_count = client_count,
		.seconds = 20 * turn_s + 60,
		.late_percent = 0,
	};
	struct crowd_result result;

	srandom(1);
	crowd_run(&crowd, &result);
	printf("| %zu | %zu | %lld s | %.1f s | %.1f s | %.2f | %.1f |\n",
	    place_count, client_count, (long long)turn_s,
	    (double)result.median_ms / 1000, (double)result.p99_ms / 1000,
	    result.worst_part, result.connects_per_second);
}

int
main(int argc, char **argv)
{
	int i;

	if (argc < 3) {
		fprintf(stderr, "usage: turns PLACES CLIENTS...\n");
		return 2;
	}
	printf("| places | clients | turn-max | median | 99 of 100 | worst "
	       "client | requests/s |\n|---|---|---|---|---|---|---|\n");
	for (i = 2; i < argc; i++) {
		for (size_t j = 0; j < sizeof(turns_s) / sizeof(turns_s[0]);
		     j++)
			print_row(strtoul(argv[1], NULL, 10),
			    strtoul(argv[i], NULL, 10), turns_s[j]);
	}
	return 0;
}
