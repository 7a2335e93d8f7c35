#include "stream/stream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "hub/hub.h"
#include "hub/topic.h"
#include "stream/peer.h"

/* Writes to one stream before the others have their turn. */
#define WRITES_PER_VISIT 32

/* Frames that leave in one write. */
#define FRAMES_PER_WRITE 64

enum stream_state {
	STREAM_OPENING,		/* the head is on its way */
	STREAM_LIVE,		/* the cursor calls when there is something */
	STREAM_STALLED,		/* the peer calls when there is room */
	STREAM_ENDED		/* waits for streams_reap */
};

static const char *const state_names[] = { "opening", "live", "stalled",
    "ended" };

struct stream {
	struct list		 node;		/* in streams->open or ->ended */
	struct streams		*streams;
	struct peer		*peer;
	struct cursor		 cursor;
	struct deadline		 deadline;	/* heartbeat, or stall */
	enum stream_state	 state;
	bool			 is_plain;
	bool			 is_finishing;
	size_t			 sent_bytes;	/* of the frame behind the cursor */
	int64_t			 opened_ms;
	uint64_t		 event_count;
	uint64_t		 byte_count;
	void			(*release)(void *);
	void			*release_arg;
	char			*path;		/* behind client, in strings */
	char			 client[];
};

static const struct {
	const char	*word;
	bool		 is_polite;
} ends[] = {
#define STREAM_END(name, word, is_polite, meaning) { word, is_polite },
#include "stream/stream_end.def"
#undef STREAM_END
};

static const char heartbeat[] = ":\n\n";

const char *
stream_end_word(enum stream_end end)
{
	return ends[end].word;
}

void
streams_init(struct streams *streams, struct hub *hub,
    const struct stream_limits *limits)
{
	memset(streams, 0, sizeof(*streams));
	streams->hub = hub;
	list_init(&streams->open);
	list_init(&streams->ended);
	deadline_list_init(&streams->heartbeats, limits->heartbeat_ms);
	deadline_list_init(&streams->stalls, limits->stall_timeout_ms);
}

void
streams_deinit(struct streams *streams)
{
	assert(list_is_empty(&streams->open));
	streams_reap(streams);
}

static void
stream_enter(struct stream *stream, enum stream_state state)
{
	log_debug("state", LOG_STR("client", stream->client),
	    LOG_STR("path", stream->path),
	    LOG_STR("from", state_names[stream->state]),
	    LOG_STR("to", state_names[state]));
	stream->state = state;
}

static void
stream_stall(struct stream *stream)
{
	stream_enter(stream, STREAM_STALLED);
	cursor_stall(&stream->cursor);
	deadline_set(&stream->streams->stalls, &stream->deadline,
	    hub_now_ms(stream->streams->hub));
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
	stream->byte_count += len_bytes;
	deadline_set(&stream->streams->heartbeats, &stream->deadline,
	    hub_now_ms(stream->streams->hub));
	return true;
}

/* The next write: the frames behind the cursor, as many as go into one. */
struct batch {
	struct frame	*frames[FRAMES_PER_WRITE];
	struct iovec	 parts[FRAMES_PER_WRITE];
	int		 count;
	size_t		 len_bytes;
	size_t		 cut_bytes;	/* sent so far of the last; 0: all of it */
	bool		 is_last;	/* nothing is behind this batch */
};

static void
batch_gather(struct batch *batch, const struct stream *stream)
{
	size_t	frame_count, i, skip_bytes = stream->sent_bytes, part_bytes;

	frame_count = cursor_peek(&stream->cursor, batch->frames,
	    FRAMES_PER_WRITE);
	batch->count = 0;
	batch->len_bytes = 0;
	batch->cut_bytes = 0;
	batch->is_last = frame_count < FRAMES_PER_WRITE;
	for (i = 0; i < frame_count; i++) {
		part_bytes = batch->frames[i]->len_bytes - skip_bytes;
		if (batch->len_bytes + part_bytes > PEER_WRITE_BYTES_MAX) {
			batch->is_last = false;
			if (i > 0)
				return;
			part_bytes = PEER_WRITE_BYTES_MAX;
			batch->cut_bytes = skip_bytes + part_bytes;
		}
		batch->parts[i].iov_base = batch->frames[i]->bytes + skip_bytes;
		batch->parts[i].iov_len = part_bytes;
		batch->len_bytes += part_bytes;
		batch->count++;
		if (batch->cut_bytes > 0)
			return;
		skip_bytes = 0;
	}
}

/* Moves the stream's position behind what was written. */
static void
batch_commit(const struct batch *batch, struct stream *stream)
{
	int whole_count = batch->count - (batch->cut_bytes > 0);

	stream->sent_bytes = batch->cut_bytes;
	if (whole_count == 0)
		return;
	stream->event_count += (uint64_t)whole_count;
	cursor_advance(&stream->cursor, batch->frames[whole_count - 1]);
}

