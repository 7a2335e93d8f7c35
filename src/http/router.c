#include "http/router.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "http/answer.h"
#include "http/call.h"
#include "http/path.h"
#include "http/refusal.h"

/* The route of the path, and what follows it, or NULL, in *rest. */
static const struct route *
route_find(const struct router *router, const struct path *path,
    const char **rest)
{
	const struct route *route;

	for (size_t i = 0; i < router->route_count; i++) {
		route = &router->routes[i];
		*rest = path_rest(path, route->path);
		if (*rest != NULL || path_is(path, route->path))
			return route;
	}
	return NULL;
}

/* The page's links are relative, so its path has to end with a slash. */
static void
answer_redirect(const struct path *path, struct call *call)
{
	struct answer *answer = &call->answer;
	struct buf     location = { 0 };

	path_append_safe(&location,
	    strrchr(path->full, '/') == NULL ? path->full :
					       strrchr(path->full, '/') + 1);
	answer_text_head(answer, "308 Permanent Redirect");
	answer_field(answer, "Location", "./%.*s/", (int)location.len_bytes,
	    location.data);
	answer_text(answer, "308 Permanent Redirect: %.*s/",
	    (int)location.len_bytes, location.data);
	buf_deinit(&location);
	call_answer(call);
}

/* Says what to set, if the path seems to be below an unknown mount point. */
static void
append_hint(struct buf *line, const struct router *router,
    const struct path *path)
{
	size_t mount_bytes = 0, guess_bytes, i;
	char  *mount;

	for (i = 0; i < router->route_count; i++) {
		guess_bytes = path_guess_mount(path, router->routes[i].path);
		if (guess_bytes > 0 &&
		    (mount_bytes == 0 || guess_bytes < mount_bytes))
			mount_bytes = guess_bytes;
	}
	if (mount_bytes == 0)
		return;
	mount = mem_strndup(path->full, mount_bytes);
	buf_append_str(line, ". If this is mounted at ");
	path_append_safe(line, mount);
	buf_append_str(line,
	    ", have the web server say so by PATH_INFO, or the option mount");
	free(mount);
}

static void
answer_not_found(const struct router *router, const struct path *path,
    struct call *call)
{
	struct answer *answer = &call->answer;
	struct buf     line = { 0 };

	path_append_safe(&line, path->full);
	append_hint(&line, router, path);
	answer_text_head(answer, "404 Not Found");
	answer_text(answer, "404 Not Found: %.*s", (int)line.len_bytes,
	    line.data);
	buf_deinit(&line);
	call_answer(call);
}

static void
answer_bad_method(const struct route *route, struct call *call)
{
	const char    *methods = cors_methods(route->post != NULL);
	struct answer *answer = &call->answer;
	struct buf     safe = { 0 };

	path_append_safe(&safe, call->method);
	answer_text_head(answer, "405 Method Not Allowed");
	answer_field(answer, "Allow", "%s", methods);
	answer_text(answer, "405 Method Not Allowed: %.*s; there are %s",
	    (int)safe.len_bytes, safe.data, methods);
	buf_deinit(&safe);
	call_answer(call);
}

/* Whether a QUERY has a body that can be read; if not, it was answered. */
static bool
is_query_usable(struct call *call)
{
	const char *type = call_env(call, "CONTENT_TYPE");
	struct buf  why = { 0 };
	const char *status = refusal_of_body(call, "a query", &why);

	/* RFC 10008 has a body without a Content-Type refused. */
	if (status == NULL && call->body_bytes > 0 &&
	    (type == NULL || *type == '\0')) {
		status = "415 Unsupported Media Type";
		buf_append(&why, "a query is " FORM_TYPE,
		    sizeof("a query is " FORM_TYPE));
	}
	if (status != NULL)
		refusal_text(call, status, why.data);
	buf_deinit(&why);
	return status == NULL;
}

/* Reads the query, and the form behind it: what the query has comes first. */
static void
read_query(struct call *call)
{
	const char *query = call->query_string;
	struct buf  text = { 0 };

	if (query != NULL)
		buf_append_str(&text, query);
	if (call->is_query && call->body_bytes > 0) {
		buf_append_str(&text, "&");
		buf_append(&text, call->body, call->body_bytes);
	}
	if (query_init(&call->query, text.data, text.len_bytes) == -1)
		refusal_bad_request(call, "the query" QUERY_FAULT);
	buf_deinit(&text);
}

/* Answers what needs no handler; the route's methods are allowed. */
static void
check_method(const struct router *router, const struct route *route,
    struct call *call)
{
	const char *method = call->method;
	bool        is_get = strcmp(method, "GET") == 0 || call->is_head;
	bool is_query = strcmp(method, "QUERY") == 0 && route->post != NULL;

	call->route = route;
	call->path = route->path;
	call->has_post = route->post != NULL;
	call->is_post = strcmp(method, "POST") == 0;
	call->is_query = is_query;
	if (strcmp(method, "OPTIONS") == 0)
		cors_preflight(&router->cors, call);
	else if (!is_get && !is_query &&
	    (!call->is_post || route->post == NULL))
		answer_bad_method(route, call);
	else if (!is_query || is_query_usable(call))
		read_query(call);
}

static void
find_route(const struct router *router, const struct path *path,
    struct call *call)
{
	const struct route *route = route_find(router, path, &call->rest);

	/* What follows a route may end like the name of a CGI program. */
	if (call->rest == NULL && path_is_mount(path, call))
		answer_redirect(path, call);
	else if (route == NULL)
		answer_not_found(router, path, call);
	else
		check_method(router, route, call);
}

/* Prepares the answer, of whatever kind. */
static void
router_begin(const struct router *router, struct call *call)
{
	const char *method = call->method;

	call->is_running = true;
	call->is_head = method != NULL && strcmp(method, "HEAD") == 0;
	call->answer.has_body = !call->is_head;
	cors_add_fields(&router->cors, call);
}

/* Finds the call's route, or answers the call. */
static void
router_find(const struct router *router, struct call *call)
{
	struct path path;
	bool        has_path;

	router_begin(router, call);
	has_path = path_init(&path, call, router->mounts, router->mount_count);
	call->full_path = path.full;
	if (call->method == NULL)
		refusal_bad_request(call,
		    "the web server passed no REQUEST_METHOD");
	else if (!has_path)
		refusal_bad_request(call, "the web server passed no path");
	else
		find_route(router, &path, call);
}

bool
router_run(const struct router *router, struct call *call)
{
	router_find(router, call);
	if (!call->is_answered && call->is_post)
		call->route->post(call, call->route->post_context);
	else if (!call->is_answered)
		call->route->get(call, call->route->get_context);
	call->is_running = false;
	assert(call->is_answered || call->on_cancel != NULL);
	return call->is_answered;
}

bool
router_check(const struct router *router, struct call *call, bool *takes_body)
{
	router_find(router, call);
	*takes_body = !call->is_answered && (call->is_post || call->is_query);
	if (*takes_body && call->is_post && call->route->post_check != NULL)
		call->route->post_check(call, call->route->post_context);
	call->is_running = false;
	return call->is_answered;
}

void
router_refuse(const struct router *router, struct call *call, long retry_ms,
    const char *why)
{
	router_begin(router, call);
	refusal_come_back(call, retry_ms, why);
	call->is_running = false;
}
