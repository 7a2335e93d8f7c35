#ifndef BENCH_ADDRESS_H
#define BENCH_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* Where to listen or to connect: unix:PATH or HOST:PORT (IPv4). */
struct address {
	struct sockaddr_storage sa;
	socklen_t               len;
};

/* False when the text names no address. */
bool address_parse(struct address *, const char *);

/* Raises the soft limit of descriptors to the hard one; returns it. */
int descriptors_max_raise(void);

#endif
