/*
 * What a subscriber follows: the topic of a name. A part of hub/hub.h.
 */

#include "config.h"

#include <string.h>

#include "hub/hub.h"
#include "hub/named.h"

struct topic *
hub_topic(struct hub *hub, const char *name, const char *client)
{
	struct named *named;
	struct share *share;

	if (strcmp(name, HUB_ALL) == 0) {
		hub->keeps_all = true;
		hub->all_idle_ms = 0;
		return hub->all;
	}
	named = named_find(hub, name);
	if (named != NULL)
		return named->topic;
	share = shares_take(&hub->shares, client, named_cost_bytes(name));
	if (share == NULL)
		return NULL;
	named = named_new(hub, name);
	named->share = share;
	return named->topic;
}
