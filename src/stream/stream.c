#include "stream/stream.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "hub/topic.h"
#include "hub/turns.h"
#include "pure/sse.h"
#include "stream/batch.h"
#include "stream/peer.h"

/* Writes to one stream before the others have their turn. */
#define WRITES_PER_VISIT 32

/* Streams that a drain ends in one turn of the loop. */
#define ENDS_PER_RUN 256

/*
 * Not sooner than a restart takes: an EventSource that meets a web server's
 * 503 gives up.
 */
#define RETURN_MS_MIN 1000

/* What the log keeps of a path. */
#define PATH_BYTES_MAX 255

enum stream_state {
	STREAM_OPENING, /* the head is on its way */
	STREAM_LIVE,    /* the cursor calls when there is something */
	STREAM_STALLED, /* the peer calls when there is room */
	STREAM_ENDED    /* waits for streams_reap */
};

static const char *const state_names[] = { "opening", "live", "stalled",
	"ended" };

struct stream {
	struct list       node; /* in streams->open or ->ended */
	struct streams   *streams;
	struct peer      *peer;
	struct cursor     cursor;
	struct client    *client;
	struct deadline   deadline; /* heartbeat, or stall */
	struct deadline   lifetime;
	enum stream_state state;
	bool              is_plain;
	bool              is_finishing;
	size_t            sent_bytes; /* of the frame behind the cursor */
	int64_t           opened_ms;
	uint64_t          event_count;
	uint64_t          byte_count;
	void (*release)(void *);
	void *release_arg;
	char  path[]; /* for the log */
};

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

void
streams_init(struct streams *streams, struct turns *turns,
    const struct stream_limits *limits)
{
	int i;

	memset(streams, 0, sizeof(*streams));
	streams->turns = turns;
	list_init(&streams->open);
	list_init(&streams->ended);
	deadline_list_init(&streams->heartbeats, 0);
	deadline_list_init(&streams->stalls, 0);
	for (i = 0; i < STREAM_LIFETIME_COUNT; i++)
		deadline_list_init(&streams->lifetimes[i], 0);
	streams_set_limits(streams, limits);
}

