#include "routes/counter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "http/answer.h"
#include "http/call.h"
#include "http/param.h"
#include "http/refusal.h"
#include "hub/frame.h"
#include "hub/topic.h"
#include "pure/sse.h"
#include "stream/stream.h"
#include "stream/streams.h"

enum counter_format { COUNTER_SSE, COUNTER_TEXT };

struct counter_spec {
	enum counter_format format;
	uint64_t            num;   /* of the last event */
	uint64_t            count; /* that it counts to */
	int64_t             interval_ms;
};

/*
 * A stream's own publisher: a topic with this one subscriber, and the timer
 * that publishes to it. It is freed with the stream.
 */
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

/* Appends the event of spec->num, and the end behind the last one. */
static void
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

/* spec->num was sent; those behind it follow from counter_start on. */
static struct counter *
counter_new(uv_loop_t *loop, struct turns *turns,
    const struct counter_spec *spec)
{
	struct counter *counter = mem_zalloc(sizeof(*counter));

	counter->spec = *spec;
	counter->topic = topic_new(turns, "counter", &counter_limits);
	uv_timer_init(loop, &counter->timer);
	return counter;
}

/* As struct stream_spec needs these two, with the counter as arg. */
static void
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

static void
counter_free(void *counter)
{
	struct counter *freed = counter;

	topic_free(freed->topic);
	uv_close((uv_handle_t *)&freed->timer, on_timer_closed);
}

#define COUNT 10
#define COUNT_MAX 1000000
#define INTERVAL_MS 1000
#define INTERVAL_MS_MIN 100
#define INTERVAL_MS_MAX (60 * 60 * 1000)

/*
 * The number of the last event that the client has had. An id that is not one
 * of ours means a new start.
 */
static uint64_t
last_num(const struct call *call, enum counter_format format)
{
	const char *id;

	param_last_event_id(call, &id);
	if (id == NULL || format == COUNTER_TEXT || *id == '\0' ||
	    strspn(id, "0123456789") != strlen(id))
		return 0;
	return strlen(id) > 9 ? COUNT_MAX : strtoull(id, NULL, 10);
}

static void
counter_head(struct answer *answer, enum counter_format format)
{
	if (format == COUNTER_SSE) {
		answer_stream_head(answer);
		return;
	}
	answer_text_head(answer, "200 OK");
	answer_field(answer, "X-Accel-Buffering", "no");
	answer_field(answer, "Incremental", "?1");
}

/* Adds the first event; a counter of its own sends the others. */
static void
counter_begin(const struct counter_route *route, struct call *call,
    const struct counter_spec *spec)
{
	struct counter *counter;

	counter_append(&call->answer.bytes, spec);
	if (spec->num == spec->count)
		return;
	counter = counter_new(route->loop, route->turns, spec);
	call_open_stream(call, route->streams,
	    &(struct stream_spec){
		.topics = &counter->topic,
		.topic_count = 1,
		.position = CURSOR_FROM_NOW,
		.is_plain = spec->format == COUNTER_TEXT,
		.event_count = 1,
		.on_open = counter_start,
		.release = counter_free,
		.arg = counter,
	    });
}

void
counter_route_get(struct call *call, void *context)
{
	static const char *const    formats[] = { "sse", "text", NULL };
	const struct counter_route *route = context;
	struct answer              *answer = &call->answer;
	struct counter_spec         spec = { 0 };
	size_t                      format;

	if (!param_count(call, "count", COUNT, COUNT_MAX, &spec.count) ||
	    !param_duration(call, "interval", INTERVAL_MS, INTERVAL_MS_MIN,
		INTERVAL_MS_MAX, &spec.interval_ms) ||
	    !param_word(call, "format", formats, &format) ||
	    !param_padding(call))
		return;
	spec.format = (enum counter_format)format;
	spec.num = last_num(call, spec.format) + 1;
	if (spec.num > spec.count) {
		answer_head(answer, "204 No Content", NULL);
		answer_field(answer, "Cache-Control", "no-store");
		answer_body(answer, NULL, 0);
		call_answer(call);
		return;
	}
	if (!refusal_admits(call, route->streams, format == COUNTER_TEXT))
		return;
	counter_head(answer, spec.format);
	answer_body(answer, NULL, 0);
	if (!call->is_head)
		counter_begin(route, call, &spec);
	call_answer(call);
}
