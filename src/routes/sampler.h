#ifndef ROUTES_SAMPLER_H
#define ROUTES_SAMPLER_H

struct routes;
struct sampler;
struct topic;

/*
 * Publishes once a second what the process does, for the status page: streams
 * open, events sent, how late ticks were. It sleeps while no stream is open.
 */
struct sampler *sampler_new(struct routes *);

/* Without subscribers; it frees itself within the loop. */
void sampler_free(struct sampler *);

/* A stream was opened. */
void sampler_wake(struct sampler *);

/* Holds the samples of the last minutes. */
struct topic *sampler_topic(struct sampler *);

#endif
