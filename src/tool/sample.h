#ifndef TOOL_SAMPLE_H
#define TOOL_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* More of a body is not kept. */
#define SAMPLE_BODY_BYTES_MAX ((size_t)64 * 1024)

/* One event of a stream. Times count from the start of the request. */
struct sample_event {
	int64_t  at_us;    /* when all of it had come */
	int64_t  stamp_us; /* the date in its data, by the server; -1: none */
	uint64_t num;      /* its id, if that is a number; else 0 */
	bool     is_end;   /* of the type "end" */
	bool     is_refusal;
};

/* What one request saw. A text is NULL where the response has no such field. */
struct sample {
	int         code; /* a CURLcode */
	long        os_error;
	const char *problem;    /* the code in words; may be empty */
	bool        is_stopped; /* by us, with what was wanted or too late */
	long        status;     /* 0: no head came */
	int         http_major;
	char       *content_type;
	char       *content_encoding;
	char       *server;
	char       *via;
	char       *challenge; /* WWW-Authenticate */
	char       *location;
	char       *cache_control; /* all such fields, joined by commas */
	char       *accel;         /* X-Accel-Buffering */
	char       *varnish;       /* X-Varnish */
	bool    is_type_lower; /* the name Content-Type came in lower case */
	bool    is_date_lower;
	int64_t head_us; /* -1: did not come */
	int64_t end_us;  /* when the response ended or was stopped */
	struct sample_event *events;
	size_t               event_count;
	size_t               comment_count;
	bool                 is_sent_back; /* its end says when to come back */
	struct buf           body;
	size_t               byte_count; /* of the body, kept or not */
};

#define SAMPLE_EMPTY                                       \
	(struct sample)                                    \
	{                                                  \
		.problem = "", .head_us = -1, .end_us = -1 \
	}

void sample_deinit(struct sample *);

/* Adds an event, of which type, id and data are terminated. */
void sample_add_event(struct sample *, int64_t at_us, const char *type,
    const char *id, const char *data);

/*
 * Takes a line of the head, "Name: value" with its line end, as far as it is
 * of interest; a status line drops what an earlier head had (100 Continue).
 */
void sample_take_field(struct sample *, const char *line, size_t len_bytes);

/* Whether the response is an event stream. */
bool sample_is_stream(const struct sample *);

/*
 * Whether the response is a line of text as fcgi-sse answers what is wrong,
 * and not the page that a web server has put in its place.
 */
bool sample_is_own_text(const struct sample *);

/* Whether fcgi-sse has refused the stream, as an EventSource is told. */
bool sample_is_refused(const struct sample *);

/* Whether there is no stream to look at. */
bool sample_is_unserved(const struct sample *);

/* Whether the web server has answered in place of fcgi-sse. */
bool sample_is_turned_away(const struct sample *);

/* Whether the text is in the body's beginning. */
bool sample_body_has(const struct sample *, const char *text);

#endif
