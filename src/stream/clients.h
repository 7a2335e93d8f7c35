#ifndef STREAM_CLIENTS_H
#define STREAM_CLIENTS_H

#include <stddef.h>
#include <stdint.h>

/* A client, and how many streams it has. */
struct client {
	size_t stream_count;
	char   key[]; /* address_key of its address */
};

/* All clients that have a stream; {0} is none. */
struct clients {
	void *tree; /* of clients, by key */
};

/* A number for the client that the address belongs to; NULL: unknown. */
uint64_t client_key(const char *address);

/* How many streams the client has that the address belongs to. */
size_t clients_count(const struct clients *, const char *address);

/* One stream more for the address; returns the client that it shares. */
struct client *clients_enter(struct clients *, const char *address);

/* One stream less. A client without any is freed. */
void clients_leave(struct clients *, struct client *);

#endif
