#include "stream/stream.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/access.h"
#include "auth/token.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "hub/cursor.h"
#include "hub/hub.h"
#include "hub/turns.h"
#include "hub/update.h"
#include "pure/sse.h"
#include "stream/batch.h"
#include "stream/head.h"
#include "stream/peer.h"
#include "stream/streams.h"

/* An id field with an id of ours, its line end and a NUL. */
#define ID_FIELD_BYTES (POSITION_ID_BYTES + 5)

/* Writes to one stream before the others have their turn. */
#define WRITES_PER_VISIT 32

/* What the log keeps of a path and of an address. */
#define PATH_BYTES_MAX 255
#define ADDRESS_BYTES_MAX 63

static const struct token *
token_of(const struct stream *stream)
{
	return stream->extra == NULL ? NULL : stream->extra->token;
}

/* Whether the stream's client may have the update. */
static bool
may_have(const void *arg, const struct update *update)
{
	const struct stream *stream = arg;

	return access_may_read(stream->streams->access, token_of(stream),
	    update);
}

bool
stream_accepts(const struct cursor *cursor, const struct update *update)
{
	return !update->is_private ||
	    may_have((const char *)cursor - offsetof(struct stream, cursor),
		update);
}

static const char *const state_names[] = { "live", "stalled", "ended" };

static const struct {
	const char *word;
	bool        is_polite;
} ends[] = {
#define STREAM_END(name, word, is_polite, meaning) { word, is_polite },
#include "stream/stream_end.def"
#undef STREAM_END
};

const char *
stream_end_word(enum stream_end end)
{
	return ends[end].word;
}

/* Of its client, for the log. */
static const char *
stream_address(const struct stream *stream)
{
	return stream->path + strlen(stream->path) + 1;
}

static void
stream_enter(struct stream *stream, enum stream_state state)
{
	log_debug("state", LOG_STR("client", stream_address(stream)),
	    LOG_STR("path", stream->path),
	    LOG_STR("from", state_names[stream->state]),
	    LOG_STR("to", state_names[state]));
	stream->streams->stalled_count += state == STREAM_STALLED;
	stream->streams->stalled_count -= stream->state == STREAM_STALLED;
	stream->state = (uint8_t)state;
}

static void
stream_count(struct stream *stream, uint64_t event_count, uint64_t byte_count)
{
	stream->event_count += event_count;
	stream->byte_count += byte_count;
	stream->streams->totals.event_count += event_count;
	stream->streams->totals.byte_count += byte_count;
}

/* From now on the time to the next heartbeat runs. */
static void
stream_listen(struct stream *stream)
{
	deadline_set(&stream->streams->heartbeats, &stream->deadline,
	    turns_now_ms(stream->streams->turns));
}

static void
stream_stall(struct stream *stream)
{
	stream_enter(stream, STREAM_STALLED);
	cursor_stall(&stream->cursor);
	deadline_set(&stream->streams->stalls, &stream->deadline,
	    turns_now_ms(stream->streams->turns));
	stream->peer->ops->want_room(stream->peer);
}

/*
 * Writes if there is room. False means that the visit is over: the stream has
 * stalled or ended.
 */
static bool
stream_write(struct stream *stream, const struct iovec *parts, int count,
    size_t len_bytes)
{
	struct peer *peer = stream->peer;

	if (!peer->ops->has_room(peer, len_bytes)) {
		stream_stall(stream);
		return false;
	}
	if (peer->ops->write(peer, parts, count) == -1) {
		stream_end(stream, STREAM_END_WRITE_FAILED);
		return false;
	}
	stream_count(stream, 0, len_bytes);
	stream_listen(stream);
	return true;
}

/* Writes a piece of the head; false as stream_write. */
static bool
stream_write_head(struct stream *stream)
{
	struct iovec parts[HEAD_PARTS_MAX];
	size_t       len_bytes = 0;
	int          count;

	count = head_piece(stream->head, stream->sent_bytes, parts);
	for (int i = 0; i < count; i++)
		len_bytes += parts[i].iov_len;
	if (!stream_write(stream, parts, count, len_bytes))
		return false;
	stream->sent_bytes += (uint32_t)len_bytes;
	if (stream->sent_bytes < head_bytes(stream->head))
		return true;
	head_free(stream->head);
	stream->head = NULL;
	stream->sent_bytes = 0;
	return true;
}

/* Sends what is left of the head; whether it is out. */
static bool
stream_send_head(struct stream *stream)
{
	while (stream->head != NULL) {
		if (!stream_write_head(stream))
			return false;
	}
	return true;
}

