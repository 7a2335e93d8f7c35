#ifndef STREAM_STREAM_H
#define STREAM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/list.h"

struct hub;
struct peer;
struct stream;
struct topic;

/* Why a stream ends; the reasons stand in stream_end.def. */
enum stream_end {
#define STREAM_END(name, word, is_polite, meaning) STREAM_END_##name,
#include "stream/stream_end.def"
#undef STREAM_END
	STREAM_END_COUNT
};

const char	*stream_end_word(enum stream_end);

struct stream_limits {
	int64_t	heartbeat_ms;		/* silence before a comment is sent */
	int64_t	stall_timeout_ms;	/* no room to write for so long ends it */
};

/* All streams of the process. */
struct streams {
	struct hub		*hub;
	size_t			 open_count;
	uint64_t		 end_counts[STREAM_END_COUNT];
	struct list		 open;
	struct list		 ended;		/* freed by streams_reap */
	struct deadline_list	 heartbeats;
	struct deadline_list	 stalls;
};

void	 streams_init(struct streams *, struct hub *,
	    const struct stream_limits *);

/* Without open streams. */
void	 streams_deinit(struct streams *);

/* Sends the heartbeats and ends the stalled ones that are due. */
void	 streams_run(struct streams *);

/* When streams_run is needed next, on hub_now_ms's clock; INT64_MAX: never. */
int64_t	 streams_next_ms(const struct streams *);

void	 streams_end_all(struct streams *, enum stream_end);

/* Frees what has ended; never from within a call of a stream or topic. */
void	 streams_reap(struct streams *);

/* What a stream is made from. The strings are copied. */
struct stream_spec {
	const char	*client;	/* address, for the log; NULL: unknown */
	const char	*path;		/* for the log */
	struct topic	*topic;		/* what it delivers */
	bool		 is_plain;	/* no event stream: no heartbeats in it */
	unsigned	 event_count;	/* events that leave with the head */

	/* Called with arg when the stream is freed; NULL: nothing. */
	void		(*release)(void *arg);
	void		*arg;
};

/*
 * Subscribes to the topic, behind its newest event. The stream sends nothing
 * until it has been started, and frees itself after its end.
 */
struct stream	*stream_new(struct streams *, const struct stream_spec *);

/* Whom the stream writes to; before any other call. */
void	 stream_attach(struct stream *, struct peer *);

/* The head of the response, so many bytes, is out: events may follow. */
void	 stream_start(struct stream *, size_t len_bytes);

/* The answer to peer->ops->want_room. */
void	 stream_resume(struct stream *);

/* Ends the stream as complete once all that its topic holds is delivered. */
void	 stream_finish(struct stream *);

/* Ends the stream, in whatever state it is; the peer's end is called. */
void	 stream_end(struct stream *, enum stream_end);

#endif
