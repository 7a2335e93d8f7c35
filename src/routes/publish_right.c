#include "routes/publish_right.h"

#include <string.h>

#include "auth/access.h"
#include "auth/publishers.h"
#include "base/buf.h"
#include "base/log.h"
#include "http/answer.h"
#include "http/call.h"
#include "http/cors.h"
#include "http/origin.h"
#include "http/param.h"
#include "hub/turns.h"
#include "routes/publish.h"

/* Whether the header field was sent, and the web server passed it on. */
static bool
has_authorization(const struct call *call)
{
	const char *field = call_env(call, "HTTP_AUTHORIZATION");

	return field != NULL && *field != '\0';
}

/*
 * A 401 says whether a key came with the request (RFC 6750 section 3.1), so
 * that a web server that keeps it can be found out.
 */
void
publish_right_refuse(struct call *call, const char *status, const char *why)
{
	struct answer *answer = &call->answer;

	log_info("refuse-publish", LOG_STR("client", call->client),
	    LOG_STR("path", call->full_path), LOG_STR("reason", why));
	answer_text_head(answer, status);
	if (strncmp(status, "401", 3) == 0)
		answer_field(answer, "WWW-Authenticate", "Bearer%s",
		    has_authorization(call) ? " error=\"invalid_token\"" : "");
	/* RFC 9110 section 12.5.3: what it could have been. */
	if (strncmp(status, "415", 3) == 0)
		answer_field(answer, "Accept-Encoding", "identity");
	if (strncmp(status, "429", 3) == 0)
		answer_field(answer, "Retry-After", "1");
	answer_text(answer, "%s: %s", status, why);
	call_answer(call);
}

/*
 * Whether a page may publish that is of another origin, if such a page sent
 * this: such a page acts with the address of its visitor.
 */
static bool
is_own_page(const struct publish_route *route, struct call *call)
{
	struct buf why = { 0 };
	bool       is_foreign;

	buf_append_str(&why, "this page may not publish: ");
	is_foreign = !cors_allows(route->cors, call) &&
	    !origin_is_listed(call, route->origins, route->origin_count) &&
	    origin_is_foreign(call, &why);
	buf_append_str(&why,
	    ". The option allow-origin names pages that may; a "
	    "proxy has to pass on Host");
	buf_append(&why, "", 1);
	if (is_foreign)
		publish_right_refuse(call, "403 Forbidden", why.data);
	buf_deinit(&why);
	return !is_foreign;
}

static const char *
authorization(const struct call *call)
{
	return call_env(call, "HTTP_AUTHORIZATION");
}

static bool
has_key(const struct publish_route *route, const struct call *call)
{
	return publishers_judge_any(route->publishers, authorization(call)) ==
	    PUBLISH_ALLOWED;
}

/* Whether that is what allows it; if not, the call was answered. */
static bool
is_allowed(const struct publish_route *route, struct call *call,
    enum publish_verdict verdict)
{
	const struct bearer_verdict none = { .result = TOKEN_NONE };

	if (verdict == PUBLISH_ALLOWED || verdict == PUBLISH_ALLOWED_TO_ALL)
		return true;
	if (verdict == PUBLISH_TOO_OFTEN)
		publish_right_refuse(call, "429 Too Many Requests",
		    "this address has published too often");
	else if (access_has_keys(route->bearer->access))
		bearer_refuse(route->bearer, call, &none);
	else if (verdict == PUBLISH_OFF)
		publish_right_refuse(call, "403 Forbidden",
		    "publishing is off; the "
		    "option publish-key-file turns it on");
	else
		publish_right_refuse(call, "401 Unauthorized",
		    "publishing takes "
		    "one of the keys as \"Authorization: Bearer KEY\"");
	return false;
}

