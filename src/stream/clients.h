#ifndef STREAM_CLIENTS_H
#define STREAM_CLIENTS_H

#include <stddef.h>

/* A client's address and the streams it has, found by the address. */
struct client {
	size_t stream_count;
	char   address[];
};

/* All clients that have a stream; {0} is none. */
struct clients {
	void *tree; /* of clients, by address */
};

/* How many streams the address has; NULL and "" are that of nobody known. */
size_t clients_count(const struct clients *, const char *address);

/* One stream more for the address; returns the client that it shares. */
struct client *clients_enter(struct clients *, const char *address);

/* One stream less. A client without any is freed. */
void clients_leave(struct clients *, struct client *);

#endif
