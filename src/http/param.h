#ifndef HTTP_PARAM_H
#define HTTP_PARAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/cursor.h"

struct call;
struct query;

/*
 * Parameters of a query. Each takes its default when it is not there. False
 * means that it is wrong, and that the call was answered with a 400 which says
 * so.
 */
bool param_duration(struct call *, const char *name, int64_t default_ms,
    int64_t min_ms, int64_t max_ms, int64_t *ms);
bool param_count(struct call *, const char *name, uint64_t default_count,
    uint64_t max_count, uint64_t *count);

/*
 * `padding`, the bytes of the comment with which a stream is to begin; noted
 * in the call, for call_open_stream.
 */
bool param_padding(struct call *);

/* words ends with NULL; the default is its first. */
bool param_word(struct call *, const char *name, const char *const *words,
    size_t *index);

/*
 * The id of the last event that the client has had, or NULL: of the field
 * Last-Event-ID or, since not all clients can send one, of a parameter. It is
 * freed with the call. Returns whether there is such a field or parameter; its
 * id is NULL if all of them are empty.
 */
bool param_last_event_id(const struct call *, const char **id);

/* The topics that a request names, each once; the names are the query's. */
struct topic_names {
	const char *names[CURSOR_TOPICS_MAX];
	size_t      count;
};

/*
 * All `topic` parameters of the query, or of a form, and those of a list: at
 * least one. False as above.
 */
bool param_topics(struct call *, const struct query *, struct topic_names *);

/*
 * Where a request names its topics. The path names one topic behind
 * "/events/t/", and a web server's rules for paths can allow or deny it. A
 * topic in the query, or in the form of an update, would evade such rules.
 */
struct topic_by {
	bool is_path_closed;
	bool is_query_closed; /* and the form */
};

/*
 * Whether the call may name its topics where its route has them. If not, it
 * was answered.
 */
bool param_topics_are_open(struct call *, const struct topic_by *);

/*
 * Whether the path names one topic, in call->rest, and the query none beside
 * it. It is taken as it is, decoded once by whoever decoded the path: "{id}"
 * is no template. If not, the call was answered with 400.
 */
bool param_path_topic(struct call *);

#endif
