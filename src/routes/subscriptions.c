#include "routes/subscriptions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/access.h"
#include "base/buf.h"
#include "base/mem.h"
#include "http/answer.h"
#include "http/bearer.h"
#include "http/call.h"
#include "http/refusal.h"
#include "hub/hub.h"
#include "hub/update.h"
#include "presence/announcement.h"
#include "presence/presence.h"
#include "pure/event_id.h"
#include "pure/hash.h"
#include "pure/percent.h"
#include "routes/listing.h"

/*
 * What follows the route as the client sent it, since a slash in a topic is no
 * end of a segment; if the web server does not tell, as it was decoded.
 */
static const char *
find_rest(const struct call *call, size_t *len_bytes, bool *is_decoded)
{
	const char *uri = call->uri, *found = NULL;
	char       *route = mem_strndup(call->path, strlen(call->path) - 1);

	if (uri != NULL)
		found = strstr(uri, route);
	if (found != NULL && found < uri + strcspn(uri, "?#"))
		found += strlen(route);
	else
		found = NULL;
	free(route);
	*is_decoded = found == NULL;
	if (found == NULL)
		found = call->rest;
	*len_bytes = *is_decoded ? strlen(found) : strcspn(found, "?#");
	return found;
}

/* Whether each "%" begins an escape, and none is that of a NUL. */
static bool
is_well_escaped(const char *text, size_t len_bytes)
{
	for (size_t i = 0; i < len_bytes; i++) {
		if (text[i] == '%' &&
		    (len_bytes - i < 3 || !percent_is_triplet(text + i, 3) ||
			strncmp(text + i, "%00", 3) == 0))
			return false;
	}
	return true;
}

/* Reads one more segment. False: the call was answered. */
static bool
add_segment(struct listing *listing, struct call *call, const char *text,
    size_t len_bytes, bool is_decoded)
{
	struct buf *segment;

	if (len_bytes == 0 || listing->segment_count == LISTING_SEGMENTS_MAX)
		return refusal_text(call, "404 Not Found",
		    "there is no such list of subscriptions");
	if (!is_decoded && !is_well_escaped(text, len_bytes))
		return refusal_bad_request(call, "the path is malformed");
	segment = &listing->segments[listing->segment_count++];
	if (is_decoded)
		buf_append(segment, text, len_bytes);
	else
		percent_decode(segment, text, len_bytes);
	if (segment->len_bytes > SELECTOR_BYTES_MAX)
		return refusal_bad_request(call,
		    "a topic has 4096 bytes at most");
	buf_append(segment, "", 1);
	return true;
}

static bool
read_segments(struct listing *listing, struct call *call)
{
	const char *text;
	size_t      len_bytes, segment_bytes;
	bool        is_decoded;

	if (call->rest == NULL)
		return true;
	text = find_rest(call, &len_bytes, &is_decoded);
	for (;;) {
		const char *slash = memchr(text, '/', len_bytes);

		segment_bytes = slash == NULL ? len_bytes :
						(size_t)(slash - text);
		if (!add_segment(listing, call, text, segment_bytes,
			is_decoded))
			return false;
		if (slash == NULL)
			return true;
		text += segment_bytes + 1;
		len_bytes -= segment_bytes + 1;
	}
}

/* In draft 08 a word for how the selector matches stands before it. */
static bool
read_match_type(struct listing *listing, struct call *call)
{
	const char *type = listing->segments[0].data;

	if (strcmp(type, "exact") == 0)
		listing->wanted.kind = SELECTOR_EXACT;
	else if (strcmp(type, "urlpattern") == 0)
		listing->wanted.kind = SELECTOR_URL_PATTERN;
	else
		return refusal_bad_request(call,
		    "the type of a selector is exact or urlpattern");
	return listing->segment_count > 1 ||
	    refusal_text(call, "404 Not Found",
		"there is no such list of subscriptions");
}

/* Reads from the path what is asked for. False: the call was answered. */
static bool
listing_read(struct listing *listing, struct call *call)
{
	size_t at = 0;

	if (!read_segments(listing, call))
		return false;
	if (listing->segment_count > 0 && listing->shape == ANNOUNCEMENT_08) {
		if (!read_match_type(listing, call))
			return false;
		at = 1;
	}
	if (listing->segment_count > at)
		listing->wanted.selector = listing->segments[at].data;
	if (listing->segment_count > at + 1)
		listing->wanted.subscriber = listing->segments[at + 1].data;
	if (listing->segment_count > at + 2)
		return refusal_text(call, "404 Not Found",
		    "there is no such subscription");
	announcement_append_topic(&listing->wanted, listing->shape,
	    &listing->path);
	return true;
}

static bool
may_have(const void *arg, const struct update *update)
{
	const struct listing *listing = arg;

	return access_may_read(listing->access, listing->token, update);
}