static void
stream_deliver(struct stream *stream)
{
	struct batch	batch;
	int		write_count;

	for (write_count = 0; write_count < WRITES_PER_VISIT; write_count++) {
		batch_gather(&batch, stream);
		if (batch.count > 0) {
			if (!stream_write(stream, batch.parts, batch.count,
			    batch.len_bytes))
				return;
			batch_commit(&batch, stream);
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

	if (event == CURSOR_OVERRUN)
		stream_end(stream, STREAM_END_OVERRUN);
	else
		stream_deliver(stream);
}

struct stream *
stream_new(struct streams *streams, const struct stream_spec *spec)
{
	const char	*client = spec->client == NULL ? "-" : spec->client;
	size_t		 client_size = strlen(client) + 1;
	size_t		 path_size = strlen(spec->path) + 1;
	struct stream	*stream;

	stream = mem_zalloc(sizeof(*stream) + client_size + path_size);
	memcpy(stream->client, client, client_size);
	stream->path = stream->client + client_size;
	memcpy(stream->path, spec->path, path_size);
	stream->streams = streams;
	stream->state = STREAM_OPENING;
	stream->is_plain = spec->is_plain;
	stream->event_count = spec->event_count;
	stream->opened_ms = hub_now_ms(streams->hub);
	stream->release = spec->release;
	stream->release_arg = spec->arg;
	deadline_init(&stream->deadline);
	cursor_open(&stream->cursor, spec->topic, false, stream_call);
	list_init(&stream->node);
	list_append(&streams->open, &stream->node);
	streams->open_count++;
	log_info("connect", LOG_STR("client", stream->client),
	    LOG_STR("path", stream->path),
	    LOG_INT("open", streams->open_count));
	return stream;
}

void
stream_attach(struct stream *stream, struct peer *peer)
{
	stream->peer = peer;
}

void
stream_start(struct stream *stream, size_t len_bytes)
{
	assert(stream->state == STREAM_OPENING);
	stream->byte_count += len_bytes;
	stream_enter(stream, STREAM_LIVE);
	deadline_set(&stream->streams->heartbeats, &stream->deadline,
	    hub_now_ms(stream->streams->hub));
	cursor_resume(&stream->cursor);
}

void
stream_resume(struct stream *stream)
{
	assert(stream->state == STREAM_STALLED);
	stream_enter(stream, STREAM_LIVE);
	deadline_set(&stream->streams->heartbeats, &stream->deadline,
	    hub_now_ms(stream->streams->hub));
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

	assert(stream->state != STREAM_ENDED);
	stream_enter(stream, STREAM_ENDED);
	cursor_close(&stream->cursor);
	deadline_clear(&stream->deadline);
	list_move(&streams->ended, &stream->node);
	streams->open_count--;
	streams->end_counts[end]++;
	log_info("disconnect", LOG_STR("client", stream->client),
	    LOG_STR("path", stream->path),
	    LOG_INT("open", streams->open_count),
	    LOG_STR("reason", ends[end].word),
	    LOG_REAL("seconds", (double)(hub_now_ms(streams->hub) -
	    stream->opened_ms) / 1000),
	    LOG_INT("events", stream->event_count),
	    LOG_INT("bytes", stream->byte_count));
	if (stream->peer != NULL)
		stream->peer->ops->end(stream->peer, ends[end].is_polite);
}

static void
stream_beat(struct stream *stream)
{
	struct iovec part = { (void *)heartbeat, sizeof(heartbeat) - 1 };

	if (stream->is_plain)
		deadline_set(&stream->streams->heartbeats, &stream->deadline,
		    hub_now_ms(stream->streams->hub));
	else
		stream_write(stream, &part, 1, part.iov_len);
}

void
streams_run(struct streams *streams)
{
	int64_t		 now_ms = hub_now_ms(streams->hub);
	struct deadline	*due;

	while ((due = deadline_take_due(&streams->heartbeats, now_ms)) != NULL)
		stream_beat(list_entry(due, struct stream, deadline));
	while ((due = deadline_take_due(&streams->stalls, now_ms)) != NULL)
		stream_end(list_entry(due, struct stream, deadline),
		    STREAM_END_STALLED);
}

int64_t
streams_next_ms(const struct streams *streams)
{
	int64_t	heartbeat_ms = deadline_next_ms(&streams->heartbeats);
	int64_t	stall_ms = deadline_next_ms(&streams->stalls);

	return heartbeat_ms < stall_ms ? heartbeat_ms : stall_ms;
}

void
streams_end_all(struct streams *streams, enum stream_end end)
{
	while (!list_is_empty(&streams->open))
		stream_end(list_entry(streams->open.next, struct stream, node),
		    end);
}

void
streams_reap(struct streams *streams)
{
	struct stream *stream;

	while (!list_is_empty(&streams->ended)) {
		stream = list_entry(streams->ended.next, struct stream, node);
		list_remove(&stream->node);
		if (stream->release != NULL)
			stream->release(stream->release_arg);
		free(stream);
	}
}
