#include "edge/record.h"

#include <string.h>

#include "base/buf.h"

#define VERSION_1 1
#define BEGIN_BODY_BYTES 8
#define PADDING_OFFSET 6
#define FLAG_KEEP_CONN 1

/* Heads and padding of a body's records may take this and the body's size. */
#define BODY_HEADS_BYTES_MAX (64 * 1024)

struct record_head {
	unsigned type;
	uint16_t request_id;
	size_t   content_bytes;
	size_t   record_bytes; /* head, content and padding */
};

void
record_reader_init(struct record_reader *reader,
    const struct record_limits          *limits)
{
	memset(reader, 0, sizeof(*reader));
	reader->limits = limits;
}

void
record_reader_resume(struct record_reader *reader, uint16_t request_id,
    bool is_kept, size_t foreign_bytes)
{
	reader->is_active = true;
	reader->is_whole = true;
	reader->has_params = true;
	reader->request_id = request_id;
	reader->is_kept = is_kept;
	reader->foreign_bytes = foreign_bytes;
}

static uint16_t
get_16(const unsigned char *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void
put_head(unsigned char *out, enum record_type type, uint16_t request_id,
    size_t content_bytes)
{
	out[0] = VERSION_1;
	out[1] = (unsigned char)type;
	out[2] = (unsigned char)(request_id >> 8);
	out[3] = (unsigned char)request_id;
	out[4] = (unsigned char)(content_bytes >> 8);
	out[5] = (unsigned char)content_bytes;
	out[6] = 0;
	out[7] = 0;
}

size_t
record_put_end(unsigned char *out, uint16_t request_id,
    enum record_status status)
{
	put_head(out, RECORD_END_REQUEST, request_id, 8);
	memset(out + RECORD_HEAD_BYTES, 0, 8);
	out[RECORD_HEAD_BYTES + 4] = (unsigned char)status;
	return RECORD_HEAD_BYTES + 8;
}

static enum record_event
broken(struct record_reader *reader, const char *error)
{
	reader->error = error;
	return RECORD_EVENT_BROKEN;
}

static enum record_event
reply_end(struct record_reader *reader, uint16_t request_id,
    enum record_status status)
{
	reader->reply_bytes = record_put_end(reader->reply, request_id, status);
	return RECORD_EVENT_REPLY;
}

/*
 * Reads one length of a name-value pair, one or four bytes (section 3.4).
 * Returns its own size, or 0 when it is cut off.
 */
static size_t
get_length(const unsigned char *bytes, size_t len_bytes, size_t *length)
{
	if (len_bytes < 1)
		return 0;
	if ((bytes[0] & 0x80) == 0) {
		*length = bytes[0];
		return 1;
	}
	if (len_bytes < 4)
		return 0;
	*length = (size_t)(bytes[0] & 0x7f) << 24 | (size_t)bytes[1] << 16 |
	    (size_t)bytes[2] << 8 | bytes[3];
	return 4;
}

/* Reads the head of a pair; returns its size, or 0 when it is cut off. */
static size_t
get_pair_head(const unsigned char *bytes, size_t len_bytes, size_t *name_bytes,
    size_t *value_bytes)
{
	size_t name_head, value_head;

	name_head = get_length(bytes, len_bytes, name_bytes);
	if (name_head == 0)
		return 0;
	value_head = get_length(bytes + name_head, len_bytes - name_head,
	    value_bytes);
	return value_head == 0 ? 0 : name_head + value_head;
}

/*
 * FCGI_GET_VALUES, section 4.1: of the three names that there are we answer
 * one. The others ask how many connections and requests at a time: as many as
 * descriptors allow, and that is no promise to make.
 */
static enum record_event
reply_values(struct record_reader *reader, const unsigned char *content,
    size_t len_bytes)
{
	static const char mpxs[] = "FCGI_MPXS_CONNS";
	size_t            name_bytes, value_bytes, head_bytes, size = 0;
	unsigned char    *out = reader->reply + RECORD_HEAD_BYTES;

	while (len_bytes > 0) {
		head_bytes = get_pair_head(content, len_bytes, &name_bytes,
		    &value_bytes);
		if (head_bytes == 0 ||
		    name_bytes + value_bytes > len_bytes - head_bytes)
			return broken(reader, "FCGI_GET_VALUES cut off");
		if (size == 0 && name_bytes == sizeof(mpxs) - 1 &&
		    memcmp(content + head_bytes, mpxs, name_bytes) == 0) {
			out[0] = (unsigned char)name_bytes;
			out[1] = 1;
			memcpy(out + 2, mpxs, name_bytes);
			out[2 + name_bytes] = '0';
			size = 3 + name_bytes;
		}
		content += head_bytes + name_bytes + value_bytes;
		len_bytes -= head_bytes + name_bytes + value_bytes;
	}
	put_head(reader->reply, RECORD_GET_VALUES_RESULT, 0, size);
	reader->reply_bytes = RECORD_HEAD_BYTES + size;
	return RECORD_EVENT_REPLY;
}

static enum record_event
reply_unknown_type(struct record_reader *reader, unsigned type)
{
	put_head(reader->reply, RECORD_UNKNOWN_TYPE, 0, 8);
	memset(reader->reply + RECORD_HEAD_BYTES, 0, 8);
	reader->reply[RECORD_HEAD_BYTES] = (unsigned char)type;
	reader->reply_bytes = RECORD_HEAD_BYTES + 8;
	return RECORD_EVENT_REPLY;
}

/*
 * Makes the record at seen_bytes a part of the request in front, without its
 * padding: libfcgi stumbles over that of an empty record.
 */
static void
keep(struct record_reader *reader, struct buf *buf,
    const struct record_head *head)
{
	size_t len_bytes = RECORD_HEAD_BYTES + head->content_bytes;
	char  *to = buf->data + reader->request_bytes;

	memmove(to, buf->data + reader->seen_bytes, len_bytes);
	to[PADDING_OFFSET] = 0;
	reader->request_bytes += len_bytes;
}

static enum record_event
on_begin(struct record_reader *reader, struct buf *buf,
    const struct record_head *head, const unsigned char *content)
{
	if (head->content_bytes != BEGIN_BODY_BYTES)
		return broken(reader, "FCGI_BEGIN_REQUEST of a wrong size");
	if (reader->is_active && head->request_id == reader->request_id)
		return broken(reader, "FCGI_BEGIN_REQUEST twice");
	if (reader->is_active)
		return reply_end(reader, head->request_id,
		    RECORD_CANT_MPX_CONN);
	reader->is_kept = (content[2] & FLAG_KEEP_CONN) != 0;
	reader->is_refused = get_16(content) != RECORD_RESPONDER;
	if (reader->is_refused)
		return reply_end(reader, head->request_id, RECORD_UNKNOWN_ROLE);
	reader->is_active = true;
	reader->request_id = head->request_id;
	keep(reader, buf, head);
	return RECORD_EVENT_NONE;
}

static enum record_event
on_params(struct record_reader *reader, struct buf *buf,
    const struct record_head *head)
{
	if (reader->has_params)
		return broken(reader, "FCGI_PARAMS after their end");
	reader->params_bytes += head->record_bytes;
	if (reader->params_bytes > reader->limits->params_bytes_max)
		return broken(reader, "FCGI_PARAMS over the limit");
	reader->has_params = head->content_bytes == 0;
	keep(reader, buf, head);
	reader->head_bytes = reader->request_bytes;
	return RECORD_EVENT_NONE;
}

/*
 * Whether the names and values end where their records end. libfcgi would
 * find out too, but only after it has allocated what a length claims.
 */
static bool
params_are_whole(const unsigned char *bytes, size_t len_bytes)
{
	size_t        at, content_end, record_end, need_bytes = 0;
	size_t        name_bytes, value_bytes, head_bytes, have_bytes = 0;
	unsigned char head[8];

	for (at = 0; at < len_bytes; at = record_end) {
		content_end = at + RECORD_HEAD_BYTES + get_16(bytes + at + 4);
		record_end = content_end + bytes[at + PADDING_OFFSET];
		if (bytes[at + 1] != RECORD_PARAMS)
			continue;
		at += RECORD_HEAD_BYTES;
		while (at < content_end) {
			if (need_bytes > content_end - at) {
				need_bytes -= content_end - at;
				break;
			}
			at += need_bytes;
			need_bytes = 0;
			if (at == content_end)
				break;
			head[have_bytes++] = bytes[at++];
			head_bytes = get_pair_head(head, have_bytes,
			    &name_bytes, &value_bytes);
			if (head_bytes == 0)
				continue;
			need_bytes = name_bytes + value_bytes;
			have_bytes = 0;
		}
	}
	return need_bytes == 0 && have_bytes == 0;
}

/* A body over the limit is read to its end all the same, and left out. */
static void
keep_body(struct record_reader *reader, struct buf *buf,
    const struct record_head *head)
{
	size_t body_bytes = reader->body_bytes + head->content_bytes;
	size_t record_bytes = reader->body_record_bytes + head->record_bytes;
	size_t max = reader->limits->body_bytes_max;

	if (body_bytes > max || record_bytes > 2 * max + BODY_HEADS_BYTES_MAX) {
		reader->is_body_cut = true;
		return;
	}
	reader->body_bytes = body_bytes;
	reader->body_record_bytes = record_bytes;
	keep(reader, buf, head);
}

static enum record_event
on_stdin(struct record_reader *reader, struct buf *buf,
    const struct record_head *head)
{
	if (!reader->has_params)
		return broken(reader,
		    "FCGI_STDIN before the end of FCGI_PARAMS");
	if (head->content_bytes > 0) {
		if (!reader->is_body_cut && !reader->is_body_unwanted)
			keep_body(reader, buf, head);
		return RECORD_EVENT_NONE;
	}
	keep(reader, buf, head);
	if (!params_are_whole((unsigned char *)buf->data,
		reader->request_bytes))
		return broken(reader, "FCGI_PARAMS cut off");
	reader->is_whole = true;
	return RECORD_EVENT_REQUEST;
}

/* What comes of a request that was answered. */
static enum record_event
on_passing(struct record_reader *reader, const struct record_head *head)
{
	if (head->type == RECORD_STDIN && head->content_bytes > 0)
		return RECORD_EVENT_NONE;
	reader->is_passing = false;
	return RECORD_EVENT_PASSED;
}

static enum record_event
on_foreign(struct record_reader *reader, const struct record_head *head)
{
	reader->foreign_bytes += head->record_bytes;
	if (reader->foreign_bytes > reader->limits->foreign_bytes_max)
		return broken(reader, "too many records of no request");
	return RECORD_EVENT_NONE;
}

static enum record_event
on_record(struct record_reader *reader, struct buf *buf,
    const struct record_head *head)
{
	const unsigned char *content = (unsigned char *)buf->data +
	    reader->seen_bytes + RECORD_HEAD_BYTES;

	if (head->request_id == 0 || head->type == RECORD_BEGIN_REQUEST) {
		if (on_foreign(reader, head) == RECORD_EVENT_BROKEN)
			return RECORD_EVENT_BROKEN;
	}
	if (head->request_id == 0) {
		if (head->type == RECORD_GET_VALUES)
			return reply_values(reader, content,
			    head->content_bytes);
		return reply_unknown_type(reader, head->type);
	}
	if (head->type == RECORD_BEGIN_REQUEST && reader->is_passing)
		record_finish(reader);
	if (head->type == RECORD_BEGIN_REQUEST)
		return on_begin(reader, buf, head, content);
	if (!reader->is_active || head->request_id != reader->request_id)
		return on_foreign(reader, head);
	if (reader->is_passing)
		return on_passing(reader, head);
	if (head->type == RECORD_ABORT_REQUEST)
		return RECORD_EVENT_ABORT;
	if (!reader->is_whole && head->type == RECORD_PARAMS)
		return on_params(reader, buf, head);
	if (!reader->is_whole && head->type == RECORD_STDIN)
		return on_stdin(reader, buf, head);
	return on_foreign(reader, head);
}

/* Closes the gap that the records left out have made. */
static void
compact(struct record_reader *reader, struct buf *buf)
{
	size_t gap_bytes = reader->seen_bytes - reader->request_bytes;

	if (gap_bytes == 0)
		return;
	memmove(buf->data + reader->request_bytes,
	    buf->data + reader->seen_bytes,
	    buf->len_bytes - reader->seen_bytes);
	buf->len_bytes -= gap_bytes;
	reader->seen_bytes = reader->request_bytes;
}

/* Whether a peer that keeps its connection has not waited for the answer. */
static bool
is_ahead(const struct record_reader *reader, const struct record_head *head)
{
	return reader->holds_next && reader->is_active && reader->is_whole &&
	    reader->is_kept && head->type == RECORD_BEGIN_REQUEST &&
	    head->request_id == reader->request_id;
}

enum record_event
record_next(struct record_reader *reader, struct buf *buf)
{
	const unsigned char *bytes;
	struct record_head   head;
	enum record_event    event;

	while (buf->len_bytes - reader->seen_bytes >= RECORD_HEAD_BYTES) {
		bytes = (unsigned char *)buf->data + reader->seen_bytes;
		if (bytes[0] != VERSION_1)
			return broken(reader, "not FastCGI version 1");
		head.type = bytes[1];
		head.request_id = get_16(bytes + 2);
		head.content_bytes = get_16(bytes + 4);
		head.record_bytes = RECORD_HEAD_BYTES + head.content_bytes +
		    bytes[PADDING_OFFSET];
		if (buf->len_bytes - reader->seen_bytes < head.record_bytes ||
		    is_ahead(reader, &head))
			break;
		event = on_record(reader, buf, &head);
		reader->seen_bytes += head.record_bytes;
		if (event != RECORD_EVENT_NONE)
			return event;
	}
	compact(reader, buf);
	return RECORD_EVENT_NONE;
}

bool
record_has_head(const struct record_reader *reader, const struct buf *buf)
{
	return reader->has_params && !reader->is_whole && !reader->is_passing &&
	    params_are_whole((unsigned char *)buf->data, reader->head_bytes);
}

void
record_pass(struct record_reader *reader, struct buf *buf)
{
	record_take(reader, buf);
	reader->is_passing = true;
}

void
record_take(struct record_reader *reader, struct buf *buf)
{
	buf_consume(buf, reader->seen_bytes);
	reader->seen_bytes = 0;
	reader->request_bytes = 0;
}

void
record_finish(struct record_reader *reader)
{
	const struct record_limits *limits = reader->limits;

	size_t seen_bytes = reader->seen_bytes;
	bool   is_kept = reader->is_kept;

	/* What an aborted request has left in front becomes a gap. */
	record_reader_init(reader, limits);
	reader->seen_bytes = seen_bytes;
	reader->is_kept = is_kept;
}
