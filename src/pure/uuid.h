#ifndef PURE_UUID_H
#define PURE_UUID_H

#include <stdint.h>

/* "urn:uuid:" and a UUID, with its NUL. */
#define UUID_URN_BYTES 46

/*
 * Prints a UUID of version 7 (RFC 9562 section 5.7), which sorts by the time
 * it was made, as a URN. Ten random bytes make it hard to guess.
 */
void uuid_print_urn(char out[static UUID_URN_BYTES], int64_t unix_ms,
    const uint8_t random_bytes[static 10]);

#endif
