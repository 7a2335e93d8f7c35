#include "http/cors.h"

#include <string.h>

#include "base/buf.h"
#include "http/answer.h"
#include "http/call.h"

/* How long a browser may keep the answer to a preflight, in seconds. */
#define MAX_AGE_SECONDS 86400

/* The option's word for them. */
#define ALL_ORIGINS "*"

#define FIELD_NAMES_BYTES_MAX 1024

/* What the name of a field is made of (RFC 9110 section 5.6.2). */
#define FIELD_NAME_BYTES                                                 \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" \
	"!#$%&'*+-.^_`|~"

/* The configured origin that matches the request's best, or NULL. */
static const char *
allowed_origin(const struct cors *cors, const struct call *call)
{
	const char *origin = call->origin;
	const char *all = NULL;
	size_t      i;

	for (i = 0; i < cors->origin_count; i++) {
		if (origin != NULL && strcmp(cors->origins[i], origin) == 0)
			return cors->origins[i];
		if (strcmp(cors->origins[i], ALL_ORIGINS) == 0)
			all = cors->origins[i];
	}
	return all;
}

bool
cors_allows(const struct cors *cors, const struct call *call)
{
	return allowed_origin(cors, call) != NULL;
}

void
cors_add_fields(const struct cors *cors, struct call *call)
{
	struct buf *common = &call->answer.common;
	const char *origin = allowed_origin(cors, call);

	if (origin != NULL)
		buf_printf(common, "Access-Control-Allow-Origin: %s\r\n",
		    origin);
	/* Cookies, for the web server, come from pages that are known only. */
	if (origin != NULL && strcmp(origin, ALL_ORIGINS) != 0)
		buf_append_str(common,
		    "Access-Control-Allow-Credentials: true\r\n");
	if (cors->origin_count > 0)
		buf_append_str(common, "Vary: Origin\r\n");
}

/*
 * The names of the request's own header fields that the page is to be let
 * send: all that it asks for. None of them means more to us than to others.
 */
static const char *
wanted_fields(const struct call *call)
{
	static const char usual[] = "Last-Event-ID, Cache-Control, "
				    "Authorization, Content-Type";
	const char       *names;

	names = call_env(call, "HTTP_ACCESS_CONTROL_REQUEST_HEADERS");
	if (names == NULL || *names == '\0' ||
	    strlen(names) > FIELD_NAMES_BYTES_MAX ||
	    strspn(names, FIELD_NAME_BYTES ", ") != strlen(names))
		return usual;
	return names;
}

const char *
cors_methods(bool has_post)
{
	return has_post ? "GET, HEAD, POST, QUERY, OPTIONS" :
			  "GET, HEAD, OPTIONS";
}

void
cors_preflight(const struct cors *cors, struct call *call)
{
	struct answer *answer = &call->answer;
	const char    *methods = cors_methods(call->has_post);

	answer_head(answer, "204 No Content", NULL);
	answer_field(answer, "Allow", "%s", methods);
	if (allowed_origin(cors, call) != NULL) {
		answer_field(answer, "Access-Control-Allow-Methods", "%s",
		    methods);
		answer_field(answer, "Access-Control-Allow-Headers", "%s",
		    wanted_fields(call));
		answer_field(answer, "Access-Control-Max-Age", "%d",
		    MAX_AGE_SECONDS);
	}
	if (cors->origin_count == 0)
		answer_field(answer, "Vary", "Origin");
	answer_body(answer, NULL, 0);
	call_answer(call);
}
