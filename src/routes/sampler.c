#include "routes/sampler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "hub/clock.h"
#include "hub/topic.h"
#include "pure/histogram.h"
#include "pure/sse.h"
#include "routes/routes.h"
#include "stream/stream.h"

#define SAMPLE_MS 1000

/* Five minutes; a sample is well below the bytes that each may have. */
#define SAMPLE_COUNT_MAX 300
#define SAMPLE_BYTES_MAX 256

struct sampler {
	struct routes *routes;
	struct topic  *topic;
	uv_timer_t     timer;

	/* The totals at the last sample. */
	uint64_t         event_count;
	struct histogram latency;
};

struct sampler *
sampler_new(struct routes *routes)
{
	struct sampler *sampler = mem_zalloc(sizeof(*sampler));

	sampler->routes = routes;
	sampler->topic = topic_new(routes->turns, "status",
	    &(struct topic_limits){
		.frame_count_max = SAMPLE_COUNT_MAX,
		.frame_bytes_max = SAMPLE_COUNT_MAX * SAMPLE_BYTES_MAX,
	    });
	uv_timer_init(routes->loop, &sampler->timer);
	return sampler;
}

static void
on_closed(uv_handle_t *handle)
{
	free(list_entry((uv_timer_t *)handle, struct sampler, timer));
}

void
sampler_free(struct sampler *sampler)
{
	topic_free(sampler->topic);
	uv_close((uv_handle_t *)&sampler->timer, on_closed);
}

struct topic *
sampler_topic(struct sampler *sampler)
{
	return sampler->topic;
}

/* The mean time that ticks took since the last sample, in ms. */
static double
tick_ms(const struct sampler *sampler, const struct histogram *latency)
{
	uint64_t count = latency->total_count - sampler->latency.total_count;

	if (count == 0)
		return 0;
	return (double)(latency->sum_us - sampler->latency.sum_us) / 1000 /
	    (double)count;
}

static void
publish_sample(struct sampler *sampler)
{
	struct routes          *routes = sampler->routes;
	const struct streams   *streams = routes->streams;
	const struct histogram *latency = clock_latency(routes->clock);
	struct buf              bytes = { 0 };
	struct frame           *frame;
	char                    data[SAMPLE_BYTES_MAX];

	snprintf(data, sizeof(data),
	    "{\"time\":%lld,\"open\":%zu,"
	    "\"stalled\":%zu,\"events\":%llu,\"refused\":%llu,"
	    "\"tick_ms\":%.3f}",
	    (long long)routes->wall_ms(), streams->open_count,
	    streams->stalled_count,
	    (unsigned long long)(streams->totals.event_count -
		sampler->event_count),
	    (unsigned long long)streams->totals.refused_count,
	    tick_ms(sampler, latency));
	sampler->event_count = streams->totals.event_count;
	sampler->latency = *latency;
	sse_append_event(&bytes,
	    &(struct sse_event){
		.type = "sample",
		.data = data,
		.data_bytes = strlen(data),
		.retry_ms = -1,
	    });
	frame = frame_new(bytes.data, bytes.len_bytes);
	topic_publish(sampler->topic, frame);
	frame_unref(frame);
	buf_deinit(&bytes);
}

static void
on_timer(uv_timer_t *timer)
{
	struct sampler *sampler = list_entry(timer, struct sampler, timer);

	publish_sample(sampler);
	if (sampler->routes->streams->open_count == 0)
		uv_timer_stop(timer);
}

void
sampler_wake(struct sampler *sampler)
{
	int64_t past_ms = sampler->routes->wall_ms() % SAMPLE_MS;

	/* Halfway between the clock's ticks, so that each falls into one. */
	if (!uv_is_active((uv_handle_t *)&sampler->timer))
		uv_timer_start(&sampler->timer, on_timer,
		    (uint64_t)(SAMPLE_MS * 3 / 2 - past_ms), SAMPLE_MS);
}
