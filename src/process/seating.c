#include "process/seating.h"

#include <errno.h>
#include <string.h>
#include <uv.h>

#include "base/log.h"
#include "process/store_choice.h"
#include "store/seats.h"
#include "stream/rota.h"

/* Descriptors kept for other uses than streams, beside a 64th of all. */
#define DESCRIPTORS_RESERVE 24

/*
 * How long a process waits for the notes, which others have for microseconds
 * unless they were stopped: one with a single client holds up nobody else.
 */
#define NOTES_US 300
#define NOTES_ALONE_US 30000

/* By it a process finds its own stream in the notes. */
static uint64_t
random_key(void)
{
	uint64_t key = 0;

	uv_random(NULL, NULL, &key, sizeof(key), 0, NULL);
	return key;
}

static void
warn_of_none(const char *path, const char *why)
{
	log_warn("seats", LOG_STR("file", path), LOG_STR("error", why),
	    LOG_STR("effect",
		"max-streams and turns are counted in this process only"));
}

void
seating_init(struct seating *seating, const struct store_choice *choice)
{
	seating->fallback_max = choice->streams_max;
	seating->seats = NULL;
	seating->rota = NULL;
	seating->is_shared = choice->is_shared;
	if (!choice->is_shared)
		return;
	if (choice->seats_path != NULL)
		seating->seats = seats_open(choice->seats_path, 0);
	if (seating->seats != NULL)
		seating->rota = rota_new(seating->seats, random_key(),
		    choice->streams_max > 0 ? NOTES_ALONE_US : NOTES_US);
	else if (choice->streams_max > 0)
		warn_of_none(choice->seats_path,
		    choice->seats_path == NULL ? "no folder for it" :
						 strerror(errno));
}

void
seating_deinit(struct seating *seating)
{
	rota_free(seating->rota);
	seats_close(seating->seats);
}

bool
seating_is_single_use(const struct seating *seating)
{
	return seating->fallback_max > 0;
}

/*
 * Streams that the descriptors allow: some are ours, and the others are for
 * connections that bring requests, so that a refusal can be told.
 */
static size_t
descriptors_allow(size_t descriptors_max)
{
	size_t reserve_count = DESCRIPTORS_RESERVE + descriptors_max / 64;

	return descriptors_max > reserve_count ?
	    descriptors_max - reserve_count :
	    1;
}

size_t
seating_count_max(const struct seating *seating, uint64_t option,
    size_t descriptors_max)
{
	size_t count_max = descriptors_allow(descriptors_max);

	if (seating_is_single_use(seating))
		return option > 0 ? option : seating->fallback_max;
	return option > 0 && option < count_max ? option : count_max;
}

size_t
seating_turn_count(const struct seating *seating, uint64_t turns,
    uint64_t max_streams, size_t count_max)
{
	if (seating_is_single_use(seating))
		return seating->seats == NULL ? 0 : count_max;
	return max_streams > 0 && max_streams <= turns ? 0 : turns;
}

size_t
seating_seat_count(const struct seating *seating, size_t turn_count,
    uint64_t max_streams, size_t count_max)
{
	if (seating->seats == NULL) {
		if (seating->is_shared && turn_count + max_streams > 0 &&
		    !seating_is_single_use(seating))
			warn_of_none(NULL, "the file could not be opened");
		return 0;
	}
	if (seating_is_single_use(seating))
		return count_max;
	return turn_count > 0 ? turn_count : max_streams;
}
