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

/* By it a process finds its own stream in the notes. */
static uint64_t
random_key(void)
{
	uint64_t key = 0;

	uv_random(NULL, NULL, &key, sizeof(key), 0, NULL);
	return key;
}

void
seating_init(struct seating *seating, const struct store_choice *choice)
{
	seating->fallback_max = choice->streams_max;
	seating->seats = NULL;
	seating->rota = NULL;
	if (choice->streams_max == 0)
		return;
	if (choice->seats_path != NULL)
		seating->seats = seats_open(choice->seats_path, 0);
	if (seating->seats != NULL)
		seating->rota = rota_new(seating->seats, random_key());
	else
		log_warn("seats", LOG_STR("file", choice->seats_path),
		    LOG_STR("error",
			choice->seats_path == NULL ? "no folder for it" :
						     strerror(errno)),
		    LOG_STR("effect",
			"max-streams is counted in this process only"));
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
seating_turn_count(const struct seating *seating, uint64_t option,
    size_t count_max)
{
	if (!seating_is_single_use(seating))
		return option;
	return seating->seats == NULL ? 0 : count_max;
}
