#ifndef HTTP_REFUSAL_H
#define HTTP_REFUSAL_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct call;
struct streams;

#define REFUSAL_STATUS_MIN 400
#define REFUSAL_STATUS_MAX 599

/* How many answers had each status; {0} is none. */
struct refusal_counts {
	uint64_t by_status[REFUSAL_STATUS_MAX - REFUSAL_STATUS_MIN + 1];
};

/* Counts the status, if it is one that refuses. */
void refusal_count(struct refusal_counts *, int status);

/* Answers that refuse. Each answers the call. */

/* One line of text: the status, and why. Returns false, to be passed on. */
bool refusal_text(struct call *, const char *status, const char *why);

/* The same for 400 Bad Request. */
bool refusal_bad_request(struct call *, const char *why);

/* As refusal_come_back: the client has too many topics. */
void refusal_too_many_topics(struct call *, const struct streams *);

/*
 * 503, or, to an EventSource that would give up at any status but 200, a
 * stream that says when to come back.
 */
void refusal_come_back(struct call *, long retry_ms, const char *why);

/*
 * Whether the client may open a stream now. If not, the call was answered, as
 * by refusal_come_back unless the stream would be plain text. A handler asks
 * in the turn in which it answers.
 */
bool refusal_admits(struct call *, struct streams *, bool is_plain);

/*
 * The same for an event stream. An EventSource that is refused comes back with
 * this id in its field Last-Event-ID; NULL: with the one that it has.
 */
bool refusal_admits_at(struct call *, struct streams *, const char *id);

/* The media type of the bodies that we read. */
#define FORM_TYPE "application/x-www-form-urlencoded"

/*
 * Returns the status with which the call's body is refused, or NULL if it is a
 * form that can be read. The reason is appended to why, as a string; it calls
 * the body by the name in what, such as "an update". A body without a type is
 * taken for a form.
 */
const char *refusal_of_body(const struct call *, const char *what,
    struct buf *why);

#endif
