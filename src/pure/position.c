#include "config.h"

#include "pure/position.h"

#include <stdio.h>
#include <string.h>

#include "pure/percent.h"

#define COUNT_BITS 20
#define COUNT_MASK ((UINT64_C(1) << COUNT_BITS) - 1)

#define PREFIX "urn:uuid:"
#define PREFIX_BYTES (sizeof(PREFIX) - 1)

uint64_t
position_next(uint64_t last, int64_t wall_ms)
{
	uint64_t now;

	now = position_at(wall_ms);
	return now > last ? now : last + 1;
}

int64_t
position_ms(uint64_t position)
{
	return (int64_t)(position >> COUNT_BITS);
}

uint64_t
position_at(int64_t wall_ms)
{
	return wall_ms > 0 ? (uint64_t)wall_ms << COUNT_BITS : 0;
}

void
position_to_id(uint64_t position, uint64_t tag,
    char id[static POSITION_ID_BYTES])
{
	uint64_t ms, count, high, low;

	ms = position >> COUNT_BITS;
	count = position & COUNT_MASK;
	high = ms << 16 | UINT64_C(7) << 12 | count >> 8;
	low = UINT64_C(2) << 62 | (count & 0xff) << POSITION_TAG_BITS |
	    (tag & POSITION_TAG_MASK);
	snprintf(id, POSITION_ID_BYTES, PREFIX "%08x-%04x-%04x-%04x-%012llx",
	    (unsigned)(high >> 32), (unsigned)(high >> 16 & 0xffff),
	    (unsigned)(high & 0xffff), (unsigned)(low >> 48),
	    (unsigned long long)(low & UINT64_C(0xffffffffffff)));
}

/* The 32 digits of a UUID; false: it is none. */
static bool
parse_uuid(const char *text, uint64_t *high, uint64_t *low)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	uint64_t          words[2] = { 0, 0 };
	size_t            i, digit_count = 0;
	int               value;

	for (i = 0; form[i] != '\0'; i++) {
		if (form[i] == '-') {
			if (text[i] != '-')
				return false;
			continue;
		}
		value = percent_hex_value(text[i]);
		if (value < 0)
			return false;
		words[digit_count / 16] = words[digit_count / 16] << 4 |
		    (unsigned)value;
		digit_count++;
	}
	*high = words[0];
	*low = words[1];
	return true;
}

bool
position_from_id(const char *id, size_t len_bytes, uint64_t tag,
    uint64_t *position)
{
	uint64_t high, low, count;

	if (len_bytes != POSITION_ID_BYTES - 1 ||
	    memcmp(id, PREFIX, PREFIX_BYTES) != 0 ||
	    !parse_uuid(id + PREFIX_BYTES, &high, &low))
		return false;
	if ((high >> 12 & 0xf) != 7 || low >> 62 != 2 ||
	    (low & POSITION_TAG_MASK) != (tag & POSITION_TAG_MASK))
		return false;
	count = (high & 0xfff) << 8 | (low >> POSITION_TAG_BITS & 0xff);
	/* Positions stay below 2^63, which stores keep as signed numbers. */
	if (high >> 59 != 0)
		return false;
	*position = (high >> 16) << COUNT_BITS | count;
	return true;
}
