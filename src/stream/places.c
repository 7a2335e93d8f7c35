#include "stream/places.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* No client is told to come back sooner. */
#define RETURN_MS_MIN 100

/* Clients come late, by a network's time and by up to half their wait. */
#define LATE_MS 3000

/* How many waits are kept: so many for each place, within bounds. */
#define WAITS_PER_PLACE 64
#define WAITS_MIN 4096
#define WAITS_MAX 65536

/* Clients are grouped by their keys; few share a group by chance. */
#define GROUP_COUNT 256

/*
 * For others a client counts as an eighth of all at most, or as many clients
 * as there are places. So much nearer to that each step comes.
 */
#define SHARE_MAX 8
#define SHARE_STEPS 12

/*
 * A round is as long as its turns, but no longer than the longer of these: a
 * client that asks too often must not keep all others away for ever.
 */
#define ROUND_TURNS_MAX 12
#define ROUND_MS_MAX 60000

static int64_t
between(int64_t value, int64_t min, int64_t max)
{
	if (value > max)
		value = max;
	return value < min ? min : value;
}

static int64_t
random_ms(int64_t max_ms)
{
	return random() % (max_ms + 1);
}

static int64_t
longest_turn_ms(const struct places *places)
{
	return places->limits.turn_ms_max > places->limits.turn_ms_min ?
	    places->limits.turn_ms_max :
	    places->limits.turn_ms_min;
}

/* The clients that wait, by their keys. */
struct crowd_view {
	uint32_t groups[GROUP_COUNT];
	size_t   share_max;    /* what each group counts for the others */
	size_t   capped_count; /* all, with no group above that */
};

static size_t
count_capped(const struct crowd_view *view, size_t share_max)
{
	size_t count = 0;

	for (size_t i = 0; i < GROUP_COUNT; i++)
		count += view->groups[i] < share_max ? view->groups[i] :
						       share_max;
	return count;
}

static void
view_crowd(const struct places *places, struct crowd_view *view)
{
	memset(view, 0, sizeof(*view));
	for (size_t i = 0; i < places->wait_count; i++)
		view->groups[places->waits[i].client % GROUP_COUNT]++;
	view->share_max = places->wait_count;
	for (int i = 0; i < SHARE_STEPS; i++) {
		view->capped_count = count_capped(view, view->share_max);
		view->share_max = view->capped_count / SHARE_MAX;
		if (view->share_max < places->limits.count)
			view->share_max = places->limits.count;
	}
	view->capped_count = count_capped(view, view->share_max);
}

/* Whether a round in which all have their turns is longer than the longest. */
static double
least_round_ms(const struct places *places, size_t client_count)
{
	return (double)client_count / (double)places->limits.count *
	    (double)places->limits.turn_ms_min * 5 / 4;
}

static bool
is_crowded(const struct places *places, size_t open_count)
{
	return least_round_ms(places, open_count + places->wait_count) >
	    (double)longest_turn_ms(places);
}

/* How many clients there are, as this one is to see it. */
static size_t
client_count(const struct places *places, uint64_t client, size_t open_count)
{
	size_t            count = open_count + places->wait_count, own;
	struct crowd_view view;

	if (is_crowded(places, open_count)) {
		view_crowd(places, &view);
		own = view.groups[client % GROUP_COUNT];
		count = open_count + view.capped_count;
		if (own > view.share_max)
			count += own - view.share_max;
	}
	return count > places->limits.count ? count : places->limits.count;
}

bool
places_is_greedy(const struct places *places, uint64_t client,
    size_t open_count, size_t own_count)
{
	struct crowd_view view;
	size_t            own;

	if (!is_crowded(places, open_count))
		return false;
	view_crowd(places, &view);
	own = view.groups[client % GROUP_COUNT];
	return own > view.share_max && own < places->wait_count &&
	    own_count * view.capped_count >=
	    places->limits.count * view.share_max;
}

int64_t
places_turn_ms(const struct places *places, uint64_t client, size_t open_count)
{
	int64_t max_ms = longest_turn_ms(places);
	double  part = (double)places->limits.count /
	    (double)client_count(places, client, open_count);

	return between((int64_t)((double)max_ms * part),
	    places->limits.turn_ms_min, max_ms);
}

/*
 * Where turns cannot be shorter the round is longer, by a quarter more than
 * they need: without that most clients that come would find no place.
 */
int64_t
places_round_ms(const struct places *places, uint64_t client, size_t open_count)
{
	int64_t max_ms = longest_turn_ms(places), end_ms;
	double  least_ms = least_round_ms(places,
	     client_count(places, client, open_count));

	end_ms = max_ms * ROUND_TURNS_MAX > ROUND_MS_MAX ?
	    max_ms * ROUND_TURNS_MAX :
	    ROUND_MS_MAX;
	if (least_ms > (double)end_ms)
		return end_ms;
	return between((int64_t)least_ms, max_ms, end_ms);
}

