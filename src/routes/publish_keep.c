#include "config.h"

#include "routes/publish_keep.h"

#include <stdlib.h>
#include <string.h>

#include "auth/access.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/answer.h"
#include "http/bearer.h"
#include "http/call.h"
#include "hub/hub.h"
#include "hub/update.h"
#include "pure/position.h"
#include "routes/publish.h"
#include "store/store.h"

/* An update on its way to the store. */
struct keeping {
	struct store_publish publish;
	struct hub          *hub;
	struct store        *store;
	struct call         *call; /* NULL: the client has left */
	bool   has_no_reader;      /* private, and no token can allow it */
	size_t len_bytes;
	char  *id; /* the publisher's; NULL: made */
	char   topic[];
};

static void
answer_id(const struct keeping *keeping, const char *id)
{
	struct call   *call = keeping->call;
	struct answer *answer = &call->answer;
	size_t         id_bytes = strlen(id);

	answer_head(answer, "200 OK", "text/plain; charset=utf-8");
	answer_field(answer, "Cache-Control", "no-store");
	answer_field(answer, "X-Content-Type-Options", "nosniff");
	if (keeping->has_no_reader)
		answer_field(answer, "Fcgi-Sse-Note",
		    "private: delivered to nobody, since no token-key "
		    "is configured");
	answer_field(answer, "Content-Length", "%zu", id_bytes);
	/* The id and nothing else: clients take it as it is. */
	answer_body(answer, id, id_bytes);
	call_answer(call);
}

static void
answer_kept(const struct keeping *keeping, const struct store_receipt *receipt)
{
	char        made[POSITION_ID_BYTES];
	const char *id = receipt->is_repeat ? receipt->id : keeping->id;

	if (id == NULL) {
		position_to_id(receipt->position, store_tag(keeping->store),
		    made);
		id = made;
	}
	if (!receipt->is_repeat)
		hub_expect(keeping->hub, receipt->position);
	log_debug("publish",
	    LOG_STR("client",
		keeping->call == NULL ? NULL : keeping->call->client),
	    LOG_STR("topic", keeping->topic), LOG_STR("id", id),
	    LOG_INT("bytes", keeping->len_bytes));
	if (keeping->call != NULL)
		answer_id(keeping, id);
}

static void
answer_not_kept(const struct keeping *keeping,
    const struct store_receipt       *receipt)
{
	const char    *status = "503 Service Unavailable";
	struct call   *call = keeping->call;
	struct answer *answer;

	log_warn("publish-failed", LOG_STR("topic", keeping->topic),
	    LOG_STR("reason", receipt->why));
	if (call == NULL)
		return;
	answer = &call->answer;
	answer_text_head(answer, status);
	answer_field(answer, "Retry-After", "%u",
	    receipt->retry_after_s > 0 ? receipt->retry_after_s : 1);
	answer_text(answer, "%s: %s%s", status,
	    receipt->result == STORE_MAYBE_KEPT ? "may have been published: " :
						  "",
	    receipt->why == NULL ? "the store failed" : receipt->why);
	call_answer(call);
}

static void
on_done(struct store_publish *publish, const struct store_receipt *receipt)
{
	struct keeping *keeping = list_entry(publish, struct keeping, publish);

	if (keeping->call != NULL)
		call_resume(keeping->call);
	if (receipt->result == STORE_KEPT)
		answer_kept(keeping, receipt);
	else
		answer_not_kept(keeping, receipt);
	free(keeping->id);
	free(keeping);
}

static void
on_cancel(void *holder)
{
	struct keeping *keeping = holder;

	keeping->call = NULL;
}

void
publish_keep(const struct publish_route *route, struct call *call,
    const struct update *update, const char *once)
{
	size_t          topic_bytes = strlen(update->topics[0]) + 1;
	struct keeping *keeping = mem_zalloc(sizeof(*keeping) + topic_bytes);

	keeping->publish.done = on_done;
	keeping->hub = route->hub;
	keeping->store = route->store;
	keeping->call = call;
	keeping->has_no_reader = update->is_private &&
	    !access_has_keys(route->bearer->access);
	keeping->len_bytes = update->len_bytes;
	memcpy(keeping->topic, update->topics[0], topic_bytes);
	if (update->id != NULL)
		keeping->id = mem_strdup(update->id);
	call_hold(call, on_cancel, keeping);
	store_publish(route->store, &keeping->publish, update, once);
}
