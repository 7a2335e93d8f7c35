#ifndef PURE_POSITION_H
#define PURE_POSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A position is the place of an update in the log: the time in ms since the
 * epoch in the upper 44 bits and a count within that ms in the lower 20. It
 * rises with each update whatever the clock does, and is never used again
 * after a restart. The id that we give an update holds it.
 */

/* The position behind last, at a wall clock in ms since the epoch. */
uint64_t position_next(uint64_t last, int64_t wall_ms);

/* The wall clock, in ms since the epoch, in a position. */
int64_t position_ms(uint64_t position);

/* The lowest position of that time. */
uint64_t position_at(int64_t wall_ms);

/* Bits of a tag, which tells one store's ids from another's. */
#define POSITION_TAG_BITS 54
#define POSITION_TAG_MASK ((UINT64_C(1) << POSITION_TAG_BITS) - 1)

/* Of "urn:uuid:" and a UUID, with the NUL. */
#define POSITION_ID_BYTES 46

/*
 * Writes the id of the update at this position: "urn:uuid:" and a UUID of
 * version 7 (RFC 9562 section 5.7), whose 48 bits of time are position >> 20,
 * whose rand_a and first 8 bits of rand_b are the lower 20 bits of the
 * position, and whose other 54 bits are the tag.
 */
void position_to_id(uint64_t position, uint64_t tag,
    char id[static POSITION_ID_BYTES]);

/*
 * Reads such an id. Returns false, and writes nothing, if it is none or if it
 * has another tag. The hex digits may be of either case.
 */
bool position_from_id(const char *id, size_t len_bytes, uint64_t tag,
    uint64_t *position);

#endif
