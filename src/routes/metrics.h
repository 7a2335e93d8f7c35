#ifndef ROUTES_METRICS_H
#define ROUTES_METRICS_H

struct buf;
struct routes;

/* Appends all metrics in Prometheus' text format, version 0.0.4. */
void metrics_append(struct buf *, const struct routes *);

#endif
