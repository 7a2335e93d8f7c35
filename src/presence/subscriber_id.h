#ifndef PRESENCE_SUBSCRIBER_ID_H
#define PRESENCE_SUBSCRIBER_ID_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The id of a subscriber: a UUID of version 8 (RFC 9562 section 5.8), whose
 * node is the number of the process that serves it, and whose other bits are
 * random. So an announcement says which process it is of.
 */
struct subscriber_id {
	uint64_t high;
	uint64_t low;
};

/* "urn:uuid:", the digits with four dashes, and a NUL. */
#define SUBSCRIBER_ID_BYTES 46

/* A random number for a process, of 48 bits; never 0. */
uint64_t subscriber_id_make_process(void);

/* A unique id of a subscriber of that process. */
struct subscriber_id subscriber_id_make(uint64_t process);

/* The number of its process. */
uint64_t subscriber_id_process(const struct subscriber_id *);

void subscriber_id_print(const struct subscriber_id *,
    char text[static SUBSCRIBER_ID_BYTES]);

/* Reads what subscriber_id_print writes, and nothing else. */
bool subscriber_id_read(struct subscriber_id *, const char *text);

#endif
