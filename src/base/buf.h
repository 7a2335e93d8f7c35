#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>

/*
 * Bytes that grow at their end. {0} is an empty one. No call fails: without
 * memory the process ends (base/mem.h).
 */
struct buf {
	char  *data; /* not terminated; NULL while size_bytes is 0 */
	size_t len_bytes;
	size_t size_bytes;
};

/* Makes room for len_bytes more. */
void buf_reserve(struct buf *, size_t len_bytes);
void buf_append(struct buf *, const void *bytes, size_t len_bytes);
void buf_append_str(struct buf *, const char *);
void buf_printf(struct buf *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Drops the first len_bytes; what follows moves to the front. */
void buf_consume(struct buf *, size_t len_bytes);

/* Gives back the memory that it does not need now. */
void buf_trim(struct buf *);

/* Frees the bytes; the buffer is an empty one again. */
void buf_deinit(struct buf *);

#endif
