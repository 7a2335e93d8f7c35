#include "http/bearer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/access.h"
#include "auth/token.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/answer.h"
#include "http/call.h"
#include "http/refusal.h"
#include "hub/turns.h"

/* What verifying may take in one turn, until the others have theirs. */
#define TURN_US_MAX 3000

#define SCHEME "Bearer"

static const char *const source_words[] = { "none", "header", "cookie",
	"query" };

/* A token where it stands. */
struct found {
	const char        *text;
	size_t             len_bytes;
	enum bearer_source source;
	bool               is_bad_field;
};

/* A call that waits for its turn. */
struct wait {
	struct list     node;
	struct bearer  *bearer;
	struct call    *call;
	enum token_role role;
	bearer_fn      *answer;
	void           *context;
};

void
bearer_init(struct bearer *bearer)
{
	list_init(&bearer->waiting);
	bearer->used_us = 0;
}

void
bearer_deinit(struct bearer *bearer)
{
	assert(list_is_empty(&bearer->waiting));
}

/*
 * Authorization with our scheme, whose name is not case-sensitive. What
 * follows it is one word without a comma, or the field is malformed: web
 * servers join several fields by commas.
 */
static bool
find_in_field(const struct call *call, struct found *found)
{
	const size_t scheme_bytes = sizeof(SCHEME) - 1;
	const char  *field = call_env(call, "HTTP_AUTHORIZATION");

	if (field == NULL)
		return false;
	field += strspn(field, " \t");
	if (strncasecmp(field, SCHEME, scheme_bytes) != 0 ||
	    strchr(" \t,", field[scheme_bytes]) == NULL)
		return false;
	found->text = field + scheme_bytes;
	found->text += strspn(found->text, " \t");
	found->len_bytes = strcspn(found->text, " \t,");
	found->source = BEARER_HEADER;
	found->is_bad_field = found->len_bytes == 0 ||
	    found->text[found->len_bytes +
		strspn(found->text + found->len_bytes, " \t")] != '\0';
	return true;
}

/* The first cookie of that name (RFC 6265 section 4.2.1), unless empty. */
static bool
find_in_cookie(const struct call *call, const char *name, struct found *found)
{
	const char *at = call_env(call, "HTTP_COOKIE"), *value;
	size_t      name_bytes = strlen(name), len_bytes;

	for (; at != NULL && *at != '\0'; at += strspn(at, "; \t")) {
		len_bytes = strcspn(at, ";");
		value = at + name_bytes + 1;
		if (len_bytes > name_bytes + 1 && at[name_bytes] == '=' &&
		    strncmp(at, name, name_bytes) == 0) {
			found->text = value;
			found->len_bytes = len_bytes - name_bytes - 1;
			found->source = BEARER_COOKIE;
			return true;
		}
		at += len_bytes;
	}
	return false;
}

static bool
find_in_query(const struct call *call, struct found *found)
{
	const struct query_pair *pair;

	pair = query_find(&call->query, "authorization", NULL);
	if (pair == NULL || pair->value_bytes == 0)
		return false;
	found->text = pair->value;
	found->len_bytes = pair->value_bytes;
	found->source = BEARER_QUERY;
	return true;
}

static struct found
find(const struct bearer *bearer, const struct call *call)
{
	struct found found = { 0 };

	if (!find_in_field(call, &found) &&
	    !(bearer->takes_query && find_in_query(call, &found)) &&
	    !find_in_cookie(call, bearer->cookie_08, &found))
		find_in_cookie(call, bearer->cookie_07, &found);
	return found;
}

/* A token of draft 08 is refused where only one of draft 07 may stand. */
static void
check_place(struct bearer *bearer, struct bearer_verdict *verdict)
{
	if (verdict->token == NULL || verdict->source != BEARER_QUERY ||
	    verdict->token->grant->dialect == TOKEN_DIALECT_07)
		return;
	access_unref(bearer->access, verdict->token);
	verdict->token = NULL;
	verdict->result = TOKEN_TYPE;
}

static struct bearer_verdict
judge(struct bearer *bearer, const struct call *call, enum token_role role)
{
	struct found          found = find(bearer, call);
	struct bearer_verdict verdict = { .source = found.source,
		.is_bad_field = found.is_bad_field };
	int64_t               begin_us = bearer->turns->now_us();

	if (found.source == BEARER_NONE)
		verdict.result = TOKEN_NONE;
	else if (found.is_bad_field)
		verdict.result = TOKEN_MALFORMED;
	else
		verdict.result = access_judge(bearer->access,
		    &(struct token_request){
			.text = found.text,
			.len_bytes = found.len_bytes,
			.role = role,
			.address = call->client,
			.wall_ms = bearer->wall_ms(),
			.now_ms = begin_us / 1000,
		    },
		    &verdict.token, &verdict.wait_ms);
	check_place(bearer, &verdict);
	bearer->used_us += bearer->turns->now_us() - begin_us;
	return verdict;
}

