#ifndef ROUTES_ROUTES_H
#define ROUTES_ROUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "pure/query.h"

struct answer;
struct clock;
struct hub;
struct publishers;
struct sampler;
struct stream_spec;
struct turns;
struct request;
struct streams;

/* What only the process knows and an operator wants to. */
struct process_facts {
	int64_t       started_ms; /* since the epoch */
	size_t        descriptors_max;
	const size_t *connection_count; /* streams included */
	const size_t *buffered_bytes;   /* of requests */
};

/* What the handlers work with; the owner sets it up. */
struct routes {
	uv_loop_t      *loop;
	struct turns   *turns;
	struct clock   *clock;
	struct streams *streams;
	char *const    *origins; /* --allow-origin */
	size_t          origin_count;
	int64_t (*wall_ms)(void);          /* the time of day */
	bool               is_status_open; /* --status */
	struct hub        *hub;
	struct publishers *publishers;
	const char        *topics_problem; /* why they are not served; NULL */
	void (*random_bytes)(void *out, size_t len_bytes);
	struct process_facts facts;
	struct sampler      *sampler;
};

/* One request on its way through its handler. */
struct call {
	struct routes        *routes;
	const struct request *request;
	const char           *path;      /* the route's own: "/clock" */
	const char           *full_path; /* as the client asked, decoded */
	const char           *client;    /* its address, or NULL */
	struct query          query;
	bool                  is_head;
	bool                  has_post; /* the route takes POST too */
};

/*
 * A handler fills in the answer, which is empty. For a HEAD request it writes
 * the same head, and opens no stream.
 */
typedef void handler_fn(const struct call *, struct answer *);

/* page.c: the page and the files that it needs. */
handler_fn page_answer;

/* subscribe.c: streams of a topic that all who ask alike share. */
handler_fn subscribe_clock;
handler_fn subscribe_stream;

/* events.c, publish.c: the topics that anyone may publish to. */
handler_fn events_subscribe;
handler_fn publish_update;

/* counter.c: a stream of its own for each client. */
handler_fn counter_answer;

/*
 * status.c: for whoever looks after the process. To clients on other machines
 * they are closed unless --status opens them.
 */
handler_fn status_health;
handler_fn status_metrics;
handler_fn status_page;
handler_fn status_events;

/* cors.c: the preflight request of the Fetch standard. */
handler_fn cors_preflight;

/* cors.c: the fields that let pages of another origin read an answer. */
void cors_add_fields(const struct routes *, const struct request *,
    struct answer *);

/* Whether pages of the request's origin were allowed to. */
bool cors_allows(const struct routes *, const struct request *);

/* A new id for an event; UUID_URN_BYTES. */
void routes_make_id(const struct routes *, char *out);

/*
 * Parameters of a query. Each takes its default when it is not there; false
 * means that it is wrong, and that the 400 which says so is in the answer.
 */
bool param_duration(const struct call *, struct answer *, const char *name,
    int64_t default_ms, int64_t min_ms, int64_t max_ms, int64_t *ms);
bool param_count(const struct call *, struct answer *, const char *name,
    uint64_t default_count, uint64_t max_count, uint64_t *count);

/* words ends with NULL; the default is its first. */
bool param_word(const struct call *, struct answer *, const char *name,
    const char *const *words, size_t *index);

/* Stands for the event before the first that is kept. */
#define EVENT_ID_EARLIEST "earliest"

/*
 * The id of the last event that the client has had, or NULL: of the field
 * Last-Event-ID or, since not all clients can send one, of a parameter. It
 * lives as long as the call.
 */
const char *param_last_event_id(const struct call *);

/* The head of an event stream, all but its end. */
void stream_head(struct answer *);

/*
 * Whether the client may open a stream now. If not, the answer says so, to a
 * browser in a way that makes it come back.
 */
bool stream_is_admitted(const struct call *, struct answer *, bool is_plain);

/* Opens the stream that follows the answer; the call's client and path. */
void stream_open(const struct call *, struct answer *,
    const struct stream_spec *);

#endif
