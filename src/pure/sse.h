#ifndef PURE_SSE_H
#define PURE_SSE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* One event, as the WHATWG HTML standard's section 9.2 has it. */
struct sse_event {
	const char *id;   /* NULL: no id field */
	const char *type; /* the event name; NULL: no event field */
	const char *data;
	size_t      data_bytes;
	long        retry_ms; /* -1: no retry field */
};

/*
 * Appends the event's frame: the fields id, retry, event, data, each on its
 * line, and the empty line. Data is split into lines at LF, CR and CRLF, so
 * that what a browser reads back is the data with each line end an LF; empty
 * data gives one empty data line, so the event is dispatched all the same. id
 * and type must hold no CR, LF or NUL: sse_is_field_value tells.
 */
void sse_append_event(struct buf *, const struct sse_event *);

/*
 * Appends a comment (": text", or ":" for an empty one; a line for each line
 * of the text). No blank line follows: a blank line ends an event, and some
 * clients hand their page an empty message for each. So a comment may stand
 * before an event or between its id and its other fields.
 */
void sse_append_comment(struct buf *, const char *text);

/* So long, a day, a publisher may have clients wait before they come back. */
#define SSE_RETRY_MS_MAX (24 * 60 * 60 * 1000)

/*
 * Whether the bytes may stand in an id or event field: valid UTF-8 without
 * control characters.
 */
bool sse_is_field_value(const char *, size_t len_bytes);

/* Whether the bytes are valid UTF-8 (no overlong forms, no surrogates). */
bool sse_is_utf8(const char *, size_t len_bytes);

#endif
