#ifndef PROCESS_LIMITS_H
#define PROCESS_LIMITS_H

#include <stddef.h>

/*
 * Raises the soft limit of descriptors to the hard one. Returns how many the
 * process may have open.
 */
size_t limits_raise_descriptors(void);

/* Has the allocator give large buffers back as soon as they are freed. */
void limits_return_memory(void);

#endif