void
streams_set_limits(struct streams *streams, const struct stream_limits *limits)
{
	int64_t least_ms = limits->lifetime_ms * 4 / 5;
	int64_t now_ms = turns_now_ms(streams->turns);
	int     i;

	streams->limits = *limits;
	deadline_list_change(&streams->heartbeats, limits->heartbeat_ms,
	    now_ms);
	deadline_list_change(&streams->stalls, limits->stall_timeout_ms,
	    now_ms);
	for (i = 0; i < STREAM_LIFETIME_COUNT; i++)
		streams->lifetimes[i].after_ms = least_ms +
		    (limits->lifetime_ms - least_ms) * i /
			STREAM_LIFETIME_COUNT;
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
	log_debug("state", LOG_STR("client", stream->client->address),
	    LOG_STR("path", stream->path),
	    LOG_STR("from", state_names[stream->state]),
	    LOG_STR("to", state_names[state]));
	stream->streams->stalled_count += state == STREAM_STALLED;
	stream->streams->stalled_count -= stream->state == STREAM_STALLED;
	stream->state = state;
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

static void
stream_deliver(struct stream *stream)
{
	struct batch batch;
	int          write_count;

	for (write_count = 0; write_count < WRITES_PER_VISIT; write_count++) {
		batch_gather(&batch, &stream->cursor, stream->sent_bytes);
		if (batch.count > 0) {
			if (!stream_write(stream, batch.parts, batch.count,
				batch.len_bytes))
				return;
			stream_count(stream,
			    batch_commit(&batch, &stream->cursor), 0);
			stream->sent_bytes = batch.cut_bytes;
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
	if (stream->state == STREAM_OPENING) {
		cursor_stall(cursor);
		return;
	}
	stream_resume(stream);
	stream_deliver(stream);
}

static const char *
client_or_unknown(const char *client)
{
	return client == NULL || *client == '\0' ? "-" : client;
}

enum stream_refusal
streams_admit(struct streams *streams, const char *client, const char *path)
{
	static const char *const words[] = { "", "full", "client-full",
		"draining" };
	enum stream_refusal      refusal = STREAM_ADMITTED;
	size_t                   client_max = streams->limits.client_count_max;

	client = client_or_unknown(client);
	if (streams->is_draining)
		refusal = STREAM_REFUSED_DRAINING;
	else if (streams->open_count >= streams->limits.count_max)
		refusal = STREAM_REFUSED_FULL;
	else if (client_max > 0 &&
	    clients_count(&streams->clients, client) >= client_max)
		refusal = STREAM_REFUSED_CLIENT;
	if (refusal == STREAM_ADMITTED)
		return refusal;
	streams->totals.refused_count++;
	log_info("refuse", LOG_STR("client", client), LOG_STR("path", path),
	    LOG_INT("open", streams->open_count),
	    LOG_STR("reason", words[refusal]));
	return refusal;
}

long
streams_return_ms(const struct streams *streams)
{
	return RETURN_MS_MIN +
	    random() % ((long)streams->limits.return_spread_ms + 1);
}

struct stream *
stream_new(struct streams *streams, const struct stream_spec *spec)
{
	size_t         path_bytes = strnlen(spec->path, PATH_BYTES_MAX);
	struct stream *stream;

	stream = mem_zalloc(sizeof(*stream) + path_bytes + 1);
	memcpy(stream->path, spec->path, path_bytes);
	stream->streams = streams;
	stream->client = clients_enter(&streams->clients,
	    client_or_unknown(spec->client));
	stream->state = STREAM_OPENING;
	stream->is_plain = spec->is_plain;
	stream->opened_ms = turns_now_ms(streams->turns);
	stream->release = spec->release;
	stream->release_arg = spec->arg;
	deadline_init(&stream->deadline);
	deadline_init(&stream->lifetime);
	deadline_set(&streams->lifetimes[random() % STREAM_LIFETIME_COUNT],
	    &stream->lifetime, stream->opened_ms);
	cursor_open(&stream->cursor, spec->topics, spec->topic_count, spec->seq,
	    stream_call);
	list_init(&stream->node);
	list_append(&streams->open, &stream->node);
	streams->open_count++;
	streams->totals.opened_count++;
	stream_count(stream, spec->event_count, 0);
	log_info("connect", LOG_STR("client", stream->client->address),
	    LOG_STR("path", stream->path),
	    LOG_INT("open", streams->open_count));
	if (spec->on_open != NULL)
		spec->on_open(spec->arg, stream);
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
	stream_count(stream, 0, len_bytes);
	stream_enter(stream, STREAM_LIVE);
	stream_listen(stream);
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

	assert(stream->state != STREAM_ENDED);
	stream_enter(stream, STREAM_ENDED);
	cursor_close(&stream->cursor);
	deadline_clear(&stream->deadline);
	deadline_clear(&stream->lifetime);
	list_move(&streams->ended, &stream->node);
	streams->open_count--;
	streams->totals.end_counts[end]++;
	log_info("disconnect", LOG_STR("client", stream->client->address),
	    LOG_STR("path", stream->path), LOG_INT("open", streams->open_count),
	    LOG_STR("reason", ends[end].word),
	    LOG_REAL("seconds",
		(double)(turns_now_ms(streams->turns) - stream->opened_ms) /
		    1000),
	    LOG_INT("events", stream->event_count),
	    LOG_INT("bytes", stream->byte_count));
	if (stream->peer != NULL)
		stream->peer->ops->end(stream->peer, ends[end].is_polite);
}

static void
stream_beat(struct stream *stream)
{
	struct buf   comment = { 0 };
	struct iovec part;

	/* A comment within an event would be a part of it. */
	if (stream->is_plain || stream->sent_bytes > 0) {
		stream_listen(stream);
		return;
	}
	sse_append_comment(&comment, "");
	part = (struct iovec){ comment.data, comment.len_bytes };
	stream_write(stream, &part, 1, part.iov_len);
	buf_deinit(&comment);
}

/*
 * Ends a stream that is well, and tells its client when to come back, unless
 * it is in the middle of an event or no event stream at all.
 */
static void
stream_send_away(struct stream *stream, enum stream_end end)
{
	char         retry[48];
	struct iovec part = { .iov_base = retry };

	part.iov_len = (size_t)snprintf(retry, sizeof(retry), "retry: %ld\n\n",
	    streams_return_ms(stream->streams));
	if (stream->state == STREAM_LIVE && !stream->is_plain &&
	    stream->sent_bytes == 0)
		stream_write(stream, &part, 1, part.iov_len);
	if (stream->state != STREAM_ENDED)
		stream_end(stream, end);
}

static void
streams_run_drain(struct streams *streams)
{
	int count;

	for (count = 0; count < ENDS_PER_RUN && streams_is_busy(streams);
	     count++)
		stream_send_away(list_entry(streams->open.next, struct stream,
				     node),
		    STREAM_END_SHUTDOWN);
}

void
streams_run(struct streams *streams)
{
	int64_t          now_ms = turns_now_ms(streams->turns);
	struct deadline *due;
	int              i;

	while ((due = deadline_take_due(&streams->heartbeats, now_ms)) != NULL)
		stream_beat(list_entry(due, struct stream, deadline));
	while ((due = deadline_take_due(&streams->stalls, now_ms)) != NULL)
		stream_end(list_entry(due, struct stream, deadline),
		    STREAM_END_STALLED);
	for (i = 0; i < STREAM_LIFETIME_COUNT; i++) {
		while ((due = deadline_take_due(&streams->lifetimes[i],
			    now_ms)) != NULL)
			stream_send_away(list_entry(due, struct stream,
					     lifetime),
			    STREAM_END_LIFETIME);
	}
	streams_run_drain(streams);
}

int64_t
streams_next_ms(const struct streams *streams)
{
	int64_t next_ms = deadline_next_ms(&streams->heartbeats), other_ms;
	int     i;

	other_ms = deadline_next_ms(&streams->stalls);
	if (other_ms < next_ms)
		next_ms = other_ms;
	for (i = 0; i < STREAM_LIFETIME_COUNT; i++) {
		other_ms = deadline_next_ms(&streams->lifetimes[i]);
		if (other_ms < next_ms)
			next_ms = other_ms;
	}
	return next_ms;
}

bool
streams_is_busy(const struct streams *streams)
{
	return streams->is_draining && !list_is_empty(&streams->open);
}

void
streams_drain(struct streams *streams)
{
	streams->is_draining = true;
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
		clients_leave(&streams->clients, stream->client);
		free(stream);
	}
}
