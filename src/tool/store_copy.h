#ifndef TOOL_STORE_COPY_H
#define TOOL_STORE_COPY_H

#include <stdint.h>

/*
 * Copies all updates of a store to one that is empty, with their positions,
 * ids and rights, while both may be served: all that was acknowledged when it
 * began, and what comes meanwhile as far as it is seen. Prints how many.
 * Returns 0, or -1 after a report; what was copied until then stays.
 */
int store_copy(const char *from, const char *to, int64_t wait_ms);

#endif
