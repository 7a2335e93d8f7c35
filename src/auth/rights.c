#include "config.h"

#include "auth/rights.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/update.h"
#include "pure/hash.h"
#include "pure/selector.h"

/* Topics whose results are kept for each grant; a power of two. */
#define KEPT_COUNT 8

/* What it costs to compile a selector, for each byte of its text. */
#define COMPILE_COST 16

struct kept {
	char *topic; /* NULL: the place is free */
	bool  is_allowed;
};

struct rights {
	const void      *topics;   /* of the last update; NULL: none */
	uint64_t         position; /* the same */
	bool             is_allowed;
	struct kept      kept[KEPT_COUNT];
	size_t           selector_count;
	struct selector *selectors[]; /* as those of the grant */
};

static enum selector_kind
kind_of(enum grant_match match)
{
	switch (match) {
	case GRANT_MATCH_TOPIC:
		return SELECTOR_TOPIC;
	case GRANT_MATCH_URLPATTERN:
		return SELECTOR_URL_PATTERN;
	case GRANT_MATCH_ALL:
	case GRANT_MATCH_EXACT:
		break;
	}
	return SELECTOR_EXACT;
}

static struct selector *
compile(enum grant_match match, const char *text, const struct url *base)
{
	const char *why;

	return selector_new(kind_of(match), text, strlen(text), base, &why);
}

bool
rights_is_valid(enum grant_match match, const char *text,
    const struct url *base)
{
	struct selector *selector = compile(match, text, base);

	selector_free(selector);
	return selector != NULL;
}

static struct rights *
rights_new(const struct grant_selector *selectors, size_t selector_count,
    const struct url *base)
{
	struct rights *rights = mem_zalloc(sizeof(*rights) +
	    selector_count * sizeof(rights->selectors[0]));

	rights->selector_count = selector_count;
	for (size_t i = 0; i < selector_count; i++)
		rights->selectors[i] = compile(selectors[i].match,
		    selectors[i].text, base);
	return rights;
}

static struct rights *
rights_of(struct grant *grant, const struct url *base)
{
	if (grant->rights == NULL)
		grant->rights = rights_new(grant->selectors,
		    grant->selector_count, base);
	return grant->rights;
}

void
rights_free(struct rights *rights)
{
	if (rights == NULL)
		return;
	for (size_t i = 0; i < KEPT_COUNT; i++)
		free(rights->kept[i].topic);
	for (size_t i = 0; i < rights->selector_count; i++)
		selector_free(rights->selectors[i]);
	free(rights);
}

/*
 * One that cannot be compiled matches nothing, nor do those that are left once
 * the others have cost too much.
 */
static bool
matches(const struct rights *rights, const char *name, const struct url *base,
    uint64_t cost_max, uint64_t *cost)
{
	struct selector_topic topic;
	bool                  is_matched = false;

	*cost = 0;
	selector_topic_init(&topic, name, strlen(name), base);
	for (size_t i = 0;
	     i < rights->selector_count && !is_matched && *cost < cost_max; i++)
		is_matched = rights->selectors[i] != NULL &&
		    selector_matches(rights->selectors[i], &topic, cost);
	selector_topic_deinit(&topic);
	return is_matched;
}

bool
rights_match(struct rights **kept, const struct grant_selector *selectors,
    size_t selector_count, const struct url *base, const char *name,
    uint64_t *left, uint64_t *cost)
{
	uint64_t own_cost;
	bool     is_matched;

	if (*kept == NULL) {
		*kept = rights_new(selectors, selector_count, base);
		for (size_t i = 0; i < selector_count; i++)
			*cost += COMPILE_COST * strlen(selectors[i].text);
	}
	is_matched = matches(*kept, name, base, *left, &own_cost);
	*left -= own_cost < *left ? own_cost : *left;
	*cost += own_cost;
	return is_matched;
}

bool
rights_allow(struct grant *grant, const struct url *base, const char *topic)
{
	struct rights *rights;
	struct kept   *kept;
	uint64_t       cost;

	if (grant->selector_count == 0)
		return false;
	if (grant->selectors[0].match == GRANT_MATCH_ALL)
		return true;
	rights = rights_of(grant, base);
	kept = &rights->kept[hash_bytes(HASH_START, topic, strlen(topic)) &
	    (KEPT_COUNT - 1)];
	if (kept->topic != NULL && strcmp(kept->topic, topic) == 0)
		return kept->is_allowed;
	free(kept->topic);
	kept->topic = mem_strdup(topic);
	kept->is_allowed = matches(rights, topic, base, SELECTOR_COST_MAX,
	    &cost);
	return kept->is_allowed;
}

bool
rights_allow_update(struct grant *grant, const struct url *base,
    const struct update *update)
{
	struct rights *rights;

	if (!update->is_private)
		return true;
	if (grant == NULL || grant->selector_count == 0)
		return false;
	rights = rights_of(grant, base);
	if (rights->topics == update->topics &&
	    rights->position == update->position && update->position != 0)
		return rights->is_allowed;
	rights->is_allowed = false;
	for (size_t i = 0; i < update->topic_count && !rights->is_allowed; i++)
		rights->is_allowed = rights_allow(grant, base,
		    update->topics[i]);
	rights->topics = update->topics;
	rights->position = update->position;
	return rights->is_allowed;
}
