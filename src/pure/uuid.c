#include "pure/uuid.h"

#include <stdio.h>

void
uuid_print_urn(char out[static UUID_URN_BYTES], int64_t unix_ms,
    const uint8_t random_bytes[static 10])
{
	const uint8_t *r = random_bytes;

	snprintf(out, UUID_URN_BYTES,
	    "urn:uuid:%08llx-%04llx-7%x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
	    (unsigned long long)unix_ms >> 16 & 0xffffffff,
	    (unsigned long long)unix_ms & 0xffff, r[0] & 0x0fu, r[1],
	    (r[2] & 0x3fu) | 0x80u, r[3], r[4], r[5], r[6], r[7], r[8], r[9]);
}
