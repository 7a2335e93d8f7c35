#ifndef STREAM_STREAM_H
#define STREAM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/heap.h"
#include "base/list.h"
#include "hub/cursor.h"

struct buf;
struct client;
struct head;
struct peer;
struct stream;
struct streams;
struct token;

/* Why a stream ends; the reasons stand in stream_end.def. */
enum stream_end {
#define STREAM_END(name, word, is_polite, meaning) STREAM_END_##name,
#include "stream/stream_end.def"
#undef STREAM_END
	STREAM_END_COUNT
};

const char *stream_end_word(enum stream_end);

/* The life of a stream; each change is logged. */
enum stream_state {
	STREAM_LIVE,    /* the cursor calls when there is something */
	STREAM_STALLED, /* the peer calls when there is room */
	STREAM_ENDED    /* waits for streams_reap */
};

/*
 * Lets private updates through only as the token of the cursor's stream
 * allows, for stream_spec; without a token none.
 */
cursor_filter stream_accepts;

/* What a stream is made from. What it points to is copied. */
struct stream_spec {
	const char          *client; /* address, for the log; NULL: unknown */
	const char          *path;   /* for the log */
	struct topic *const *topics; /* what it delivers, as cursor_open */
	size_t               topic_count;
	uint64_t             position; /* where it begins, as cursor_open */
	cursor_filter       *accepts;  /* or NULL, as cursor_open */
	bool     is_resumable;  /* its positions are those of streams->hub */
	bool     is_plain;      /* no event stream: no heartbeats in it */
	unsigned event_count;   /* events that leave with the head */
	unsigned padding_bytes; /* of a comment behind the head; 0: none */

	/*
	 * What it may deliver and how long it may last, NULL: no token; held
	 * until the stream is freed, which release is there to see to.
	 */
	const struct token *token;

	/* Called with arg when the stream is open; NULL: nothing. */
	void (*on_open)(void *arg, struct stream *);

	/* Called with arg when the stream is freed; NULL: nothing. */
	void (*release)(void *arg);
	void *arg;
};

/* What most streams have not. */
struct stream_extra {
	struct stream      *stream;
	struct heap_node    lifetime; /* in streams->lifetimes */
	struct heap_node    expiry;   /* of its right; in streams->expiries */
	const struct token *token;    /* or NULL */
	void (*release)(void *);      /* or NULL */
	void *release_arg;
};

/*
 * The life of one client's stream: a cursor, and the peer that it writes to.
 * The one writer of what the peer gets, from the head of the response on. There
 * may be tens of thousands, so it is small, and what a delivery touches stands
 * together.
 */
struct stream {
	struct cursor   cursor;
	struct peer    *peer;
	struct streams *streams;
	struct deadline deadline;   /* heartbeat, or stall */
	uint32_t        sent_bytes; /* of the head, or the cursor's frame */
	uint8_t         state;      /* enum stream_state */
	bool            is_plain;
	bool            is_finishing;
	bool            is_resumable;
	uint64_t        event_count;
	uint64_t        byte_count;
	struct head    *head; /* until it is out; or NULL */
	struct list     node; /* in streams->open or ->ended */
	struct client  *client;
	struct stream_extra *extra; /* or NULL */
	int64_t              opened_ms;
	char path[]; /* for the log; behind its NUL the address */
};

/*
 * Opens a stream to the peer, which is not connected to another one. The head
 * is sent first; its bytes are taken over. peer->stream is the stream until it
 * ends, which may be at once. It is freed by streams_reap.
 */
void stream_open(struct streams *, const struct stream_spec *, struct peer *,
    struct buf *head);

/* The answer to peer->ops->want_room; may come late. */
void stream_resume(struct stream *);

/* Ends the stream as complete once all that its topic holds is delivered. */
void stream_finish(struct stream *);

/*
 * Ends the stream, in whatever state it is: peer->ops->end is called. This is
 * the one function that does.
 */
void stream_end(struct stream *, enum stream_end);

/*
 * The same for a stream whose client reads: tells it first when to come back,
 * unless part of an event is yet to be sent or it is no event stream.
 */
void stream_send_away(struct stream *, enum stream_end, long return_ms);

/*
 * Ends a stream whose token does not count any more. Its client is told so by
 * an event before, and when to come back if it has a new one.
 */
void stream_expire(struct stream *, enum stream_end, long return_ms);

/*
 * Has streams_run end it by stream_expire at this time of day, in ms; in place
 * of the end of its token, if it has one.
 */
void stream_set_expiry(struct stream *, int64_t wall_ms);

/* Sends a comment, since nothing was sent for a while. */
void stream_beat(struct stream *);

/* After it has ended. */
void stream_free(struct stream *);

#endif
