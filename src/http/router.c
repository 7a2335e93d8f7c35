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

static const struct route *
route_find(const struct router *router, const struct path *path)
{
	size_t i;

	for (i = 0; i < router->route_count; i++) {
		if (path_is(path, router->routes[i].path))
			return &router->routes[i];
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
answer_bad_method(const char *method, const struct route *route,
    struct call *call)
{
	struct answer *answer = &call->answer;
	struct buf     safe = { 0 };

	path_append_safe(&safe, method);
	answer_text_head(answer, "405 Method Not Allowed");
	answer_field(answer, "Allow", "%s",
	    route->post == NULL ? "GET, HEAD, OPTIONS" :
				  "GET, HEAD, POST, OPTIONS");
	answer_text(answer, "405 Method Not Allowed: %.*s", (int)safe.len_bytes,
	    safe.data);
	buf_deinit(&safe);
	call_answer(call);
}

/* Has the route's handler answer, once the query can be read. */
static void
run_handler(handler_fn *handler, void *context, struct call *call)
{
	const char *query = call_env(call, "QUERY_STRING");

	if (query == NULL)
		query = "";
	if (query_init(&call->query, query, strlen(query)) == -1)
		refusal_bad_request(call, "the query is malformed");
	else
		handler(call, context);
}

static void
run_route(const struct router *router, const struct route *route,
    const char *method, struct call *call)
{
	call->path = route->path;
	call->has_post = route->post != NULL;
	if (strcmp(method, "OPTIONS") == 0)
		cors_preflight(&router->cors, call);
	else if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
		run_handler(route->get, route->get_context, call);
	else if (strcmp(method, "POST") == 0 && route->post != NULL)
		run_handler(route->post, route->post_context, call);
	else
		answer_bad_method(method, route, call);
}

static void
run_path(const struct router *router, const struct path *path,
    const char *method, struct call *call)
{
	const struct route *route = route_find(router, path);

	if (path_is_mount(path, call))
		answer_redirect(path, call);
	else if (route == NULL)
		answer_not_found(router, path, call);
	else
		run_route(router, route, method, call);
}

bool
router_run(const struct router *router, struct call *call)
{
	const char *method = call_env(call, "REQUEST_METHOD");
	struct path path;
	bool        has_path = path_init(&path, call, router->mounts,
		   router->mount_count);

	call->is_running = true;
	call->full_path = path.full;
	call->client = call_env(call, "REMOTE_ADDR");
	call->is_head = method != NULL && strcmp(method, "HEAD") == 0;
	call->answer.has_body = !call->is_head;
	cors_add_fields(&router->cors, call);
	if (method == NULL)
		refusal_bad_request(call,
		    "the web server passed no REQUEST_METHOD");
	else if (!has_path)
		refusal_bad_request(call, "the web server passed no path");
	else
		run_path(router, &path, method, call);
	call->is_running = false;
	assert(call->is_answered || call->on_cancel != NULL);
	return call->is_answered;
}
