#include "http/store_gate.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/answer.h"
#include "http/call.h"
#include "http/refusal.h"
#include "stream/streams.h"

/* The configuration has to be changed first. */
#define RETRY_AFTER_S 60

#define UNAVAILABLE "503 Service Unavailable"

void
store_gate_deinit(struct store_gate *gate)
{
	free(gate->file);
	free(gate->root);
	gate->file = gate->root = NULL;
}

/* One process may serve several sites, and most calls are for the same. */
void
store_gate_look(struct store_gate *gate, const struct call *call)
{
	const char *root = call->document_root;

	if (gate->problem != NULL || gate->file == NULL || root == NULL ||
	    *root == '\0' ||
	    (gate->root != NULL && strcmp(gate->root, root) == 0))
		return;
	free(gate->root);
	gate->root = mem_strdup(root);
	if (!gate->is_below(gate->file, root))
		return;
	gate->problem = "the store's file is below the document root, "
			"where anybody could fetch it; name another by the "
			"option store";
	log_error("store-unusable", LOG_STR("file", gate->file),
	    LOG_STR("document_root", root), LOG_STR("reason", gate->problem));
}

bool
store_gate_publishes(struct store_gate *gate, struct call *call)
{
	store_gate_look(gate, call);
	if (gate->problem == NULL)
		return true;
	answer_text_head(&call->answer, UNAVAILABLE);
	answer_field(&call->answer, "Retry-After", "%d", RETRY_AFTER_S);
	answer_text(&call->answer, UNAVAILABLE ": %s", gate->problem);
	call_answer(call);
	return false;
}

bool
store_gate_subscribes(struct store_gate *gate, struct call *call,
    const struct streams *streams)
{
	store_gate_look(gate, call);
	if (gate->problem == NULL)
		return true;
	refusal_come_back(call, streams_return_ms(streams),
	    "no store for topics");
	return false;
}
