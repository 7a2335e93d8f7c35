#ifndef PROCESS_SEATING_H
#define PROCESS_SEATING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rota;
struct seats;
struct store_choice;

/* How many streams may be open, and in which processes these are counted. */
struct seating {
	size_t        fallback_max; /* without an option; 0: descriptors */
	bool          is_shared;    /* other processes serve the same clients */
	struct rota  *rota;         /* turns on the seats; NULL: no seats */
	struct seats *seats; /* that all processes share; NULL: it has none */
};

/*
 * Opens the seats that the choice names. Says so in the log where each process
 * has one stream and there are none. seating_deinit is due.
 */
void seating_init(struct seating *, const struct store_choice *);
void seating_deinit(struct seating *);

/* Whether this process serves one stream at a time, beside others. */
bool seating_is_single_use(const struct seating *);

/*
 * The streams that may be open, in all processes together if they share seats.
 * option: the value of the option max-streams.
 */
size_t seating_count_max(const struct seating *, uint64_t option,
    size_t descriptors_max);

/*
 * On how many places clients take turns; 0: they do not, as where max-streams
 * is reached before. turns and max_streams: the values of these options.
 */
size_t seating_turn_count(const struct seating *, uint64_t turns,
    uint64_t max_streams, size_t count_max);

/*
 * How many seats there are for all processes together; 0: each process counts
 * its own streams, which is said in the log if there are turns or max_streams,
 * and others serve the same clients.
 */
size_t seating_seat_count(const struct seating *, size_t turn_count,
    uint64_t max_streams, size_t count_max);

#endif
