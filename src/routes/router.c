#include "routes/router.h"

#include <string.h>

#include "base/buf.h"
#include "http/answer.h"
#include "http/path.h"
#include "http/request.h"
#include "routes/routes.h"

struct route {
	const char *path;
	handler_fn *handler; /* GET and HEAD */
	handler_fn *post;    /* NULL: no POST */
};

/* "/" is the end of other paths too, where the mount point is not known. */
static const struct route routes_table[] = {
	{ "/clock", subscribe_clock, NULL },
	{ "/server-sent-events", subscribe_clock, NULL },
	{ "/stream", subscribe_stream, NULL },
	{ "/counter", counter_answer, NULL },
	{ "/.well-known/mercure", events_subscribe, publish_update },
	{ "/status/events", status_events, NULL },
	{ "/events", events_subscribe, publish_update },
	{ "/healthz", status_health, NULL },
	{ "/metrics", status_metrics, NULL },
	{ "/status", status_page, NULL },
	{ "/status.css", status_page, NULL },
	{ "/status.js", status_page, NULL },
	{ "/page.css", page_answer, NULL },
	{ "/page.js", page_answer, NULL },
	{ "/chat.js", page_answer, NULL },
	{ "/icon.svg", page_answer, NULL },
	{ "/web-servers", page_answer, NULL },
	{ "/", page_answer, NULL },
};

static const struct route *
route_find(const struct path *path)
{
	size_t i;

	for (i = 0; i < sizeof(routes_table) / sizeof(routes_table[0]); i++) {
		if (path_is(path, routes_table[i].path))
			return &routes_table[i];
	}
	return NULL;
}

/* The page's links are relative, so its path has to end with a slash. */
static void
answer_redirect(const struct path *path, struct answer *answer)
{
	struct buf location = { 0 };

	path_append_safe(&location,
	    strrchr(path->full, '/') == NULL ? path->full :
					       strrchr(path->full, '/') + 1);
	answer_text_head(answer, "308 Permanent Redirect");
	answer_field(answer, "Location", "./%.*s/", (int)location.len_bytes,
	    location.data);
	answer_text(answer, "308 Permanent Redirect: %.*s/",
	    (int)location.len_bytes, location.data);
	buf_deinit(&location);
}

static void
answer_not_found(const struct path *path, struct answer *answer)
{
	struct buf safe = { 0 };

	path_append_safe(&safe, path->full);
	answer_text_head(answer, "404 Not Found");
	answer_text(answer, "404 Not Found: %.*s", (int)safe.len_bytes,
	    safe.data);
	buf_deinit(&safe);
}

static void
answer_bad_method(const char *method, const struct route *route,
    struct answer *answer)
{
	struct buf safe = { 0 };

	path_append_safe(&safe, method);
	answer_text_head(answer, "405 Method Not Allowed");
	answer_field(answer, "Allow", "%s",
	    route->post == NULL ? "GET, HEAD, OPTIONS" :
				  "GET, HEAD, POST, OPTIONS");
	answer_text(answer, "405 Method Not Allowed: %.*s", (int)safe.len_bytes,
	    safe.data);
	buf_deinit(&safe);
}

static void
answer_bad_request(struct answer *answer, const char *why)
{
	answer_text_head(answer, "400 Bad Request");
	answer_text(answer, "400 Bad Request: %s", why);
}

/* Has the route's handler answer, once the query can be read. */
static void
call_handler(struct call *call, handler_fn *handler, struct answer *answer)
{
	const char *query = request_env(call->request, "QUERY_STRING");

	if (query == NULL)
		query = "";
	if (query_init(&call->query, query, strlen(query)) == -1)
		answer_bad_request(answer, "the query is malformed");
	else
		handler(call, answer);
	query_deinit(&call->query);
}

static void
route_path(struct routes *routes, const struct request *request,
    const char *method, const struct path *path, struct answer *answer)
{
	const struct route *route = route_find(path);
	struct call         call = {
			.routes = routes,
			.request = request,
			.full_path = path->full,
			.client = request_env(request, "REMOTE_ADDR"),
			.is_head = !answer->has_body,
	};

	if (path_is_program(path, request)) {
		answer_redirect(path, answer);
		return;
	}
	if (route == NULL) {
		answer_not_found(path, answer);
		return;
	}
	call.path = route->path;
	call.has_post = route->post != NULL;
	if (strcmp(method, "OPTIONS") == 0)
		cors_preflight(&call, answer);
	else if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
		call_handler(&call, route->handler, answer);
	else if (strcmp(method, "POST") == 0 && route->post != NULL)
		call_handler(&call, route->post, answer);
	else
		answer_bad_method(method, route, answer);
}

void
router_answer(struct routes *routes, const struct request *request,
    struct answer *answer)
{
	const char *method = request_env(request, "REQUEST_METHOD");
	struct path path;
	bool        has_path = path_init(&path, request);

	answer_init(answer, method == NULL || strcmp(method, "HEAD") != 0);
	cors_add_fields(routes, request, answer);
	if (method == NULL || !has_path)
		answer_bad_request(answer,
		    method == NULL ? "the web server passed no REQUEST_METHOD" :
				     "the web server passed no path");
	else
		route_path(routes, request, method, &path, answer);
	path_deinit(&path);
	buf_deinit(&answer->common);
}
