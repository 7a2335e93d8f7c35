#include <string.h>

#include "http/answer.h"
#include "http/request.h"
#include "routes/routes.h"

/* How long a browser may keep the answer to a preflight, in seconds. */
#define MAX_AGE_SECONDS 86400

/* The configured origin that matches the request's, or NULL. */
static const char *
allowed_origin(const struct routes *routes, const struct request *request)
{
	const char *origin = request_env(request, "HTTP_ORIGIN");
	size_t      i;

	for (i = 0; i < routes->origin_count; i++) {
		if (strcmp(routes->origins[i], "*") == 0 ||
		    (origin != NULL && strcmp(routes->origins[i], origin) == 0))
			return routes->origins[i];
	}
	return NULL;
}

bool
cors_allows(const struct routes *routes, const struct request *request)
{
	return allowed_origin(routes, request) != NULL;
}

void
cors_add_fields(const struct routes *routes, const struct request *request,
    struct answer *answer)
{
	const char *origin = allowed_origin(routes, request);

	if (origin != NULL)
		buf_printf(&answer->common,
		    "Access-Control-Allow-Origin: %s\r\n", origin);
	if (routes->origin_count > 0)
		buf_append_str(&answer->common, "Vary: Origin\r\n");
}

void
cors_preflight(const struct call *call, struct answer *answer)
{
	const char *methods = call->has_post ? "GET, HEAD, POST, OPTIONS" :
					       "GET, HEAD, OPTIONS";
	const char *fields = call->has_post ?
	    "Last-Event-ID, Cache-Control, Authorization, Content-Type" :
	    "Last-Event-ID, Cache-Control";

	answer_head(answer, "204 No Content", NULL);
	answer_field(answer, "Allow", "%s", methods);
	if (allowed_origin(call->routes, call->request) != NULL) {
		answer_field(answer, "Access-Control-Allow-Methods", "%s",
		    methods);
		answer_field(answer, "Access-Control-Allow-Headers", "%s",
		    fields);
		answer_field(answer, "Access-Control-Max-Age", "%d",
		    MAX_AGE_SECONDS);
	}
	if (call->routes->origin_count == 0)
		answer_field(answer, "Vary", "Origin");
	answer_body(answer, NULL, 0);
}