static void
stream_deliver(struct stream *stream)
{
	struct batch batch;
	int          write_count;

	if (!stream_send_head(stream))
		return;
	for (write_count = 0; write_count < WRITES_PER_VISIT; write_count++) {
		batch_gather(&batch, &stream->cursor, stream->sent_bytes);
		if (batch.count > 0) {
			if (!stream_write(stream, batch.parts, batch.count,
				batch.len_bytes))
				return;
			stream_count(stream,
			    batch_commit(&batch, &stream->cursor), 0);
			stream->sent_bytes = (uint32_t)batch.cut_bytes;
		}
		if (batch.is_last) {
			if (stream->is_finishing)
				stream_end(stream, STREAM_END_COMPLETE);
			return;
		}
	}
	cursor_resume(&stream->cursor);
}

static void
stream_call(struct cursor *cursor, enum cursor_event event)
{
	struct stream *stream = list_entry(cursor, struct stream, cursor);

	if (event == CURSOR_OVERRUN) {
		stream_end(stream, STREAM_END_OVERRUN);
		return;
	}
	/* Before frames are dropped also those are called that are stalled. */
	stream_resume(stream);
	stream_deliver(stream);
}

/* From four fifths of the limit up to it, and not all alike. */
static int64_t
random_lifetime_ms(int64_t limit_ms)
{
	int64_t least_ms = limit_ms * 4 / 5;

	return least_ms + random() % (limit_ms - least_ms + 1);
}

/* What few streams have; it is made when it is needed. */
static struct stream_extra *
stream_extra(struct stream *stream)
{
	if (stream->extra == NULL) {
		stream->extra = mem_zalloc(sizeof(*stream->extra));
		stream->extra->stream = stream;
	}
	return stream->extra;
}

static void
stream_add_extra(struct stream *stream, const struct stream_spec *spec)
{
	struct streams      *streams = stream->streams;
	int64_t              limit_ms = streams->limits.lifetime_ms;
	struct stream_extra *extra;

	if (limit_ms == 0 && spec->token == NULL && spec->release == NULL)
		return;
	extra = stream_extra(stream);
	extra->token = spec->token;
	extra->release = spec->release;
	extra->release_arg = spec->arg;
	if (limit_ms > 0)
		heap_set(&streams->lifetimes, &extra->lifetime,
		    stream->opened_ms + random_lifetime_ms(limit_ms));
	/* A token without an end is there too, since its key may go. */
	if (spec->token != NULL)
		stream_set_expiry(stream, spec->token->times.exp_ms);
}

void
stream_set_expiry(struct stream *stream, int64_t wall_ms)
{
	streams_watch_clock(stream->streams);
	heap_set(&stream->streams->expiries, &stream_extra(stream)->expiry,
	    wall_ms);
}

static struct stream *
stream_new(struct streams *streams, const struct stream_spec *spec)
{
	const char    *address = spec->client == NULL ? "-" : spec->client;
	size_t         path_bytes = strnlen(spec->path, PATH_BYTES_MAX);
	size_t         address_bytes = strnlen(address, ADDRESS_BYTES_MAX);
	struct stream *stream;

	stream = mem_zalloc(sizeof(*stream) + path_bytes + address_bytes + 2);
	memcpy(stream->path, spec->path, path_bytes);
	memcpy(stream->path + path_bytes + 1, address, address_bytes);
	stream->streams = streams;
	stream->client = clients_enter(&streams->clients, spec->client);
	stream->state = STREAM_LIVE;
	stream->is_plain = spec->is_plain;
	stream->is_resumable = spec->is_resumable;
	stream->opened_ms = turns_now_ms(streams->turns);
	deadline_init(&stream->deadline);
	stream_add_extra(stream, spec);
	cursor_open(&stream->cursor, spec->topics, spec->topic_count,
	    spec->position, stream_call, spec->accepts);
	list_init(&stream->node);
	list_append(&streams->open, &stream->node);
	streams_joined(streams, stream);
	stream_count(stream, spec->event_count, 0);
	log_info("connect", LOG_STR("client", stream_address(stream)),
	    LOG_STR("path", stream->path),
	    LOG_INT("open", streams->open_count));
	return stream;
}

void
stream_open(struct streams *streams, const struct stream_spec *spec,
    struct peer *peer, struct buf *head)
{
	struct stream *stream;

	assert(peer->stream == NULL && head->len_bytes > 0);
	streams_make_place(streams);
	stream = stream_new(streams, spec);
	stream->peer = peer;
	peer->stream = stream;
	stream->head = head_new(head, spec->is_plain ? 0 : spec->padding_bytes);
	if (spec->on_open != NULL)
		spec->on_open(spec->arg, stream);
	if (stream_send_head(stream))
		cursor_resume(&stream->cursor);
}

void
stream_resume(struct stream *stream)
{
	if (stream->state != STREAM_STALLED)
		return;
	stream_enter(stream, STREAM_LIVE);
	stream_listen(stream);
	cursor_resume(&stream->cursor);
}

