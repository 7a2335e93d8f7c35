#include "config.h"

#include "hub/named.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tree.h"
#include "hub/frame.h"
#include "hub/hub.h"
#include "hub/topic.h"
#include "pure/url.h"

/*
 * What a topic takes beside its own bytes: allocation heads, nodes of the
 * trees, and slots of the rings, which double as they grow.
 */
#define TOPIC_COST_BYTES 512

static int
compare_names(const void *a, const void *b)
{
	return strcmp(a, ((const struct named *)b)->name);
}

static int
compare_topics(const void *a, const void *b)
{
	return compare_names(((const struct named *)a)->name, b);
}

struct named *
named_of(const char *name)
{
	return (struct named *)(void *)((char *)(void *)name -
	    offsetof(struct named, name));
}

/* The topic is freed in the next run, unless it is used until then. */
static void
on_idle(void *arg)
{
	struct named *named = arg;

	list_move(&named->hub->idle, &named->node);
}

size_t
named_cost_bytes(const char *name)
{
	return TOPIC_COST_BYTES + 2 * strlen(name);
}

void
named_resize(struct named *named, size_t kept_bytes)
{
	unsigned size = 0;

	while (size < HUB_SIZE_COUNT - 1 && kept_bytes >> size != 0)
		size++;
	named->kept_bytes = kept_bytes;
	/* Others take nothing from the announcements. */
	if (size == named->size || named->is_announced)
		return;
	named->size = size;
	if (size == 0)
		list_remove(&named->size_node);
	else
		list_move(&named->hub->by_size[size], &named->size_node);
}

void
named_unshare(struct named *named)
{
	if (named->share != NULL)
		shares_give_back(&named->hub->shares, named->share,
		    named_cost_bytes(named->name));
	named->share = NULL;
}

void
named_forget_update(struct named *named, bool is_private)
{
	named->update_count--;
	if (!is_private && --named->public_count == 0)
		on_idle(named);
	if (named->update_count > 0)
		return;
	named->hub->topic_bytes -= named_cost_bytes(named->name);
	if (named->is_announced)
		named->hub->announced_bytes -= named_cost_bytes(named->name);
	on_idle(named);
}

void
named_add_update(struct named *named, bool is_private)
{
	struct hub  *hub = named->hub;
	const size_t cost_bytes = named_cost_bytes(named->name);

	if (!is_private) {
		named->is_known = true;
		named->public_count++;
	}
	if (!is_private || named->is_payers)
		named_unshare(named);
	if (named->update_count++ > 0)
		return;
	hub->topic_bytes += cost_bytes;
	if (named->is_announced)
		hub->announced_bytes += cost_bytes;
}

/* A subscriber that has had the newest dropped update misses nothing yet. */
static void
keep_dropped_id(struct named *named, const struct frame *frame)
{
	struct ids *ids = &named->hub->ids;

	ids_remove(ids, named->dropped_id);
	named->dropped_id = frame->own_id == NULL ?
	    NULL :
	    ids_add(ids, frame->update.id, frame->update.position,
		&named->name_of_gone, 1, frame->update.is_private);
}

/* A topic's ring does not have the frame any more. */
static void
on_drop(void *arg, struct frame *frame)
{
	struct named *named = arg;
	struct hub   *hub = named->hub;

	named_resize(named, named->kept_bytes - frame_cost_bytes(frame));
	keep_dropped_id(named, frame);
	if (--frame->ring_count == 0)
		hub_let_go(hub, frame);
}

struct named *
named_find(const struct hub *hub, const char *name)
{
	return tree_find(&hub->topics, name, compare_names);
}

/* Publishers may use no such topic. */
static bool
is_announced(const struct hub *hub, const char *name)
{
	const struct buf *path;

	if (hub->base == NULL)
		return false;
	path = &hub->base->parts[URL_PATHNAME];
	return strncmp(name, path->data, path->len_bytes) == 0 &&
	    name[path->len_bytes] == '/';
}

struct named *
named_new(struct hub *hub, const char *name)
{
	size_t        name_bytes = strlen(name) + 1;
	struct named *named = mem_zalloc(sizeof(*named) + name_bytes);

	named->hub = hub;
	named->is_announced = is_announced(hub, name);
	memcpy(named->name, name, name_bytes);
	named->name_of_gone = named->name;
	list_init(&named->node);
	list_init(&named->named_node);
	list_append(&hub->named, &named->named_node);
	list_init(&named->size_node);
	deadline_init(&named->backlog);
	named->topic = topic_new(hub->turns, name,
	    &(struct topic_limits){
		.frame_count_max = hub->limits.event_count_max,
		.frame_bytes_max = SIZE_MAX,
		.patience_ms = NAMED_PATIENCE_MS,
		.latency = &hub->latency,
		.is_coalesced = true,
		.on_idle = on_idle,
		.on_drop = on_drop,
		.arg = named,
	    });
	topic_set_dropped(named->topic, &hub->freed);
	tree_add(&hub->topics, named, compare_topics);
	hub->topic_count++;
	list_append(&hub->idle, &named->node);
	return named;
}

struct named *
named_make_known(struct hub *hub, struct named *named, const char *name,
    const char *client, bool is_readers)
{
	struct share *share = NULL;

	if (named == NULL || !is_readers) {
		share = shares_take(&hub->shares, client,
		    named_cost_bytes(name));
		if (share == NULL)
			return NULL;
	}
	if (named == NULL)
		named = named_new(hub, name);
	else
		list_move(&hub->idle, &named->node);
	named->is_known = true;
	named->share = share;
	named->is_payers = is_readers;
	return named;
}

void
named_free(struct named *named)
{
	struct hub *hub = named->hub;

	list_remove(&named->node);
	list_remove(&named->named_node);
	deadline_clear(&named->backlog);
	ids_remove(&hub->ids, named->dropped_id);
	tree_remove(&hub->topics, named, compare_topics);
	hub->topic_count--;
	named_unshare(named);
	/*
	 * A subscriber that comes back to a topic of that name has to be told.
	 */
	dropped_add(&hub->freed, topic_dropped(named->topic));
	topic_free(named->topic);
	free(named);
}
