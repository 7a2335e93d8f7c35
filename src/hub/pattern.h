#ifndef HUB_PATTERN_H
#define HUB_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#include "pure/selector.h"

struct frame;
struct hub;
struct pattern;

/*
 * A pattern that has subscribers: a topic with a ring of its own, which has the
 * updates of all topics that its selector matches. An update is matched with
 * each pattern once, when it comes, however many follow it; and the topics that
 * there are, when the pattern is made. The ring refers to what the hub keeps
 * anyway. What no named topic keeps any longer stays for the patterns that have
 * it, as for "*": until the room is needed.
 *
 * It is paid from the share of the client that asked for it first: a sum when
 * it is made, and something for each update in its ring; when the client may
 * take no more, the ring drops its oldest. What its matches cost beyond what is
 * usual is counted against the same client. If that is too much, the most
 * costly pattern of the client ends: its subscribers are told that they are
 * overrun, and for a time no client may follow it.
 *
 * It is freed some time after its last subscriber has left, so that those who
 * come back find it. For the hub's own files.
 */

/* So long after. */
#define PATTERN_LINGER_MS 30000

void patterns_init(struct hub *);

/* Frees all of them. */
void patterns_free(struct hub *);

/* When there are none. */
void patterns_deinit(struct hub *);

/* Frees those that have had no subscriber for a time. */
void patterns_run(struct hub *, int64_t now_ms);

/* The one with that text, or NULL. */
struct pattern *pattern_find(const struct hub *, enum selector_kind,
    const char *text);

/*
 * Makes one, with what is kept of its updates. Takes over the selector, whose
 * rule is that of a template or of a URL pattern. NULL: the client has too
 * much. One that costs too much to fill has ended.
 */
struct pattern *pattern_new(struct hub *, struct selector *,
    const char *client);

/* What its subscribers follow; NULL: it has ended. */
struct topic *pattern_topic(const struct pattern *);

/* Gives the new update to the patterns that match one of its topics. */
void patterns_publish(struct hub *, struct frame *, int64_t now_ms);

/* Takes the update out of all patterns that have it. */
void patterns_forget(struct frame *);

#endif
