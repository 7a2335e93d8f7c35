#ifndef PROCESS_RESOURCES_H
#define PROCESS_RESOURCES_H

#include <stddef.h>

/*
 * Raises the soft limit of descriptors to the hard one. Returns how many the
 * process may have open.
 */
size_t resources_raise_descriptors(void);

/*
 * Has the allocator give large buffers back as soon as they are freed, and
 * libuv end the process as mem.h does when there is no memory. Before any use
 * of libuv.
 */
void resources_set_allocator(void);

/* Gives back to the system what was freed. Takes some ms after many streams. */
void resources_trim_memory(void);

#endif
