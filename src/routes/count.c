#include "routes/count.h"

#include <stdio.h>
#include <string.h>

#include "http/answer.h"
#include "http/call.h"
#include "http/param.h"
#include "http/refusal.h"
#include "hub/hub.h"
#include "presence/announcement.h"
#include "presence/roster.h"
#include "routes/subscribe.h"

/*
 * A text with a brace may be a template, which names no topic: draft 07 does
 * not tell, and draft 08 has no templates.
 */
static size_t
count_others(const struct roster *roster, const char *name)
{
	return roster_count(roster, name, false,
	    strchr(name, '{') == NULL ? ANNOUNCEMENT_07 | ANNOUNCEMENT_08 :
					ANNOUNCEMENT_08);
}

static void
answer_count(const struct count_route *route, struct call *call)
{
	struct answer     *answer = &call->answer;
	struct topic_names names;
	char               text[24];
	int                len_bytes;

	if (!param_topics(call, &call->query, &names))
		return;
	if (names.count != 1) {
		refusal_bad_request(call,
		    "name one topic: the count is that of one");
		return;
	}
	len_bytes = snprintf(text, sizeof(text), "%zu\n",
	    hub_follower_count(route->hub, names.names[0]) +
		count_others(route->roster, names.names[0]));
	answer_head(answer, "200 OK", "application/json");
	answer_field(answer, "Cache-Control", "no-store");
	answer_field(answer, "X-Content-Type-Options", "nosniff");
	answer_field(answer, "Content-Length", "%d", len_bytes);
	answer_body(answer, text, (size_t)len_bytes);
	call_answer(call);
}

static void
answer(struct call *call, const struct bearer_verdict *verdict, void *context)
{
	const struct count_route *route = context;

	if (subscribe_route_allows(route->subscribe, call, verdict))
		answer_count(route, call);
}

void
count_route_get(struct call *call, void *context)
{
	const struct count_route *route = context;

	if (!route->is_on)
		refusal_text(call, "404 Not Found", "the option count is off");
	else if (route->is_single_use)
		refusal_text(call, "501 Not Implemented",
		    "each stream has a process of its own here, and none can "
		    "count those of the others");
	else
		subscribe_route_judge(route->subscribe, call, answer, context);
}
