#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "http/answer.h"
#include "hub/topic.h"
#include "pure/sse.h"
#include "routes/routes.h"
#include "stream/stream.h"

#define COUNT 10
#define COUNT_MAX 1000000
#define INTERVAL_MS 1000
#define INTERVAL_MS_MIN 100
#define INTERVAL_MS_MAX (60 * 60 * 1000)

enum counter_format { COUNTER_SSE, COUNTER_TEXT };

/*
 * A topic with one subscriber, and the timer that publishes to it. It lives
 * as long as the stream.
 */
struct counter {
	uv_timer_t          timer;
	struct topic       *topic;
	struct stream      *stream;
	enum counter_format format;
	uint64_t            num; /* of the last event */
	uint64_t            count;
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

static void
counter_publish(struct counter *counter, struct buf *bytes)
{
	struct frame *frame;

	if (bytes->len_bytes == 0)
		return;
	frame = frame_new(bytes->data, bytes->len_bytes);
	topic_publish(counter->topic, frame);
	frame_unref(frame);
	bytes->len_bytes = 0;
}

static void
on_timer(uv_timer_t *timer)
{
	struct counter *counter = list_entry(timer, struct counter, timer);
	struct buf      bytes = { 0 };

	append_num(&bytes, counter->format, ++counter->num);
	counter_publish(counter, &bytes);
	if (counter->num == counter->count) {
		append_end(&bytes, counter->format, counter->count);
		counter_publish(counter, &bytes);
		uv_timer_stop(timer);
		stream_finish(counter->stream);
	}
	buf_deinit(&bytes);
}

static void
on_timer_closed(uv_handle_t *handle)
{
	free(list_entry((uv_timer_t *)handle, struct counter, timer));
}

static void
counter_release(void *arg)
{
	struct counter *counter = arg;

	topic_free(counter->topic);
	uv_close((uv_handle_t *)&counter->timer, on_timer_closed);
}

static void
counter_start(const struct call *call, struct answer *answer,
    const struct counter *like, int64_t interval_ms)
{
	struct counter *counter = mem_alloc(sizeof(*counter));

	*counter = *like;
	counter->topic = topic_new(call->routes->turns, "counter",
	    &counter_limits);
	stream_open(call, answer,
	    &(struct stream_spec){
		.topics = &counter->topic,
		.topic_count = 1,
		.seq = CURSOR_FROM_NOW,
		.is_plain = counter->format == COUNTER_TEXT,
		.event_count = 1,
		.release = counter_release,
		.arg = counter,
	    });
	counter->stream = answer->stream;
	uv_timer_init(call->routes->loop, &counter->timer);
	uv_timer_start(&counter->timer, on_timer, (uint64_t)interval_ms,
	    (uint64_t)interval_ms);
}

/*
 * The number of the last event that the client has had. An id that is not one
 * of ours means a new start.
 */
static uint64_t
last_num(const struct call *call, enum counter_format format)
{
	const char *id = param_last_event_id(call);

	if (id == NULL || format == COUNTER_TEXT || *id == '\0' ||
	    strspn(id, "0123456789") != strlen(id))
		return 0;
	return strlen(id) > 9 ? COUNT_MAX : strtoull(id, NULL, 10);
}

static void
counter_head(struct answer *answer, enum counter_format format)
{
	if (format == COUNTER_SSE) {
		stream_head(answer);
		return;
	}
	answer_text_head(answer, "200 OK");
	answer_field(answer, "X-Accel-Buffering", "no");
	answer_field(answer, "Incremental", "?1");
}

void
counter_answer(const struct call *call, struct answer *answer)
{
	static const char *const formats[] = { "sse", "text", NULL };
	struct counter           counter = { 0 };
	int64_t                  interval_ms;
	size_t                   format;

	if (!param_count(call, answer, "count", COUNT, COUNT_MAX,
		&counter.count) ||
	    !param_duration(call, answer, "interval", INTERVAL_MS,
		INTERVAL_MS_MIN, INTERVAL_MS_MAX, &interval_ms) ||
	    !param_word(call, answer, "format", formats, &format))
		return;
	counter.format = (enum counter_format)format;
	counter.num = last_num(call, counter.format) + 1;
	if (counter.num > counter.count) {
		answer_head(answer, "204 No Content", NULL);
		answer_field(answer, "Cache-Control", "no-store");
		answer_body(answer, NULL, 0);
		return;
	}
	if (!stream_is_admitted(call, answer, counter.format == COUNTER_TEXT))
		return;
	counter_head(answer, counter.format);
	answer_body(answer, NULL, 0);
	if (call->is_head)
		return;
	append_num(&answer->bytes, counter.format, counter.num);
	if (counter.num == counter.count)
		append_end(&answer->bytes, counter.format, counter.count);
	else
		counter_start(call, answer, &counter, interval_ms);
}
