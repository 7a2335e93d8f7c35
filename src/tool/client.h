#ifndef TOOL_CLIENT_H
#define TOOL_CLIENT_H

#include <stdint.h>

struct buf;
struct publication;
struct target;

/*
 * What a User-Agent begins with: where the log of a web server is published,
 * lines about these requests are left out, or each would make another.
 */
#define CLIENT_NAME "fcgi-sse-publish/"

enum client_result {
	CLIENT_ACCEPTED,
	CLIENT_REFUSED,
	/* Nothing was ever accepted, and nothing will be: address or key. */
	CLIENT_HOPELESS,
};

/*
 * Publishes to a target, by HTTP over one connection that is kept, or by
 * FastCGI with a connection for each event. The target has to outlive it. The
 * key may be NULL; the timeout is for each request, and retry_ms is how long
 * an event is sent again that no server could take (0: never).
 */
struct client *client_new(const struct target *, const char *key,
    int64_t timeout_ms, int64_t retry_ms);
void           client_free(struct client *);

/*
 * Publishes, and waits for the answer. If there is none, or the answer says to
 * come back later, it tries again, with the Idempotency-Key by which fcgi-sse
 * publishes an event once. Puts the event's id into the text, which is
 * then terminated, or why there is none.
 */
enum client_result client_publish(struct client *, const struct publication *,
    struct buf *text);

/* What the last answer remarked (its field Fcgi-Sse-Note), or NULL. */
const char *client_note(const struct client *);

#endif
