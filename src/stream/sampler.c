#include "stream/sampler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "hub/clock.h"
#include "hub/frame.h"
#include "hub/topic.h"
#include "hub/turns.h"
#include "pure/histogram.h"
#include "pure/sse.h"
#include "store/store.h"
#include "stream/streams.h"

#define SAMPLE_MS 1000

/* Five minutes; a sample is well below the bytes that each may have. */
#define SAMPLE_COUNT_MAX 300
#define SAMPLE_BYTES_MAX 512
#define WHY_BYTES_MAX 160

struct sampler {
	const struct streams *streams;
	const struct clock   *clock;
	const struct store   *store; /* NULL: none */
	struct topic         *topic;
	int64_t               due_ms; /* INT64_MAX: no stream is open */

	/* The totals at the last sample. */
	uint64_t         event_count;
	struct histogram latency;
};

struct sampler *
sampler_new(const struct streams *streams, const struct clock *clock)
{
	struct sampler *sampler = mem_zalloc(sizeof(*sampler));

	sampler->streams = streams;
	sampler->clock = clock;
	sampler->topic = topic_new(streams->turns, "status",
	    &(struct topic_limits){
		.frame_count_max = SAMPLE_COUNT_MAX,
		.frame_bytes_max = SAMPLE_COUNT_MAX * SAMPLE_BYTES_MAX,
	    });
	sampler->due_ms = INT64_MAX;
	return sampler;
}

void
sampler_set_store(struct sampler *sampler, const struct store *store)
{
	sampler->store = store;
}

void
sampler_free(struct sampler *sampler)
{
	topic_free(sampler->topic);
	free(sampler);
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

/* A reason may be in a broker's words: what JSON would escape is left out. */
static void
append_store(struct buf *data, const struct store *store)
{
	struct store_health health;
	const char         *why;
	size_t              i;

	if (store == NULL)
		return;
	store_get_health(store, &health);
	buf_printf(data,
	    ",\"store\":\"%s\",\"store_up\":%s,\"append_ms\":%.3f,"
	    "\"processes\":%u",
	    health.engine, health.state == STORE_UP ? "true" : "false",
	    (double)health.append_us / 1000, health.process_count);
	why = health.state == STORE_UP || health.why == NULL ? "" : health.why;
	buf_append_str(data, ",\"why\":\"");
	for (i = 0; i < WHY_BYTES_MAX && why[i] != '\0'; i++)
		buf_printf(data, "%c",
		    why[i] < ' ' || why[i] == '"' || why[i] == '\\' ||
			    why[i] > '~' ?
			' ' :
			why[i]);
	buf_append_str(data, "\"");
}

static void
publish_sample(struct sampler *sampler, int64_t now_ms, int64_t wall_ms)
{
	const struct streams   *streams = sampler->streams;
	const struct histogram *latency = clock_latency(sampler->clock);
	struct buf              bytes = { 0 }, data = { 0 };
	struct frame           *frame;

	buf_printf(&data,
	    "{\"time\":%lld,\"open\":%zu,"
	    "\"stalled\":%zu,\"events\":%llu,\"refused\":%llu,"
	    "\"tick_ms\":%.3f",
	    (long long)wall_ms, streams->open_count, streams->stalled_count,
	    (unsigned long long)(streams->totals.event_count -
		sampler->event_count),
	    (unsigned long long)streams_refused_count(streams),
	    tick_ms(sampler, latency));
	append_store(&data, sampler->store);
	buf_append_str(&data, "}");
	sampler->event_count = streams->totals.event_count;
	sampler->latency = *latency;
	sse_append_event(&bytes,
	    &(struct sse_event){
		.type = "sample",
		.data = data.data,
		.data_bytes = data.len_bytes,
		.retry_ms = -1,
	    });
	frame = frame_new(bytes.data, bytes.len_bytes);
	topic_publish(sampler->topic, frame, now_ms);
	frame_unref(frame);
	buf_deinit(&bytes);
	buf_deinit(&data);
}

/* Halfway between the clock's ticks, so that each falls into one. */
static int64_t
next_sample_ms(int64_t now_ms, int64_t wall_ms)
{
	return now_ms + SAMPLE_MS * 3 / 2 - wall_ms % SAMPLE_MS;
}

void
sampler_run(struct sampler *sampler, int64_t now_ms, int64_t wall_ms)
{
	bool has_streams = sampler->streams->open_count > 0;

	if (sampler->due_ms == INT64_MAX && has_streams)
		sampler->due_ms = next_sample_ms(now_ms, wall_ms);
	if (now_ms < sampler->due_ms)
		return;
	publish_sample(sampler, now_ms, wall_ms);
	sampler->due_ms = has_streams ? next_sample_ms(now_ms, wall_ms) :
					INT64_MAX;
}

int64_t
sampler_next_ms(const struct sampler *sampler)
{
	return sampler->due_ms;
}
