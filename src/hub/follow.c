/*
 * What a subscriber follows: the topic of a name, or a pattern. A part of
 * hub/hub.h.
 */

#include "config.h"

#include <string.h>

#include "hub/hub.h"
#include "hub/named.h"
#include "hub/pattern.h"
#include "hub/topic.h"

/*
 * The client that asks for the topic makes it known, and pays for it: but not
 * if the topic is there for updates that this client may have.
 */
static struct named *
make_known(struct hub *hub, struct named *named, const char *name,
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

struct topic *
hub_topic(struct hub *hub, const char *name, const char *client,
    const struct update_reader *reader)
{
	struct named *named;

	if (strcmp(name, HUB_ALL) == 0) {
		hub->keeps_all = true;
		hub->all_idle_ms = 0;
		return hub->all;
	}
	named = named_find(hub, name);
	if (named == NULL || !named->is_known)
		named = make_known(hub, named, name, client,
		    hub_is_readers(name, reader));
	return named == NULL ? NULL : named->topic;
}

/* Whether it can be told at once that it is a name: no template. */
static bool
is_name(enum selector_kind kind, const char *text)
{
	return kind == SELECTOR_TOPIC && strchr(text, '{') == NULL;
}

/* Whether it is a pattern; if not, it is a name. */
static bool
is_pattern(const struct selector *selector)
{
	return selector->rule == SELECTOR_BY_TEMPLATE ||
	    selector->rule == SELECTOR_BY_PATTERN;
}

size_t
hub_follower_count(const struct hub *hub, const char *name)
{
	const struct named *named;

	if (strcmp(name, HUB_ALL) == 0)
		return topic_subscriber_count(hub->all);
	named = named_find(hub, name);
	return named == NULL ? 0 : topic_subscriber_count(named->topic);
}

struct topic *
hub_follow(struct hub *hub, enum selector_kind kind, const char *text,
    const char *client, const struct update_reader *reader, const char **why)
{
	struct pattern  *pattern;
	struct selector *selector;

	*why = NULL;
	if (is_name(kind, text))
		return hub_topic(hub, text, client, reader);
	pattern = pattern_find(hub, kind, text);
	if (pattern != NULL)
		return pattern_topic(pattern);
	selector = selector_new(kind, text, strlen(text), hub->base, why);
	if (selector == NULL)
		return NULL;
	if (!is_pattern(selector)) {
		selector_free(selector);
		return hub_topic(hub, text, client, reader);
	}
	pattern = pattern_new(hub, selector, client);
	return pattern == NULL ? NULL : pattern_topic(pattern);
}