void
places_set_limits(struct places *places, const struct places_limits *limits)
{
	size_t count = limits->count;

	places->limits = *limits;
	if (count == 0) {
		places_deinit(places);
		return;
	}
	places->wait_max = count > WAITS_MAX / WAITS_PER_PLACE ?
	    WAITS_MAX :
	    count * WAITS_PER_PLACE;
	if (places->wait_max < WAITS_MIN)
		places->wait_max = WAITS_MIN;
	places->waits = mem_realloc(places->waits,
	    places->wait_max * sizeof(*places->waits));
	if (places->wait_count > places->wait_max)
		places->wait_count = places->wait_max;
}

void
places_deinit(struct places *places)
{
	free(places->waits);
	places->waits = NULL;
	places->wait_count = places->wait_max = 0;
}

static void
drop_wait(struct places *places, size_t i)
{
	places->waits[i] = places->waits[--places->wait_count];
}

/*
 * A client that should have come long ago will not come. None was told to come
 * later than the longest round from now.
 */
void
places_forget_lost(struct places *places, int64_t now_ms)
{
	int64_t round_ms, due_ms;

	if (places->wait_count == 0)
		return;
	round_ms = places_round_ms(places, 0, 0);
	for (size_t i = places->wait_count; i-- > 0;) {
		due_ms = places->waits[i].due_ms;
		if (due_ms < now_ms - LATE_MS - round_ms / 2 ||
		    due_ms > now_ms +
			    2 * longest_turn_ms(places) * ROUND_TURNS_MAX +
			    ROUND_MS_MAX)
			drop_wait(places, i);
	}
}

static size_t
count_of(const struct places *places, uint64_t client)
{
	size_t count = 0;

	for (size_t i = 0; i < places->wait_count; i++)
		count += places->waits[i].client == client;
	return count;
}

/* A client that has half of all that are kept is counted no further. */
static long
await(struct places *places, uint64_t client, int64_t wait_ms, int64_t now_ms)
{
	places_forget_lost(places, now_ms);
	if (places->wait_count < places->wait_max &&
	    count_of(places, client) < places->wait_max / 2)
		places->waits[places->wait_count++] =
		    (struct places_wait){ client, now_ms + wait_ms };
	return (long)wait_ms;
}

bool
places_are_taken(const struct places *places, size_t open_count)
{
	return places->limits.count > 0 && open_count >= places->limits.count;
}

bool
places_arrive(struct places *places, uint64_t client, int64_t now_ms)
{
	size_t first = SIZE_MAX;

	places_forget_lost(places, now_ms);
	for (size_t i = 0; i < places->wait_count; i++) {
		if (places->waits[i].client == client &&
		    places->waits[i].due_ms <= now_ms &&
		    (first == SIZE_MAX ||
			places->waits[i].due_ms < places->waits[first].due_ms))
			first = i;
	}
	if (first == SIZE_MAX)
		return false;
	drop_wait(places, first);
	return true;
}

/* A stream may be ended for another one once half its turn is over. */
static int64_t
age_ms_min(const struct places *places, uint64_t client, size_t open_count)
{
	return between(places_turn_ms(places, client, open_count) / 2,
	    places->limits.turn_ms_min, longest_turn_ms(places));
}

bool
places_had_turn(const struct places *places, uint64_t client, size_t open_count,
    int64_t opened_ms, int64_t now_ms)
{
	return now_ms - opened_ms >= age_ms_min(places, client, open_count);
}

long
places_send_away(struct places *places, uint64_t client, size_t open_count,
    int64_t opened_ms, int64_t now_ms)
{
	int64_t round_ms = places_round_ms(places, client, open_count);
	int64_t wait_ms = round_ms - (now_ms - opened_ms);
	/*
	 * With hardly more clients than places there is no need to come back
	 * soon.
	 */
	int64_t least_ms = places_turn_ms(places, client, open_count) / 4;

	/*
	 * Clients that came together are spread, so that later they come apart.
	 */
	wait_ms += random_ms(round_ms / 10) - round_ms / 20;
	if (least_ms < RETURN_MS_MIN)
		least_ms = RETURN_MS_MIN;
	return await(places, client, wait_ms < least_ms ? least_ms : wait_ms,
	    now_ms);
}

long
places_refuse(struct places *places, uint64_t client, size_t open_count,
    bool was_awaited, int64_t oldest_opened_ms, int64_t now_ms)
{
	int64_t wait_ms;

	if (was_awaited) {
		wait_ms = oldest_opened_ms - now_ms +
		    age_ms_min(places, client, open_count);
		if (wait_ms < 0)
			wait_ms = 0;
		wait_ms += random_ms(places_turn_ms(places, client,
		    open_count));
	} else {
		wait_ms = random_ms(places_round_ms(places, client,
		    open_count));
	}
	return await(places, client,
	    wait_ms < RETURN_MS_MIN ? RETURN_MS_MIN : wait_ms, now_ms);
}