/* From where a stream tells what changes in the list from now on. */
static void
find_last_id(const struct subscriptions_route *route, struct listing *listing)
{
	struct update_reader reader = { may_have, listing,
		access_reach(listing->token) };
	uint64_t             position;

	position = hub_shown_position(route->hub,
	    hub_now(route->hub, route->wall_ms()), &reader);
	if (!hub_id(route->hub, position, listing->last_id))
		snprintf(listing->last_id, sizeof(listing->last_id), "%s",
		    EVENT_ID_EARLIEST);
}

/* Whether If-None-Match (RFC 9110 section 13.1.2) names the tag. */
static bool
is_known(const struct call *call, const char *tag)
{
	const char *tags = call_env(call, "HTTP_IF_NONE_MATCH");

	return tags != NULL &&
	    (strcmp(tags, "*") == 0 || strstr(tags, tag) != NULL);
}

static void
answer_list(const struct subscriptions_route *route, struct call *call,
    const struct listing *listing)
{
	struct answer *answer = &call->answer;
	bool           is_new = listing->shape == ANNOUNCEMENT_08;
	size_t         len_bytes = listing->text.len_bytes;
	uint64_t       hash;
	char           tag[20];

	hash = hash_bytes(HASH_START, listing->text.data, len_bytes);
	hash = hash_bytes(hash, listing->last_id, strlen(listing->last_id));
	snprintf(tag, sizeof(tag), "\"%016" PRIx64 "\"", hash);
	if (is_known(call, tag)) {
		answer_head(answer, "304 Not Modified", NULL);
		len_bytes = 0;
	} else {
		answer_head(answer, "200 OK",
		    is_new ? "application/json" : "application/ld+json");
		answer_field(answer, "Content-Length", "%zu", len_bytes);
	}
	answer_field(answer, "ETag", "%s", tag);
	answer_field(answer, "Cache-Control", "private, no-cache");
	answer_field(answer, "X-Content-Type-Options", "nosniff");
	if (is_new)
		answer_field(answer, "Link",
		    "<%s>; rel=\"mercure\"; last-event-id=\"%s\"; "
		    "type=\"mercure\"; content-type=\"application/json\"",
		    access_public_url(listing->access), listing->last_id);
	else
		answer_field(answer, "Link", "<%s>; rel=\"mercure\"",
		    access_public_url(listing->access));
	if (route->cors->origin_count > 0)
		answer_field(answer, "Access-Control-Expose-Headers",
		    "ETag, Link");
	answer_body(answer, listing->text.data, len_bytes);
	call_answer(call);
}

/* The shape for the token, where there are both. */
static unsigned
shape_for(const struct presence *presence, const struct token *token)
{
	if (presence->shapes != (ANNOUNCEMENT_07 | ANNOUNCEMENT_08))
		return presence->shapes;
	return token->grant->dialect == TOKEN_DIALECT_08 ? ANNOUNCEMENT_08 :
							   ANNOUNCEMENT_07;
}

/* If not, the call was answered. */
static bool
is_on(const struct subscriptions_route *route, struct call *call)
{
	if (route->presence->shapes == 0)
		return refusal_text(call, "404 Not Found",
		    "the option subscriptions is off");
	return !route->is_single_use ||
	    refusal_text(call, "501 Not Implemented",
		"each stream has a process of its own here, and none can list "
		"those of the others");
}

static void
answer(struct call *call, const struct bearer_verdict *verdict, void *context)
{
	const struct subscriptions_route *route = context;
	struct listing                    listing = {
				   .access = route->bearer->access,
				   .token = verdict->token,
				   .wanted.hub_path = route->presence->hub_path,
	};

	if (!is_on(route, call))
		return;
	listing.shape = shape_for(route->presence, verdict->token);
	if (!listing_read(&listing, call)) {
		listing_deinit(&listing);
		return;
	}
	if (!access_may_ask(listing.access, listing.token, listing.path.data)) {
		bearer_refuse_scope(route->bearer, call, verdict,
		    "the token does not allow to subscribe to this path");
		listing_deinit(&listing);
		return;
	}
	find_last_id(route, &listing);
	if (listing_find(&listing, route->presence, route->roster))
		answer_list(route, call, &listing);
	else
		refusal_text(call, "404 Not Found",
		    "there is no such subscription");
	listing_deinit(&listing);
}

static void
on_judged(struct call *call, const struct bearer_verdict *verdict,
    void *context)
{
	struct subscriptions_route *route = context;

	if (verdict->result == TOKEN_OK)
		list_pace_answer(&route->pace, call, verdict, answer, route);
	else
		bearer_refuse(route->bearer, call, verdict);
}

void
subscriptions_route_get(struct call *call, void *context)
{
	const struct subscriptions_route *route = context;

	if (is_on(route, call))
		bearer_judge(route->bearer, call, TOKEN_ROLE_SUBSCRIBER,
		    on_judged, context);
}
