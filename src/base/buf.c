#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define BUF_BYTES_MIN 64

void
buf_reserve(struct buf *buf, size_t len_bytes)
{
	size_t need_bytes, size_bytes;

	if (buf->size_bytes - buf->len_bytes >= len_bytes)
		return;
	assert(len_bytes <= SIZE_MAX / 2 - buf->len_bytes);
	need_bytes = buf->len_bytes + len_bytes;
	size_bytes = buf->size_bytes > 0 ? buf->size_bytes : BUF_BYTES_MIN;
	while (size_bytes < need_bytes)
		size_bytes *= 2;
	buf->data = mem_realloc(buf->data, size_bytes);
	buf->size_bytes = size_bytes;
}

void
buf_append(struct buf *buf, const void *bytes, size_t len_bytes)
{
	if (len_bytes == 0)
		return;
	buf_reserve(buf, len_bytes);
	memcpy(buf->data + buf->len_bytes, bytes, len_bytes);
	buf->len_bytes += len_bytes;
}

void
buf_append_str(struct buf *buf, const char *text)
{
	buf_append(buf, text, strlen(text));
}

void
buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	size_t  room_bytes;
	int     len;

	/* vsnprintf writes a NUL too; it stays outside of len_bytes. */
	buf_reserve(buf, BUF_BYTES_MIN);
	room_bytes = buf->size_bytes - buf->len_bytes;
	va_start(args, format);
	len = vsnprintf(buf->data + buf->len_bytes, room_bytes, format, args);
	va_end(args);
	assert(len >= 0);
	if ((size_t)len >= room_bytes) {
		buf_reserve(buf, (size_t)len + 1);
		va_start(args, format);
		vsnprintf(buf->data + buf->len_bytes, (size_t)len + 1, format,
		    args);
		va_end(args);
	}
	buf->len_bytes += (size_t)len;
}

void
buf_consume(struct buf *buf, size_t len_bytes)
{
	assert(len_bytes <= buf->len_bytes);
	buf->len_bytes -= len_bytes;
	if (len_bytes > 0 && buf->len_bytes > 0)
		memmove(buf->data, buf->data + len_bytes, buf->len_bytes);
}

void
buf_trim(struct buf *buf)
{
	if (buf->len_bytes == 0) {
		buf_deinit(buf);
		return;
	}
	buf->data = mem_realloc(buf->data, buf->len_bytes);
	buf->size_bytes = buf->len_bytes;
}

void
buf_deinit(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf){ 0 };
}
