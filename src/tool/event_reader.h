#ifndef TOOL_EVENT_READER_H
#define TOOL_EVENT_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Longer lines are cut there. */
#define EVENT_READER_LINE_BYTES_MAX ((size_t)64 * 1024)

/* Lines of data beyond it are left out. */
#define EVENT_READER_DATA_BYTES_MAX ((size_t)1024 * 1024)

/* One event that was dispatched. The texts are terminated. */
struct event_read {
	const char *type; /* "" is an event without a name */
	const char *id;   /* the last one that was given; "" is none */
	const char *data;
	size_t      data_bytes; /* data may hold NUL */
};

/* The functions that are called. */
struct event_listener {
	void (*on_event)(void *arg, const struct event_read *);
	void (*on_comment)(void *arg);
	void (*on_retry)(void *arg); /* a field retry was given */
	void *arg;
};

/*
 * Reads an event stream as browsers do (WHATWG HTML standard, section 9.2.6),
 * in whatever pieces it comes.
 */
struct event_reader {
	struct event_listener listener;
	struct buf            line;
	struct buf            data;
	struct buf            type;
	struct buf            id;
	bool                  has_data;
	bool                  is_after_cr; /* an LF belongs to it */
	bool                  is_begun;    /* a byte order mark was skipped */
};

void event_reader_init(struct event_reader *, const struct event_listener *);
void event_reader_feed(struct event_reader *, const char *, size_t len_bytes);
void event_reader_deinit(struct event_reader *);

#endif
