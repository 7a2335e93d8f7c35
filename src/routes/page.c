#include "routes/page.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "auth/publishers.h"
#include "base/log.h"
#include "http/answer.h"
#include "http/call.h"
#include "http/store_gate.h"
#include "page/page_data.h"
#include "presence/announcement.h"
#include "presence/presence.h"
#include "routes/publish.h"

/* The page's. */
#define CHAT_TOPIC "chat"

/* Each path that is routed to page_route_get has its file. */
static const struct page_file *
page_find(const char *path)
{
	size_t i = 0;

	while (strcmp(page_files[i].path, path) != 0) {
		i++;
		assert(i < page_file_count);
	}
	return &page_files[i];
}

/* Whether If-None-Match (RFC 9110 section 13.1.2) names the file's tag. */
static bool
is_cached(const struct call *call, const struct page_file *file)
{
	const char *tags = call_env(call, "HTTP_IF_NONE_MATCH");

	return tags != NULL &&
	    (strcmp(tags, "*") == 0 || strstr(tags, file->etag) != NULL);
}

/*
 * Pages of any site make a worker of client.js. A policy would bind that to our
 * origin, where theirs may have it read a stream elsewhere.
 */
static bool
is_worker(const struct page_file *file)
{
	return strcmp(file->path, "/client.js") == 0;
}

void
page_route_get(struct call *call, void *context)
{
	struct answer          *answer = &call->answer;
	const struct page_file *file = page_find(call->path);
	bool                    is_fresh = is_cached(call, file);

	(void)context;
	log_info("page", LOG_STR("client", call->client),
	    LOG_STR("path", call->full_path));
	answer_head(answer, is_fresh ? "304 Not Modified" : "200 OK",
	    is_fresh ? NULL : file->content_type);
	answer_field(answer, "ETag", "%s", file->etag);
	answer_field(answer, "Cache-Control", "no-cache");
	if (!is_worker(file))
		answer_field(answer, "Content-Security-Policy",
		    "default-src 'self'; frame-ancestors 'self'; "
		    "base-uri 'none'; form-action 'self'");
	answer_field(answer, "X-Content-Type-Options", "nosniff");
	if (!is_fresh)
		answer_field(answer, "Content-Length", "%zu", file->size_bytes);
	answer_body(answer, file->bytes, is_fresh ? 0 : file->size_bytes);
	call_answer(call);
}

/* As the option subscriptions says it. */
static const char *
shapes_word(unsigned shapes)
{
	switch (shapes) {
	case 0:
		return "no";
	case ANNOUNCEMENT_07:
		return "0.x";
	case ANNOUNCEMENT_08:
		return "1.0";
	default:
		return "both";
	}
}

/* "off": there are no topics; "private": without a key no one may publish. */
void
page_route_settings(struct call *call, void *context)
{
	const struct page_route    *route = context;
	const struct publish_route *publish = route->publish;
	const char                 *chat;
	char                        json[128];
	int                         json_bytes;

	store_gate_look(publish->gate, call);
	if (publish->gate->problem != NULL)
		chat = "off";
	else
		chat = publishers_is_public(publish->publishers, CHAT_TOPIC) ?
		    "public" :
		    "private";
	json_bytes = snprintf(json, sizeof(json),
	    "{\"chat\":\"%s\",\"subscriptions\":\"%s\","
	    "\"lifetime_ms\":%" PRId64 "}\n",
	    chat, shapes_word(route->presence->shapes), route->lifetime_ms);
	answer_head(&call->answer, "200 OK", "application/json");
	answer_field(&call->answer, "Cache-Control", "no-store");
	answer_field(&call->answer, "X-Content-Type-Options", "nosniff");
	answer_field(&call->answer, "Content-Length", "%d", json_bytes);
	answer_body(&call->answer, json, (size_t)json_bytes);
	call_answer(call);
}
