#ifndef PURE_EVENT_ID_H
#define PURE_EVENT_ID_H

#include <stdbool.h>
#include <stddef.h>

/* Stands for the event before the first that is kept. */
#define EVENT_ID_EARLIEST "earliest"

/* The longest that a publisher may give. */
#define EVENT_ID_BYTES_MAX 1024

/*
 * Whether a publisher may give an event this id, which a NUL follows. It is no
 * id that the hub gives a meaning to, also without the spaces around it: a
 * subscriber sends it back in a field, which loses them.
 */
bool event_id_is_publishers(const char *id, size_t len_bytes);

#endif