void
stream_finish(struct stream *stream)
{
	stream->is_finishing = true;
	if (stream->state == STREAM_LIVE)
		cursor_resume(&stream->cursor);
}

void
stream_end(struct stream *stream, enum stream_end end)
{
	struct streams *streams = stream->streams;
	/* With a part of a head out all that is left is to close. */
	bool is_polite = ends[end].is_polite && stream->head == NULL;

	assert(stream->state != STREAM_ENDED);
	stream_enter(stream, STREAM_ENDED);
	cursor_close(&stream->cursor);
	deadline_clear(&stream->deadline);
	if (stream->extra != NULL) {
		heap_remove(&streams->lifetimes, &stream->extra->lifetime);
		heap_remove(&streams->expiries, &stream->extra->expiry);
	}
	list_move(&streams->ended, &stream->node);
	streams_left(streams, stream);
	streams->totals.end_counts[end]++;
	log_info("disconnect", LOG_STR("client", stream_address(stream)),
	    LOG_STR("path", stream->path), LOG_INT("open", streams->open_count),
	    LOG_STR("reason", ends[end].word),
	    LOG_REAL("seconds",
		(double)(turns_now_ms(streams->turns) - stream->opened_ms) /
		    1000),
	    LOG_INT("events", stream->event_count),
	    LOG_INT("bytes", stream->byte_count));
	stream->peer->stream = NULL;
	stream->peer->ops->end(stream->peer, is_polite);
}

/* Whether something may be put between two events. */
static bool
stream_is_between(const struct stream *stream)
{
	return !stream->is_plain && stream->head == NULL &&
	    stream->sent_bytes == 0;
}

void
stream_beat(struct stream *stream)
{
	struct buf   comment = { 0 };
	struct iovec part;

	/* A comment within an event would be a part of it. */
	if (!stream_is_between(stream)) {
		stream_listen(stream);
		return;
	}
	sse_append_comment(&comment, "");
	part = (struct iovec){ comment.data, comment.len_bytes };
	stream_write(stream, &part, 1, part.iov_len);
	buf_deinit(&comment);
}

/* Says a last thing, if it can, and ends the stream. */
static void
stream_end_with(struct stream *stream, enum stream_end end,
    const struct iovec *part)
{
	if (stream->state == STREAM_LIVE && stream_is_between(stream))
		stream_write(stream, part, 1, part->iov_len);
	if (stream->state != STREAM_ENDED)
		stream_end(stream, end);
}

/*
 * The field with which the client comes back to where this stream ends, also if
 * it was sent no event yet; nothing for a stream that cannot be resumed.
 */
static void
print_id(const struct stream *stream, char field[static ID_FIELD_BYTES])
{
	const struct hub *hub = stream->streams->hub;
	uint64_t          position = cursor_position(&stream->cursor);
	char              id[POSITION_ID_BYTES];

	field[0] = '\0';
	if (!stream->is_resumable || hub == NULL)
		return;
	/* What went elsewhere is behind it too. */
	if (hub->position > position && !cursor_is_behind(&stream->cursor))
		position = hub->position;
	position = hub_shown_position(hub, position,
	    &(struct update_reader){ may_have, stream,
		access_reach(token_of(stream)) });
	if (hub_id(hub, position, id))
		snprintf(field, ID_FIELD_BYTES, "id: %s\n", id);
}

void
stream_send_away(struct stream *stream, enum stream_end end, long return_ms)
{
	char id[ID_FIELD_BYTES], block[ID_FIELD_BYTES + 48];
	int  len_bytes;

	print_id(stream, id);
	len_bytes = snprintf(block, sizeof(block), "%sretry: %ld\n\n", id,
	    return_ms);
	stream_end_with(stream, end,
	    &(struct iovec){ block, (size_t)len_bytes });
}

void
stream_expire(struct stream *stream, enum stream_end end, long return_ms)
{
	char id[ID_FIELD_BYTES], event[ID_FIELD_BYTES + 128];
	int  len_bytes;

	print_id(stream, id);
	len_bytes = snprintf(event, sizeof(event),
	    "%sevent: token-expired\nretry: %ld\n"
	    "data: {\"reason\":\"%s\"}\n\n",
	    id, return_ms, ends[end].word);
	stream_end_with(stream, end,
	    &(struct iovec){ event, (size_t)len_bytes });
}

void
stream_free(struct stream *stream)
{
	assert(!turns_is_calling(stream->streams->turns));
	list_remove(&stream->node);
	if (stream->extra != NULL && stream->extra->release != NULL)
		stream->extra->release(stream->extra->release_arg);
	clients_leave(&stream->streams->clients, stream->client);
	if (stream->head != NULL)
		head_free(stream->head);
	free(stream->extra);
	free(stream);
}