/* Whether the call's token, if it has one, is to be looked at. */
static bool
needs_judge(const struct publish_route *route, const struct call *call)
{
	size_t len_bytes;

	return access_has_keys(route->bearer->access) &&
	    !has_key(route, call) &&
	    bearer_text(route->bearer, call, &len_bytes) != NULL;
}

bool
publish_right_check(const struct publish_route *route, struct call *call)
{
	if (needs_judge(route, call))
		return bearer_check(route->bearer, call, TOKEN_ROLE_PUBLISHER);
	return !is_own_page(route, call) ||
	    !is_allowed(route, call,
		publishers_judge_any(route->publishers, authorization(call)));
}

void
publish_right_judge(const struct publish_route *route, struct call *call,
    bearer_fn *answer, void *context)
{
	const struct bearer_verdict none = { .result = TOKEN_NONE };

	if (needs_judge(route, call))
		bearer_judge(route->bearer, call, TOKEN_ROLE_PUBLISHER, answer,
		    context);
	else
		answer(call, &none, context);
}

static bool
covers(const struct publish_route *route, const struct token *token,
    const struct topic_names *topics)
{
	for (size_t i = 0; i < topics->count; i++) {
		if (!access_may_publish(route->bearer->access, token,
			topics->names[i]))
			return false;
	}
	return true;
}

static bool
are_public(const struct publish_route *route, const struct topic_names *topics)
{
	for (size_t i = 0; i < topics->count; i++) {
		if (!publishers_is_public(route->publishers, topics->names[i]))
			return false;
	}
	return true;
}

/* By a key, or as anyone. */
static bool
get_without_token(const struct publish_route *route, struct call *call,
    const struct topic_names *topics, struct publish_right *right)
{
	enum publish_verdict verdict;

	if (!is_own_page(route, call))
		return false;
	verdict = publishers_judge(route->publishers, authorization(call),
	    call->client, topics->names, topics->count,
	    turns_now_ms(route->turns));
	right->is_trusted = verdict == PUBLISH_ALLOWED;
	if (right->is_trusted) {
		right->secret = authorization(call);
		right->secret_bytes = strlen(right->secret);
	}
	return is_allowed(route, call, verdict);
}

/*
 * A page of any origin can have a browser send a cookie (draft 08, section on
 * cross-site request forgery). That a page may read answers does not say that
 * it may publish in its visitor's name.
 */
static bool
is_cookie_meant(const struct publish_route *route, struct call *call,
    const struct bearer_verdict *verdict)
{
	struct bearer_verdict refused = *verdict;

	if (verdict->source != BEARER_COOKIE || origin_is_own(call) ||
	    origin_is_listed(call, route->origins, route->origin_count))
		return true;
	refused.result = TOKEN_ORIGIN;
	bearer_refuse(route->bearer, call, &refused);
	return false;
}

bool
publish_right_get(const struct publish_route *route, struct call *call,
    const struct bearer_verdict *verdict, const struct topic_names *topics,
    struct publish_right *right)
{
	bool is_good = verdict->result == TOKEN_OK;
	bool is_enough = is_good && covers(route, verdict->token, topics);

	*right = (struct publish_right){ 0 };
	if (verdict->result == TOKEN_NONE)
		return get_without_token(route, call, topics, right);
	/* A cookie comes by itself, and may be for subscribing alone. */
	if (!is_enough && (is_good || verdict->source == BEARER_COOKIE) &&
	    are_public(route, topics))
		return get_without_token(route, call, topics, right);
	if (!is_good) {
		bearer_refuse(route->bearer, call, verdict);
		return false;
	}
	if (!is_cookie_meant(route, call, verdict))
		return false;
	if (!is_enough) {
		bearer_refuse_scope(route->bearer, call, verdict,
		    "the token does not allow to publish to all of these "
		    "topics");
		return false;
	}
	right->is_trusted = true;
	right->is_strict = verdict->token->grant->dialect == TOKEN_DIALECT_08;
	right->secret = bearer_text(route->bearer, call, &right->secret_bytes);
	return true;
}
