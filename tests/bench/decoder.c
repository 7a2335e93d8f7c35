#include "decoder.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FCGI_VERSION_1 = 1, FCGI_END_REQUEST = 3, FCGI_STDOUT = 6 };

static const uint32_t fnv_start = 2166136261u;
static const uint32_t fnv_prime = 16777619u;

/* What is being fed: the bytes, and whom to tell. */
struct feed {
	const char       *at;
	size_t            left;
	decoder_event_fn *tell;
	void             *arg;
};

void
decoder_init(struct decoder *d, enum decoder_framing framing)
{
	memset(d, 0, sizeof(*d));
	d->framing = framing;
	d->phase = DECODER_HEAD;
	d->hash = fnv_start;
}

/* Takes the first bytes, at most max, out of the feed. */
static struct feed
feed_split(struct feed *f, size_t max)
{
	struct feed part = *f;

	if (part.left > max)
		part.left = max;
	f->at += part.left;
	f->left -= part.left;
	return part;
}

/*
 * Takes bytes up to and with the next LF. False when there is none: the rest
 * of the line is to come. An LF ends the line, a CR before it is dropped.
 */
static bool
line_take(struct decoder_line *line, struct feed *f)
{
	const char *lf = memchr(f->at, '\n', f->left);
	size_t      n = lf == NULL ? f->left : (size_t)(lf - f->at);
	struct feed part = feed_split(f, n);

	if (line->len_bytes < sizeof(line->start)) {
		size_t room = sizeof(line->start) - line->len_bytes;

		memcpy(line->start + line->len_bytes, part.at,
		    n < room ? n : room);
	}
	line->len_bytes += (uint32_t)n;
	if (lf == NULL)
		return false;
	feed_split(f, 1);
	if (line->len_bytes > 0 && line->len_bytes <= sizeof(line->start) &&
	    line->start[line->len_bytes - 1] == '\r')
		line->len_bytes--;
	return true;
}

static bool
line_starts(const struct decoder_line *line, const char *prefix)
{
	size_t n = strlen(prefix);

	return line->len_bytes >= n && strncasecmp(line->start, prefix, n) == 0;
}

/* The number at the offset of the line; 0 when there is none. */
static unsigned long
line_number(const struct decoder_line *line, size_t offset, int base)
{
	char   text[sizeof(line->start) + 1] = "";
	size_t n = line->len_bytes;

	if (n > sizeof(line->start))
		n = sizeof(line->start);
	memcpy(text, line->start, n);
	return offset < n ? strtoul(text + offset, NULL, base) : 0;
}

static void
head_line_end(struct decoder *d)
{
	if (line_starts(&d->outer, "HTTP/1.1 "))
		d->status = (uint16_t)line_number(&d->outer, 9, 10);
	else if (line_starts(&d->outer, "Status:"))
		d->status = (uint16_t)line_number(&d->outer, 7, 10);
	else if (line_starts(&d->outer, "Transfer-Encoding: chunked"))
		d->is_chunked = true;
	else if (d->outer.len_bytes == 0) {
		if (d->status == 0)
			d->status = 200;
		d->phase = d->is_chunked ? DECODER_CHUNK_SIZE : DECODER_BODY;
	}
	d->outer.len_bytes = 0;
}

static void
feed_events(struct decoder *d, struct feed *f)
{
	while (f->left > 0) {
		const char *from = f->at;
		bool        is_whole = line_take(&d->event, f);

		for (; from < f->at; from++)
			d->hash = (d->hash ^ (unsigned char)*from) * fnv_prime;
		if (!is_whole)
			return;
		if (line_starts(&d->event, "data:")) {
			d->has_data = true;
			d->data = d->event;
		}
		if (d->event.len_bytes == 0) {
			if (d->has_data)
				f->tell(f->arg, d->hash);
			d->has_data = false;
			d->hash = fnv_start;
		}
		d->event.len_bytes = 0;
	}
}

static void
chunk_size_end(struct decoder *d)
{
	d->chunk_left = (uint32_t)line_number(&d->outer, 0, 16);
	d->phase = d->chunk_left == 0 ? DECODER_END : DECODER_CHUNK;
	d->outer.len_bytes = 0;
}

static void
feed_chunk(struct decoder *d, struct feed *f)
{
	struct feed part = feed_split(f, d->chunk_left);

	d->chunk_left -= (uint32_t)part.left;
	feed_events(d, &part);
	if (d->chunk_left == 0)
		d->phase = DECODER_CHUNK_END;
}

static void
feed_message(struct decoder *d, struct feed *f)
{
	while (f->left > 0) {
		switch ((enum decoder_phase)d->phase) {
		case DECODER_HEAD:
			if (line_take(&d->outer, f))
				head_line_end(d);
			break;
		case DECODER_BODY:
			feed_events(d, f);
			break;
		case DECODER_CHUNK_SIZE:
			if (line_take(&d->outer, f))
				chunk_size_end(d);
			break;
		case DECODER_CHUNK:
			feed_chunk(d, f);
			break;
		case DECODER_CHUNK_END:
			if (line_take(&d->outer, f)) {
				d->phase = DECODER_CHUNK_SIZE;
				d->outer.len_bytes = 0;
			}
			break;
		case DECODER_END:
		case DECODER_ERROR:
			return;
		}
	}
}

static void
record_start(struct decoder *d)
{
	d->content_left = (uint32_t)(d->record[4] << 8 | d->record[5]);
	d->padding_left = d->record[6];
	if (d->record[0] != FCGI_VERSION_1)
		d->phase = DECODER_ERROR;
	else if (d->record[1] == FCGI_END_REQUEST)
		d->phase = DECODER_END;
}

static void
feed_content(struct decoder *d, struct feed *f)
{
	struct feed part = feed_split(f, d->content_left);

	d->content_left -= (uint32_t)part.left;
	if (d->record[1] == FCGI_STDOUT)
		feed_message(d, &part);
}

static void
feed_records(struct decoder *d, struct feed *f)
{
	while (f->left > 0 && d->phase != DECODER_ERROR) {
		if (d->record_have < sizeof(d->record)) {
			struct feed byte = feed_split(f, 1);

			d->record[d->record_have++] = (unsigned char)*byte.at;
			if (d->record_have == sizeof(d->record))
				record_start(d);
		} else if (d->content_left > 0)
			feed_content(d, f);
		else
			d->padding_left -=
			    (uint32_t)feed_split(f, d->padding_left).left;
		if (d->record_have == sizeof(d->record) &&
		    d->content_left == 0 && d->padding_left == 0)
			d->record_have = 0;
	}
}

bool
decoder_update(const struct decoder *d, uint64_t *seq, uint64_t *sent_us)
{
	char   text[sizeof(d->data.start) + 1] = "";
	char  *at = text + sizeof("data:") - 1, *end;
	size_t n = d->data.len_bytes;

	memcpy(text, d->data.start,
	    n < sizeof(d->data.start) ? n : sizeof(d->data.start));
	*seq = strtoull(at, &end, 10);
	if (end == at)
		return false;
	*sent_us = strtoull(end, &at, 10);
	return at != end;
}

void
decoder_feed(struct decoder *d, const char *bytes, size_t len_bytes,
    decoder_event_fn *tell, void *arg)
{
	struct feed f = { bytes, len_bytes, tell, arg };

	if (d->framing == DECODER_FCGI)
		feed_records(d, &f);
	else
		feed_message(d, &f);
}
