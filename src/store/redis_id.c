#include "store/redis_id.h"

#include <inttypes.h>
#include <stdio.h>

#include "pure/position.h"

/* Positions stay below 2^63. */
#define MS_MAX (UINT64_C(1) << 43)

static bool
parse_number(uint64_t *number, const char **text, const char *end)
{
	const char *begin = *text;
	unsigned    digit;

	*number = 0;
	for (; *text < end && **text >= '0' && **text <= '9'; ++*text) {
		digit = (unsigned)(**text - '0');
		if (*number > (UINT64_MAX - digit) / 10)
			return false;
		*number = *number * 10 + digit;
	}
	return *text > begin;
}

bool
redis_id_parse(struct redis_id *id, const char *text, size_t len_bytes)
{
	const char *end = text + len_bytes;

	if (!parse_number(&id->ms, &text, end) || text == end || *text != '-')
		return false;
	text++;
	return parse_number(&id->n, &text, end) && text == end;
}

void
redis_id_print(const struct redis_id *id, char out[static REDIS_ID_BYTES])
{
	snprintf(out, REDIS_ID_BYTES, "%" PRIu64 "-%" PRIu64, id->ms, id->n);
}

int
redis_id_compare(const struct redis_id *a, const struct redis_id *b)
{
	if (a->ms != b->ms)
		return a->ms < b->ms ? -1 : 1;
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	return 0;
}

uint64_t
redis_id_position(const struct redis_id *id)
{
	if (id->ms >= MS_MAX || id->n >= REDIS_ID_N_MAX)
		return 0;
	return position_at((int64_t)id->ms) | id->n;
}

struct redis_id
redis_id_at(uint64_t position)
{
	struct redis_id id;

	id.ms = (uint64_t)position_ms(position);
	id.n = position & (REDIS_ID_N_MAX - 1);
	return id;
}
