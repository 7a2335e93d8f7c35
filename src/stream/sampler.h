#ifndef STREAM_SAMPLER_H
#define STREAM_SAMPLER_H

#include <stdint.h>

struct clock;
struct sampler;
struct store;
struct streams;
struct topic;

/*
 * Publishes once a second what the process does, for the status page: streams
 * open, events sent, how late ticks were, and how the store is. It does nothing
 * while no stream is open.
 */
struct sampler *sampler_new(const struct streams *, const struct clock *);

/* The store that its samples tell of, from now on; NULL: none. */
void sampler_set_store(struct sampler *, const struct store *);

/* Without subscribers. */
void sampler_free(struct sampler *);

/* Publishes the sample that is due. The times are those of both clocks. */
void sampler_run(struct sampler *, int64_t now_ms, int64_t wall_ms);

/* When sampler_run is needed next; INT64_MAX: when a stream is open. */
int64_t sampler_next_ms(const struct sampler *);

/* Holds the samples of the last minutes. */
struct topic *sampler_topic(struct sampler *);

#endif
