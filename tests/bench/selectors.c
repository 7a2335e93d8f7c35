/*
 * selectors: what it costs to find those of 1,000 selectors that match a
 * topic. Writes for each mix a line "MATCHES US US... NAME": how many match,
 * and the microseconds for a topic in each of the rounds.
 */

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pure/selector.h"
#include "pure/selector_index.h"

#define HUB "https://hub.example/.well-known/mercure"
#define SELECTORS 1000
#define ROUNDS 9
#define TOPICS 400

struct mix {
	const char        *name;
	enum selector_kind kind;
	const char        *before, *after; /* the number of the selector */
	const char        *topic;
};

static const struct mix mixes[] = {
	{ "templates, number first", SELECTOR_TOPIC,
	    "https://example.com/users/", "/{x}",
	    "https://example.com/users/500/inbox" },
	{ "templates, number last", SELECTOR_TOPIC,
	    "https://example.com/users/{x}/", "",
	    "https://example.com/users/alice/500" },
	{ "templates, number between", SELECTOR_TOPIC,
	    "https://example.com/users/{x}/k", "{?q}",
	    "https://example.com/users/alice/k500?q=1" },
	{ "patterns, number first", SELECTOR_URL_PATTERN,
	    "https://example.com/users/", "/:x",
	    "https://example.com/users/500/inbox" },
	{ "patterns, number last", SELECTOR_URL_PATTERN,
	    "https://example.com/users/:x/", "",
	    "https://example.com/users/alice/500" },
	{ "patterns, any host", SELECTOR_URL_PATTERN,
	    "https://*.example.com/users/", "/:x",
	    "https://a.example.com/users/500/inbox" },
};

#define MIX_COUNT (sizeof(mixes) / sizeof(mixes[0]))

static void
on_match(void *item, void *data)
{
	(void)item;
	++*(int *)data;
}

static double
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void
fill(struct selector_index *index, const struct mix *mix, const struct url *hub,
    struct selector **selectors)
{
	char        text[128];
	const char *why;

	for (int i = 0; i < SELECTORS; i++) {
		snprintf(text, sizeof(text), "%s%d%s", mix->before, i,
		    mix->after);
		selectors[i] = selector_new(mix->kind, text, strlen(text), hub,
		    &why);
		if (selectors[i] == NULL)
			errx(1, "%s %s", text, why);
		selector_index_add(index, selectors[i], selectors[i]);
	}
}

/* One topic, from its text on, as a publish has it. */
static int
match(const struct selector_index *index, const struct mix *mix,
    const struct url *hub)
{
	struct selector_topic topic;
	int                   matches = 0;

	selector_topic_init(&topic, mix->topic, strlen(mix->topic), hub);
	selector_index_visit(index, &topic, on_match, NULL, &matches);
	selector_topic_deinit(&topic);
	return matches;
}

static void
measure(const struct mix *mix, const struct url *hub)
{
	struct selector       *selectors[SELECTORS];
	struct selector_index *index = selector_index_new();
	double                 start_us;

	fill(index, mix, hub, selectors);
	printf("%d", match(index, mix, hub));
	for (int round = 0; round < ROUNDS; round++) {
		start_us = now_us();
		for (int i = 0; i < TOPICS; i++)
			match(index, mix, hub);
		printf(" %.3f", (now_us() - start_us) / TOPICS);
	}
	printf(" %s\n", mix->name);
	selector_index_free(index);
	for (int i = 0; i < SELECTORS; i++)
		selector_free(selectors[i]);
}

int
main(void)
{
	struct url hub = { 0 };

	if (selector_base_parse(&hub, HUB, strlen(HUB)) == -1)
		errx(1, "%s is no URL", HUB);
	for (size_t i = 0; i < MIX_COUNT; i++)
		measure(&mixes[i], &hub);
	url_deinit(&hub);
	return 0;
}
