#ifndef TOOL_JUDGE_H
#define TOOL_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "tool/front.h"

struct sample;

/* What is looked at. */
enum check {
#define CHECK(name, word) CHECK_##name,
#include "tool/check.def"
#undef CHECK
	CHECK_COUNT
};

/* Its word. */
const char *check_word(enum check);

/* How good what was seen is. */
enum level {
	LEVEL_GOOD,
	LEVEL_NOTE,    /* to be known, and not wrong */
	LEVEL_UNKNOWN, /* cannot be told */
	LEVEL_BAD,
};

/* Its word. */
const char *level_word(enum level);

/* One verdict. */
struct finding {
	enum check check;
	enum level level;
	struct buf saw; /* what was seen, in words; not terminated */
};

/* The intervals and counts of what is asked for. */
#define ASKED_TICK_US 100000
#define ASKED_WATCH_US 3500000
#define ASKED_LOST_TICK_US 500000
#define ASKED_LARGE_BYTES 1000000
#define ASKED_KEY_BYTES 2000
#define ASKED_PADDED_BYTES 131072
#define ASKED_STREAM_COUNT 30
#define ASKED_RESUME_ID 2
#define ASKED_CONNECTION_COUNT 24

/* How soon fcgi-sse learned that a client was gone. */
enum lost {
	LOST_UNTRIED,
	LOST_UNASKED,   /* /metrics is not for us, or of another process */
	LOST_BUSY,      /* others came and went meanwhile */
	LOST_NOTICED,   /* after lost_us */
	LOST_UNNOTICED, /* until lost_us */
};

/* All that was seen. A sample is NULL where the request was not made. */
struct seen {
	bool                 is_https;
	struct fronts        fronts;
	const struct sample *plain;   /* a response that ends at once */
	const struct sample *first;   /* a stream with one event only */
	const struct sample *clock;   /* the date, every ASKED_TICK_US */
	const struct sample *coded;   /* the same, with compression allowed */
	const struct sample *finite;  /* a counter, to its end */
	const struct sample *resumed; /* one from behind ASKED_RESUME_ID */
	const struct sample *again; /* the finite one from there, asked later */
	const struct sample *wrong; /* a GET that fcgi-sse refuses */
	const struct sample *keyless; /* an update without a key */
	const struct sample *keyed;   /* the same with a wrong one */
	const struct sample *paged; /* without one, as by a page of the site */
	const struct sample *long_keyed; /* with one of ASKED_KEY_BYTES */
	const struct sample *cookie; /* a subscription, with a wrong token */
	const struct sample *large;  /* an update of ASKED_LARGE_BYTES */
	const struct sample *padded; /* ASKED_PADDED_BYTES, then an event */
	const struct sample *idle;   /* a stream without events */
	const struct sample *lively; /* one with many, for as long */
	enum lost            lost;
	int64_t              lost_us;
	/* Of ASKED_CONNECTION_COUNT streams, each over its own connection. */
	bool   has_connections;
	size_t connected_count;   /* fcgi-sse has answered */
	long   connection_status; /* what another got, at least; or 0 */
	size_t at_once_count;     /* of ASKED_STREAM_COUNT streams */
	bool   has_at_once;
};

/* Of a stream's events, how they were spaced. */
struct spacing {
	size_t  event_count; /* with a date */
	size_t  burst_count; /* those that came together with the one before */
	int64_t late_us;     /* the latest, compared with the least late */
};

void spacing_measure(struct spacing *, const struct sample *);

/*
 * Judges what was seen on one subject. False when it was not looked at; the
 * finding's text is to be freed in every case.
 */
bool judge(enum check, const struct seen *, struct finding *);

/* A file each for streams, those that go on, and requests: see judge. */
bool judge_stream(const struct seen *, struct finding *);
bool judge_resumption(const struct seen *, struct finding *);
bool judge_request(const struct seen *, struct finding *);

/* Whether a query does not arrive, without which all other streams differ. */
bool judge_is_query_lost(const struct seen *);

/* Whether streams are sent slowly, which explains what else is late. */
bool judge_is_slow(const struct seen *);

/*
 * Whether the web server gave this answer to streams, since it shuts out a
 * client that asks often: it is then no answer to what was asked.
 */
bool judge_is_shut_out(const struct seen *, long status);

/* Whether the web server answers who has a Last-Event-ID, and nobody else. */
bool judge_is_resumption_barred(const struct seen *);

/* What to change. */
struct advice {
	enum check  check;
	enum front  front;
	const char *directive; /* as it stands in the configuration */
	const char *where;     /* and what else is to be known */
};

/*
 * What to change at that web server for what was found: *count rows, which
 * follow each other. Where nothing is known of that server it is what holds
 * for any, under FRONT_UNKNOWN; or NULL, with 0 rows.
 */
const struct advice *advice_find(enum check, enum front, size_t *count);

#endif
