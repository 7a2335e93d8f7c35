#include "stream/counter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "hub/frame.h"
#include "hub/topic.h"
#include "pure/sse.h"
#include "stream/streams.h"

struct counter {
	uv_timer_t          timer;
	struct topic       *topic;
	struct stream      *stream;
	struct counter_spec spec; /* num: of the last event */
};

static const struct topic_limits counter_limits = {
	.frame_count_max = 64,
	.frame_bytes_max = 64 * 128,
};

static void
append_num(struct buf *bytes, enum counter_format format, uint64_t num)
{
	char id[32], data[64];

	snprintf(id, sizeof(id), "%llu", (unsigned long long)num);
	if (format == COUNTER_TEXT) {
		buf_printf(bytes, "%s\n", id);
		return;
	}
	snprintf(data, sizeof(data), "{\"num\":%s}", id);
	sse_append_event(bytes,
	    &(struct sse_event){
		.id = id,
		.data = data,
		.data_bytes = strlen(data),
		.retry_ms = -1,
	    });
}

static void
append_end(struct buf *bytes, enum counter_format format, uint64_t count)
{
	char data[64];

	if (format == COUNTER_TEXT)
		return;
	snprintf(data, sizeof(data), "{\"count\":%llu}",
	    (unsigned long long)count);
	sse_append_event(bytes,
	    &(struct sse_event){
		.type = "end",
		.data = data,
		.data_bytes = strlen(data),
		.retry_ms = -1,
	    });
}

void
counter_append(struct buf *bytes, const struct counter_spec *spec)
{
	append_num(bytes, spec->format, spec->num);
	if (spec->num == spec->count)
		append_end(bytes, spec->format, spec->count);
}

static void
counter_publish(struct counter *counter, struct buf *bytes)
{
	struct frame *frame;

	if (bytes->len_bytes == 0)
		return;
	frame = frame_new(bytes->data, bytes->len_bytes);
	topic_publish(counter->topic, frame,
	    (int64_t)uv_now(counter->timer.loop));
	frame_unref(frame);
	bytes->len_bytes = 0;
}

static void
on_timer(uv_timer_t *timer)
{
	struct counter      *counter = list_entry(timer, struct counter, timer);
	struct counter_spec *spec = &counter->spec;
	struct buf           bytes = { 0 };

	append_num(&bytes, spec->format, ++spec->num);
	counter_publish(counter, &bytes);
	if (spec->num == spec->count) {
		append_end(&bytes, spec->format, spec->count);
		counter_publish(counter, &bytes);
		uv_timer_stop(timer);
		stream_finish(counter->stream);
	}
	buf_deinit(&bytes);
}

struct counter *
counter_new(uv_loop_t *loop, struct turns *turns,
    const struct counter_spec *spec)
{
	struct counter *counter = mem_zalloc(sizeof(*counter));

	counter->spec = *spec;
	counter->topic = topic_new(turns, "counter", &counter_limits);
	uv_timer_init(loop, &counter->timer);
	return counter;
}

struct topic *
counter_topic(const struct counter *counter)
{
	return counter->topic;
}

void
counter_start(void *counter, struct stream *stream)
{
	struct counter *started = counter;

	started->stream = stream;
	uv_timer_start(&started->timer, on_timer,
	    (uint64_t)started->spec.interval_ms,
	    (uint64_t)started->spec.interval_ms);
}

static void
on_timer_closed(uv_handle_t *handle)
{
	free(list_entry((uv_timer_t *)handle, struct counter, timer));
}

void
counter_free(void *counter)
{
	struct counter *freed = counter;

	topic_free(freed->topic);
	uv_close((uv_handle_t *)&freed->timer, on_timer_closed);
}
