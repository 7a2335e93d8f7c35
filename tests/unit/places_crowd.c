#include "places_crowd.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/mem.h"

#define STEP_MS 5
#define EVENT_MS 100 /* from one event to the next */
#define NETWORK_MS 20

/* They all have one address. */
#define CROWD 1

struct member {
	struct list node; /* among those who have a stream, the oldest first */
	bool        is_open;
	int64_t     since_ms; /* open, or away */
	int64_t     back_ms;
	int64_t     delay_ms; /* of all events together */
	size_t      event_count;
};

struct run {
	const struct crowd *crowd;
	struct places       places;
	struct member      *members;
	struct list         open;
	size_t              open_count;
	int64_t             from_ms; /* the measurement begins */
	int64_t            *delays;  /* in steps; by ms / STEP_MS */
	size_t              step_count;
	size_t              event_count;
	size_t              come_count;
	size_t              refused_count;
};

static void
go(const struct run *run, struct member *member, long wait_ms, int64_t now_ms)
{
	int64_t late_ms = random() %
	    (wait_ms * run->crowd->late_percent / 100 + NETWORK_MS);

	member->back_ms = now_ms + wait_ms + late_ms;
}

static void
note(struct run *run, struct member *member, int64_t delay_ms)
{
	size_t step = (size_t)(delay_ms / STEP_MS);

	run->delays[step < run->step_count ? step : run->step_count - 1]++;
	run->event_count++;
	member->event_count++;
	member->delay_ms += delay_ms;
}

/* The client has what was published while it was away. */
static void
catch_up(struct run *run, struct member *member, int64_t now_ms)
{
	int64_t event_ms = member->since_ms > run->from_ms ? member->since_ms :
							     run->from_ms;

	event_ms += EVENT_MS - event_ms % EVENT_MS;
	for (; event_ms <= now_ms; event_ms += EVENT_MS)
		note(run, member, now_ms - event_ms);
}

static void
open_stream(struct run *run, struct member *member, int64_t now_ms)
{
	catch_up(run, member, now_ms);
	member->is_open = true;
	member->since_ms = now_ms;
	list_append(&run->open, &member->node);
	run->open_count++;
}

static void
end_stream(struct run *run, struct member *member, int64_t now_ms)
{
	go(run, member,
	    places_send_away(&run->places, CROWD, run->open_count,
		member->since_ms, now_ms),
	    now_ms);
	list_remove(&member->node);
	run->open_count--;
	/* What came while it was open was there at once. */
	for (int64_t at_ms = member->since_ms; at_ms < now_ms;
	     at_ms += EVENT_MS) {
		if (at_ms >= run->from_ms)
			note(run, member, 0);
	}
	member->is_open = false;
	member->since_ms = now_ms;
}

static void
come(struct run *run, struct member *member, int64_t now_ms)
{
	bool           was_awaited = places_arrive(&run->places, CROWD, now_ms);
	struct member *oldest;

	run->come_count += now_ms >= run->from_ms;
	if (places_are_taken(&run->places, run->open_count)) {
		oldest = list_entry(run->open.next, struct member, node);
		if (!places_had_turn(&run->places, CROWD, run->open_count,
			oldest->since_ms, now_ms)) {
			go(run, member,
			    places_refuse(&run->places, CROWD, run->open_count,
				was_awaited, oldest->since_ms, now_ms),
			    now_ms);
			run->refused_count += now_ms >= run->from_ms;
			return;
		}
		end_stream(run, oldest, now_ms);
	}
	open_stream(run, member, now_ms);
}

static void
read_delays(const struct run *run, struct crowd_result *result)
{
	size_t count = 0, step, event_count = run->event_count;

	for (step = 0; step < run->step_count; step++) {
		if (run->delays[step] == 0)
			continue;
		if (count <= event_count / 2)
			result->median_ms = (int64_t)step * STEP_MS;
		if (count <= event_count - event_count / 100)
			result->p99_ms = (int64_t)step * STEP_MS;
		count += (size_t)run->delays[step];
		result->max_ms = (int64_t)step * STEP_MS;
	}
}

static void
read_result(const struct run *run, struct crowd_result *result)
{
	size_t               i, client_count = run->crowd->client_count;
	double               all = 0, worst = 0, mean;
	const struct member *member;

	*result = (struct crowd_result){ 0 };
	read_delays(run, result);
	for (i = 0; i < client_count; i++) {
		member = &run->members[i];
		/* Who has no event of all these was never there. */
		mean = member->event_count == 0 ?
		    (double)run->crowd->seconds * 1000 :
		    (double)member->delay_ms / (double)member->event_count;
		all += mean / (double)client_count;
		if (mean > worst)
			worst = mean;
	}
	result->worst_part = all > 0 ? worst / all : 1;
	result->connects_per_second = (double)run->come_count /
	    (double)run->crowd->seconds;
	result->refused_part = (double)run->refused_count /
	    (double)(run->come_count + 1);
}

void
crowd_run(const struct crowd *crowd, struct crowd_result *result)
{
	struct run run = { .crowd = crowd };
	int64_t    now_ms, end_ms;
	size_t     i;

	list_init(&run.open);
	places_set_limits(&run.places, &crowd->limits);
	run.from_ms = 2 *
	    (crowd->limits.turn_ms_max +
		(int64_t)crowd->client_count * crowd->limits.turn_ms_min);
	end_ms = run.from_ms + crowd->seconds * 1000;
	run.step_count = (size_t)(end_ms / STEP_MS) + 1;
	run.delays = mem_zalloc(run.step_count * sizeof(*run.delays));
	run.members = mem_zalloc(crowd->client_count * sizeof(*run.members));
	for (now_ms = 0; now_ms < end_ms; now_ms += STEP_MS) {
		for (i = 0; i < crowd->client_count; i++) {
			if (!run.members[i].is_open &&
			    run.members[i].back_ms <= now_ms)
				come(&run, &run.members[i], now_ms);
		}
	}
	/* What is still away has waited at least until now. */
	for (i = 0; i < crowd->client_count; i++) {
		if (run.members[i].is_open)
			end_stream(&run, &run.members[i], end_ms);
		else
			catch_up(&run, &run.members[i], end_ms);
	}
	read_result(&run, result);
	places_deinit(&run.places);
	free(run.members);
	free(run.delays);
}
