#include "stream/places.h"

#include <stdlib.h>

#include "base/mem.h"

/* Nobody is told to come back sooner. */
#define RETURN_MS_MIN 100

/* Clients come late, by a network's time and by up to half their wait. */
#define LATE_MS 3000

/*
 * A round is as long as its turns, but no longer than the longer of these:
 * whoever asks too often is not to send all others away for good.
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

static size_t
client_count(const struct places *places, size_t open_count)
{
	size_t count = open_count + places->awaited_count;

	return count > places->limits.count ? count : places->limits.count;
}

int64_t
places_turn_ms(const struct places *places, size_t open_count)
{
	int64_t max_ms = longest_turn_ms(places);
	double  part = (double)places->limits.count /
	    (double)client_count(places, open_count);

	return between((int64_t)((double)max_ms * part),
	    places->limits.turn_ms_min, max_ms);
}

/*
 * Where turns cannot be shorter the round is longer, by a quarter more than
 * they need: with none to spare most of those who come would find no place.
 */
int64_t
places_round_ms(const struct places *places, size_t open_count)
{
	int64_t max_ms = longest_turn_ms(places), end_ms;
	double  turns = (double)client_count(places, open_count) /
	    (double)places->limits.count;
	double least_ms = turns * (double)places->limits.turn_ms_min * 5 / 4;

	end_ms = max_ms * ROUND_TURNS_MAX > ROUND_MS_MAX ?
	    max_ms * ROUND_TURNS_MAX :
	    ROUND_MS_MAX;
	if (least_ms > (double)end_ms)
		return end_ms;
	return between((int64_t)least_ms, max_ms, end_ms);
}

void
places_set_limits(struct places *places, const struct places_limits *limits,
    int64_t now_ms)
{
	places->limits = *limits;
	if (limits->count == 0) {
		places_deinit(places);
	} else if (places->slots == NULL) {
		places->slots = mem_zalloc(PLACES_SLOT_COUNT *
		    sizeof(*places->slots));
		places->first_slot = now_ms / PLACES_SLOT_MS;
	}
}

void
places_deinit(struct places *places)
{
	free(places->slots);
	places->slots = NULL;
	places->awaited_count = 0;
}

static uint32_t *
slot_at(struct places *places, int64_t slot)
{
	return &places->slots[slot % PLACES_SLOT_COUNT];
}

/* Forgets those who should have come long ago. */
static void
forget_lost(struct places *places, int64_t now_ms)
{
	int64_t late_ms = LATE_MS + places_round_ms(places, 0) / 2;
	int64_t first = (now_ms - late_ms) / PLACES_SLOT_MS;

	while (places->first_slot < first && places->awaited_count > 0) {
		places->awaited_count -= *slot_at(places, places->first_slot);
		*slot_at(places, places->first_slot) = 0;
		places->first_slot++;
	}
	if (places->first_slot < first)
		places->first_slot = first;
}

static long
await(struct places *places, int64_t wait_ms, int64_t now_ms)
{
	int64_t slot = (now_ms + wait_ms) / PLACES_SLOT_MS;

	forget_lost(places, now_ms);
	/* Where that is further ahead than the ring goes it is not counted. */
	if (slot < places->first_slot + PLACES_SLOT_COUNT) {
		++*slot_at(places, slot);
		places->awaited_count++;
	}
	return (long)wait_ms;
}

bool
places_are_taken(const struct places *places, size_t open_count)
{
	return places->limits.count > 0 && open_count >= places->limits.count;
}

bool
places_arrive(struct places *places, int64_t now_ms)
{
	int64_t slot, now_slot = now_ms / PLACES_SLOT_MS;

	if (places->slots == NULL)
		return false;
	forget_lost(places, now_ms);
	for (slot = places->first_slot;
	     places->awaited_count > 0 && slot <= now_slot; slot++) {
		if (*slot_at(places, slot) == 0)
			continue;
		--*slot_at(places, slot);
		places->awaited_count--;
		return true;
	}
	return false;
}

/* A stream may be ended for another one once half its turn is over. */
static int64_t
age_ms_min(const struct places *places, size_t open_count)
{
	return between(places_turn_ms(places, open_count) / 2,
	    places->limits.turn_ms_min, longest_turn_ms(places));
}

bool
places_had_turn(const struct places *places, size_t open_count,
    int64_t opened_ms, int64_t now_ms)
{
	return now_ms - opened_ms >= age_ms_min(places, open_count);
}

long
places_send_away(struct places *places, size_t open_count, int64_t opened_ms,
    int64_t now_ms)
{
	int64_t round_ms = places_round_ms(places, open_count);
	int64_t wait_ms = round_ms - (now_ms - opened_ms);
	/* With hardly more clients than places they need not hurry. */
	int64_t least_ms = places_turn_ms(places, open_count) / 4;

	/* Clients that came together are spread, so that they part in time. */
	wait_ms += random_ms(round_ms / 10) - round_ms / 20;
	if (least_ms < RETURN_MS_MIN)
		least_ms = RETURN_MS_MIN;
	return await(places, wait_ms < least_ms ? least_ms : wait_ms, now_ms);
}

long
places_refuse(struct places *places, size_t open_count, bool was_awaited,
    int64_t oldest_opened_ms, int64_t now_ms)
{
	int64_t wait_ms;

	if (was_awaited) {
		wait_ms = oldest_opened_ms - now_ms +
		    age_ms_min(places, open_count);
		if (wait_ms < 0)
			wait_ms = 0;
		wait_ms += random_ms(places_turn_ms(places, open_count));
	} else {
		wait_ms = random_ms(places_round_ms(places, open_count));
	}
	return await(places, wait_ms < RETURN_MS_MIN ? RETURN_MS_MIN : wait_ms,
	    now_ms);
}
