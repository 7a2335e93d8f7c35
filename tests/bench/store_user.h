#ifndef BENCH_STORE_USER_H
#define BENCH_STORE_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "store/store.h"

/* A user of a store that is measured, one for each process. */
extern const char *store_url;
extern uv_loop_t   store_loop;

/* Times in us: how long an append took, or an update was on its way. */
extern double *store_samples;
extern size_t  store_sample_count;

/* What it has had. */
extern size_t store_got_count;
extern bool   store_is_level;
extern size_t store_failed_count; /* of what it published */

/* The samples are those of the updates that come, not of the appends. */
extern bool store_times_arrivals;

/* Of 220 bytes, which hold when it was published. */
#define STORE_UPDATE_BYTES 220
#define STORE_TOPIC "https://example.com/books/1"

struct store_flight {
	struct store_publish publish;
	double               began_us;
	bool                 is_free;
};

double now_us(void);

/* Forgets all samples, and has room for so many. */
void store_need_samples(size_t count);

/* What such a part of the samples, which are sorted, does not exceed. */
void   store_sort_samples(void);
double store_quantile(double part);

/* Prints "p50_us", "p99_us", "max_us" and "failed". */
void store_print_latency(void);

/* Hands samples from a child to its parent, which has room for them. */
void store_write_samples(int fd);
void store_read_samples(int fd, size_t count);

struct store *store_user_open(bool is_lean);
void          store_user_close(struct store *);

/* Has it read all that there is. */
void store_user_settle(struct store *, const char *const *topics,
    size_t topic_count);
void store_user_publish(struct store *, struct store_flight *,
    const char *topic);

/* So many, with so many in flight. */
void store_user_publish_all(struct store *, size_t count, size_t flight_count);

/* One each so many us, until so many were answered. */
void store_user_publish_at(struct store *, size_t count, double every_us,
    const char *topic);

#endif