static void
judge_and_answer(struct bearer *bearer, struct call *call, enum token_role role,
    bearer_fn *answer, void *context)
{
	struct bearer_verdict verdict = judge(bearer, call, role);

	answer(call, &verdict, context);
	access_unref(bearer->access, verdict.token);
}

static void
wait_free(struct wait *wait)
{
	list_remove(&wait->node);
	free(wait);
}

static void
on_cancel(void *holder)
{
	wait_free(holder);
}

void
bearer_judge(struct bearer *bearer, struct call *call, enum token_role role,
    bearer_fn *answer, void *context)
{
	struct wait *wait;

	if (bearer->used_us < TURN_US_MAX && list_is_empty(&bearer->waiting)) {
		judge_and_answer(bearer, call, role, answer, context);
		return;
	}
	wait = mem_zalloc(sizeof(*wait));
	wait->bearer = bearer;
	wait->call = call;
	wait->role = role;
	wait->answer = answer;
	wait->context = context;
	list_init(&wait->node);
	list_append(&bearer->waiting, &wait->node);
	bearer->held_count++;
	call_hold(call, on_cancel, wait);
}

const char *
bearer_text(const struct bearer *bearer, const struct call *call,
    size_t *len_bytes)
{
	struct found found = find(bearer, call);

	*len_bytes = found.len_bytes;
	return found.text;
}

bool
bearer_check(struct bearer *bearer, struct call *call, enum token_role role)
{
	struct bearer_verdict verdict;

	if (bearer->used_us >= TURN_US_MAX || bearer_is_busy(bearer))
		return false;
	verdict = judge(bearer, call, role);
	access_unref(bearer->access, verdict.token);
	if (verdict.result == TOKEN_OK || verdict.source == BEARER_COOKIE)
		return false;
	bearer_refuse(bearer, call, &verdict);
	return true;
}

void
bearer_run(struct bearer *bearer)
{
	struct wait wait, *first;

	bearer->used_us = 0;
	while (bearer_is_busy(bearer) && bearer->used_us < TURN_US_MAX) {
		first = list_entry(bearer->waiting.next, struct wait, node);
		wait = *first;
		wait_free(first);
		call_resume(wait.call);
		judge_and_answer(bearer, wait.call, wait.role, wait.answer,
		    wait.context);
	}
}

bool
bearer_is_busy(const struct bearer *bearer)
{
	return !list_is_empty(&bearer->waiting);
}

/* The challenge; error may be NULL. */
static void
add_challenge(const struct bearer *bearer, struct answer *answer,
    const char *error)
{
	const char *url = bearer->metadata_url;

	answer_field(answer, "WWW-Authenticate", "Bearer%s%s%s%s%s%s%s",
	    error == NULL ? "" : " error=\"", error == NULL ? "" : error,
	    error == NULL ? "" : "\"", error == NULL || url == NULL ? "" : ",",
	    url == NULL ? "" : " resource_metadata=\"", url == NULL ? "" : url,
	    url == NULL ? "" : "\"");
}

static void
log_refusal(const struct call *call, const struct bearer_verdict *verdict,
    const char *reason)
{
	log_info("refuse-token", LOG_STR("client", call->client),
	    LOG_STR("path", call->full_path),
	    LOG_STR("from", source_words[verdict->source]),
	    LOG_STR("reason", reason));
}

static void
answer_refusal(const struct bearer *bearer, struct call *call,
    const char *status, const char *error, const char *why)
{
	answer_text_head(&call->answer, status);
	add_challenge(bearer, &call->answer, error);
	answer_text(&call->answer, "%s: %s", status, why);
	call_answer(call);
}

void
bearer_refuse(struct bearer *bearer, struct call *call,
    const struct bearer_verdict *verdict)
{
	bearer->refused_counts[verdict->result]++;
	log_refusal(call, verdict, token_result_word(verdict->result));
	if (verdict->result == TOKEN_LATER)
		refusal_come_back(call, (long)verdict->wait_ms,
		    "too many wrong tokens from this address");
	else if (verdict->is_bad_field)
		answer_refusal(bearer, call, "400 Bad Request",
		    "invalid_request",
		    "the field Authorization takes \"Bearer TOKEN\"");
	else if (verdict->result == TOKEN_NONE)
		answer_refusal(bearer, call, "401 Unauthorized", NULL,
		    "no token came with this, as \"Authorization: Bearer "
		    "TOKEN\" or in a cookie");
	else if (verdict->result == TOKEN_ORIGIN)
		answer_refusal(bearer, call, "403 Forbidden", "invalid_request",
		    "by a cookie, the Origin has to be the hub's own "
		    "or one that the option publish-origin names");
	else
		answer_refusal(bearer, call, "401 Unauthorized",
		    "invalid_token",
		    "the token is not valid; the hub's log says why");
}

void
bearer_refuse_scope(struct bearer *bearer, struct call *call,
    const struct bearer_verdict *verdict, const char *why)
{
	bearer->scope_refused_count++;
	log_refusal(call, verdict, "scope");
	answer_refusal(bearer, call, "403 Forbidden", "insufficient_scope",
	    why);
}
