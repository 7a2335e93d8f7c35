#include "store_user.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hub/update.h"

const char *store_url;
uv_loop_t   store_loop;
double     *store_samples;
size_t      store_sample_count;
size_t      store_got_count;
bool        store_is_level;
size_t      store_failed_count;
bool        store_times_arrivals;

static size_t sample_max;
static size_t done_count;
static bool   is_closed;

double
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void
sample(double us)
{
	if (store_sample_count < sample_max)
		store_samples[store_sample_count++] = us;
}

void
store_need_samples(size_t count)
{
	free(store_samples);
	sample_max = count;
	store_sample_count = 0;
	store_samples = calloc(count + 1, sizeof(*store_samples));
	if (store_samples == NULL)
		exit(1);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

void
store_sort_samples(void)
{
	qsort(store_samples, store_sample_count, sizeof(*store_samples),
	    compare);
}

double
store_quantile(double part)
{
	size_t at = (size_t)(part * (double)store_sample_count);

	if (store_sample_count == 0)
		return 0;
	return store_samples[at < store_sample_count ? at :
						       store_sample_count - 1];
}

void
store_print_latency(void)
{
	store_sort_samples();
	printf("\"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f, "
	       "\"failed\": %zu",
	    store_quantile(0.5), store_quantile(0.99), store_quantile(1),
	    store_failed_count);
}

void
store_write_samples(int fd)
{
	const char *at = (const char *)store_samples;
	size_t      left = store_sample_count * sizeof(*store_samples);
	ssize_t     n;

	while (left > 0 && (n = write(fd, at, left)) > 0) {
		at += n;
		left -= (size_t)n;
	}
}

void
store_read_samples(int fd, size_t count)
{
	char   *at = (char *)(store_samples + store_sample_count);
	size_t  want = count * sizeof(*store_samples), have = 0;
	ssize_t n = 1;

	while (have < want && n > 0) {
		n = read(fd, at + have, want - have);
		have += n > 0 ? (size_t)n : 0;
	}
	store_sample_count += have / sizeof(*store_samples);
}

static void
on_updates(void *arg, const struct update *updates, size_t count)
{
	(void)arg;
	store_got_count += count;
	for (size_t i = 0; i < count && store_times_arrivals; i++)
		sample(now_us() - strtod(updates[i].bytes + 6, NULL));
}

static void
on_level(void *arg, uint64_t position)
{
	(void)arg;
	(void)position;
	store_is_level = true;
}

static void
on_lost(void *arg, uint64_t up_to)
{
	(void)arg;
	fprintf(stderr, "lost up to %llu\n", (unsigned long long)up_to);
}

static void
on_state(void *arg, enum store_state state, const char *why)
{
	(void)arg;
	if (state == STORE_DOWN)
		fprintf(stderr, "down: %s\n", why);
}

struct store *
store_user_open(bool is_lean)
{
	struct store_options options = { .url = store_url, .is_lean = is_lean };
	struct store_reader  reader = { .on_updates = on_updates,
		 .on_level = on_level,
		 .on_lost = on_lost,
		 .on_state = on_state };
	struct store        *store;
	char                 error[512];

	uv_loop_init(&store_loop);
	store = store_open(&store_loop, &options, &reader, error,
	    sizeof(error));
	if (store == NULL) {
		fprintf(stderr, "%s\n", error);
		exit(1);
	}
	return store;
}

static void
on_closed(void *arg)
{
	(void)arg;
	is_closed = true;
}

void
store_user_close(struct store *store)
{
	is_closed = false;
	store_close(store, on_closed, NULL);
	while (!is_closed)
		uv_run(&store_loop, UV_RUN_ONCE);
	uv_loop_close(&store_loop);
}

void
store_user_settle(struct store *store, const char *const *topics,
    size_t topic_count)
{
	store_is_level = false;
	store_tail(store, 0, topics, topic_count);
	while (!store_is_level)
		uv_run(&store_loop, UV_RUN_ONCE);
}

static void
on_done(struct store_publish *publish, const struct store_receipt *receipt)
{
	struct store_flight *flight = (struct store_flight *)(void *)publish;

	done_count++;
	store_failed_count += receipt->result != STORE_KEPT;
	if (!store_times_arrivals)
		sample(now_us() - flight->began_us);
	flight->is_free = true;
}

void
store_user_publish(struct store *store, struct store_flight *flight,
    const char *topic)
{
	char          bytes[STORE_UPDATE_BYTES + 1];
	struct update update = { .topics = &topic,
		.topic_count = 1,
		.bytes = bytes,
		.len_bytes = STORE_UPDATE_BYTES };

	memset(bytes, 'x', sizeof(bytes));
	flight->began_us = now_us();
	flight->is_free = false;
	flight->publish.done = on_done;
	bytes[snprintf(bytes, sizeof(bytes), "data: %.1f", flight->began_us)] =
	    ' ';
	memcpy(bytes + STORE_UPDATE_BYTES - 2, "\n\n", 3);
	store_publish(store, &flight->publish, &update, NULL);
}

void
store_user_publish_all(struct store *store, size_t count, size_t flight_count)
{
	struct store_flight *flights = calloc(flight_count, sizeof(*flights));
	size_t               sent_count = 0, want = done_count + count;

	for (size_t i = 0; i < flight_count; i++)
		flights[i].is_free = true;
	while (done_count < want) {
		for (size_t i = 0; i < flight_count && sent_count < count;
		     i++) {
			if (!flights[i].is_free)
				continue;
			sent_count++;
			store_user_publish(store, &flights[i], STORE_TOPIC);
		}
		uv_run(&store_loop, UV_RUN_ONCE);
	}
	free(flights);
}

void
store_user_publish_at(struct store *store, size_t count, double every_us,
    const char *topic)
{
	struct store_flight *flights = calloc(count, sizeof(*flights));
	size_t               sent_count = 0, want = done_count + count;
	double               began = now_us();

	while (done_count < want) {
		while (sent_count < count &&
		    now_us() >= began + (double)sent_count * every_us)
			store_user_publish(store, &flights[sent_count++],
			    topic);
		uv_run(&store_loop, UV_RUN_NOWAIT);
		usleep(50);
	}
	free(flights);
}
