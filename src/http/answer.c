#include "http/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Longest line of text an answer has, and longest value of a field. */
#define TEXT_BYTES_MAX 1280

void
answer_restart(struct answer *answer)
{
	struct stream_spec *stream = &answer->stream;

	if (answer->streams != NULL && stream->release != NULL)
		stream->release(stream->arg);
	if (answer->streams != NULL)
		free((void *)stream->topics);
	answer->streams = NULL;
	buf_deinit(&answer->bytes);
}

void
answer_deinit(struct answer *answer)
{
	answer_restart(answer);
	buf_deinit(&answer->common);
}

void
answer_head(struct answer *answer, const char *status, const char *content_type)
{
	answer->status = (int)strtol(status, NULL, 10);
	if (strcmp(status, "200 OK") != 0)
		answer_field(answer, "Status", "%s", status);
	if (content_type != NULL)
		answer_field(answer, "Content-Type", "%s", content_type);
	buf_append(&answer->bytes, answer->common.data,
	    answer->common.len_bytes);
}

void
answer_field(struct answer *answer, const char *name, const char *format, ...)
{
	va_list args;
	char    value[TEXT_BYTES_MAX];

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	buf_printf(&answer->bytes, "%s: %s\r\n", name, value);
}

void
answer_body(struct answer *answer, const void *bytes, size_t len_bytes)
{
	buf_append_str(&answer->bytes, "\r\n");
	if (answer->has_body)
		buf_append(&answer->bytes, bytes, len_bytes);
}

void
answer_stream_head(struct answer *answer)
{
	answer_head(answer, "200 OK", "text/event-stream");
	answer_field(answer, "Cache-Control",
	    "no-cache, no-store, no-transform");
	answer_field(answer, "X-Accel-Buffering", "no");
	answer_field(answer, "Incremental", "?1");
}

void
answer_open_stream(struct answer *answer, struct peer *peer)
{
	stream_open(answer->streams, &answer->stream, peer, &answer->bytes);
	/* It is the stream's now. */
	answer->stream.release = NULL;
}

void
answer_text_head(struct answer *answer, const char *status)
{
	answer_head(answer, status, "text/plain; charset=utf-8");
	answer_field(answer, "Cache-Control", "no-store");
	answer_field(answer, "X-Content-Type-Options", "nosniff");
}

void
answer_text(struct answer *answer, const char *format, ...)
{
	va_list args;
	char    line[TEXT_BYTES_MAX];

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	answer_field(answer, "Content-Length", "%zu", strlen(line) + 1);
	answer_body(answer, line, strlen(line));
	if (answer->has_body)
		buf_append_str(&answer->bytes, "\n");
}
