#include "routes/metadata.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "auth/access.h"
#include "base/buf.h"
#include "base/mem.h"
#include "http/answer.h"
#include "http/call.h"
#include "http/refusal.h"
#include "pure/url.h"

#define WELL_KNOWN "/.well-known/oauth-protected-resource"
#define DETAIL_TYPE "https://mercure.rocks/authorization-detail"

static char *
text_of(struct buf *buf)
{
	buf_append(buf, "", 1);
	return buf->data;
}

/* Where the path begins in an http or https URL; NULL: it is none. */
static const char *
path_of_url(const char *url)
{
	const char *host;

	if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
		return NULL;
	host = strstr(url, "://") + 3;
	return strpbrk(url, " \"\\") == NULL ? host + strcspn(host, "/?#") :
					       NULL;
}

void
metadata_route_set(struct metadata_route *route, const char *audience)
{
	const struct buf *hub_path =
	    &access_base(route->access)->parts[URL_PATHNAME];
	const char *path = audience == NULL ? NULL : path_of_url(audience);
	struct buf  url = { 0 }, own_path = { 0 };

	metadata_route_deinit(route);
	buf_append_str(&own_path, WELL_KNOWN);
	if (path == NULL)
		buf_append(&own_path, hub_path->data, hub_path->len_bytes);
	else if (strcmp(path, "/") != 0)
		buf_append(&own_path, path, strcspn(path, "?#"));
	if (path != NULL) {
		buf_append(&url, audience, (size_t)(path - audience));
		buf_append(&url, own_path.data, own_path.len_bytes);
		route->url = text_of(&url);
	}
	route->path = text_of(&own_path);
	route->audience = audience == NULL ? NULL : mem_strdup(audience);
}

void
metadata_route_deinit(struct metadata_route *route)
{
	free(route->audience);
	free(route->path);
	free(route->url);
	route->audience = route->path = route->url = NULL;
}

/* The options' texts are UTF-8 or the document is none. */
static char *
document(const struct metadata_route *route)
{
	json_t *json = json_pack("{s:s, s:[s], s:[s], s:s}", "resource",
	    route->audience, "bearer_methods_supported", "header",
	    "authorization_details_types_supported", DETAIL_TYPE,
	    "mercure_cookie", route->cookie);
	char   *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);

	json_decref(json);
	return text;
}

void
metadata_route_get(struct call *call, void *context)
{
	const struct metadata_route *route = context;
	struct answer               *answer = &call->answer;
	char                        *text = NULL;

	if (route->audience != NULL &&
	    access_has_dialect(route->access, TOKEN_DIALECT_08))
		text = document(route);
	if (text == NULL) {
		refusal_text(call, "404 Not Found",
		    "this hub takes no tokens of draft 08");
		return;
	}
	answer_head(answer, "200 OK", "application/json");
	answer_field(answer, "Cache-Control", "no-cache");
	answer_field(answer, "X-Content-Type-Options", "nosniff");
	answer_field(answer, "Content-Length", "%zu", strlen(text));
	answer_body(answer, text, strlen(text));
	free(text);
	call_answer(call);
}
