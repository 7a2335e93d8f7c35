/*
 * patterns: what an update costs that 1,000 different patterns match, each
 * followed by one subscriber: to the hub that takes it, and then to those who
 * take their turns. The patterns of a mix differ in a name alone, so one of
 * them is matched for all; the hub's time is what it takes to put the update
 * into 1,000 rings and, when the client's share is used up, to take the oldest
 * one out of each. Nearly half of that the processor waits for the slots of the
 * rings, which are some megabytes. Writes for each mix a line "MATCHES US US...
 * NAME": how many subscribers have had an update, and the microseconds that the
 * hub took for one in each of the rounds; the same for the turns.
 */

#include "config.h"

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clocks.h"
#include "hub/cursor.h"
#include "hub/frame.h"
#include "hub/hub.h"
#include "hub/turns.h"
#include "hub/update.h"

#define HUB "https://hub.example/.well-known/mercure"
#define TOPIC "https://example.com/users/alice/inbox"
#define PATTERNS 1000
#define ROUNDS 9
#define UPDATES 100

struct mix {
	const char        *name;
	enum selector_kind kind;
	const char        *before, *after; /* the number of the pattern */
};

static const struct mix mixes[] = {
	{ "templates", SELECTOR_TOPIC, "https://example.com/users/{x",
	    "}/inbox" },
	{ "patterns", SELECTOR_URL_PATTERN, "https://example.com/users/:x",
	    "/inbox" },
};

static struct turns turns;
static struct hub   hub;
static size_t       taken_count;

/* Takes all there is, as a stream does. */
static void
on_call(struct cursor *cursor, enum cursor_event event)
{
	struct frame *frame;

	if (event != CURSOR_READY)
		errx(1, "a subscriber is overrun");
	while (cursor_peek(cursor, &frame, 1) == 1) {
		cursor_advance(cursor, frame);
		taken_count++;
	}
}

static void
follow_all(const struct mix *mix, struct cursor *cursors)
{
	char          text[128];
	const char   *why;
	struct topic *topic;

	for (int i = 0; i < PATTERNS; i++) {
		snprintf(text, sizeof(text), "%s%d%s", mix->before, i,
		    mix->after);
		topic = hub_follow(&hub, mix->kind, text, NULL, NULL, &why);
		if (topic == NULL)
			errx(1, "%s is not followed", text);
		cursor_open(&cursors[i], &topic, 1, hub.position, on_call,
		    NULL);
		cursor_resume(&cursors[i]);
	}
}

static void
publish(void)
{
	static const char  bytes[] = "data: some text\n\n";
	static const char *topics[] = { TOPIC };
	struct update      update = {
		     .position = hub.position + 1,
		     .topics = topics,
		     .topic_count = 1,
		     .bytes = bytes,
		     .len_bytes = sizeof(bytes) - 1,
	};

	hub_ingest(&hub, &update, 1, turns_now_ms(&turns), 0);
}

static void
settle(void)
{
	while (turns_is_busy(&turns))
		turns_run(&turns, turns_now_ms(&turns), SIZE_MAX);
}

/* One round: what the hub and the turns take for an update. */
static void
run_round(double *hub_us, double *turns_us)
{
	int64_t began_us, published_us, ended_us;

	*hub_us = *turns_us = 0;
	for (int i = 0; i < UPDATES; i++) {
		began_us = clocks_monotonic_us();
		publish();
		published_us = clocks_monotonic_us();
		settle();
		ended_us = clocks_monotonic_us();
		*hub_us += (double)(published_us - began_us) / UPDATES;
		*turns_us += (double)(ended_us - published_us) / UPDATES;
	}
}

static void
print_line(const double *us, const char *name, const char *what)
{
	printf("%zu", taken_count / UPDATES / (ROUNDS + 1));
	for (int i = 0; i < ROUNDS; i++)
		printf(" %.1f", us[i]);
	printf(" %s, %s\n", name, what);
}

static void
measure(const struct mix *mix, const struct url *base)
{
	static struct cursor cursors[PATTERNS];
	double               hub_us[ROUNDS], turns_us[ROUNDS];

	turns_init(&turns, clocks_monotonic_us);
	hub_init(&hub, &turns,
	    &(struct hub_limits){ .event_count_max = 100,
		.bytes_max = 64 << 20,
		.empty_bytes_max = 64 << 20,
		.age_ms = INT32_MAX });
	hub.base = base;
	follow_all(mix, cursors);
	settle();
	taken_count = 0;
	run_round(&hub_us[0], &turns_us[0]);
	for (int i = 0; i < ROUNDS; i++)
		run_round(&hub_us[i], &turns_us[i]);
	print_line(hub_us, mix->name, "a publish");
	print_line(turns_us, mix->name, "its subscribers' turns");
	for (int i = 0; i < PATTERNS; i++)
		cursor_close(&cursors[i]);
	hub_deinit(&hub);
	turns_deinit(&turns);
}

int
main(void)
{
	struct url base = { 0 };

	if (selector_base_parse(&base, HUB, strlen(HUB)) == -1)
		errx(1, "%s is no URL", HUB);
	for (size_t i = 0; i < sizeof(mixes) / sizeof(mixes[0]); i++)
		measure(&mixes[i], &base);
	url_deinit(&base);
	return 0;
}
